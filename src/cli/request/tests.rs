use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use super::{Args, exchange};

/// A server of one connection: answers with `answer` and hands back what it was asked.
fn serve(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 1024];
        let length = stream.read(&mut asked).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    (address, server)
}

fn get(path: &str) -> Args {
    Args { method: "GET".to_owned(), path: path.to_owned(), body: String::new() }
}

#[test]
fn the_body_is_copied_and_the_status_told() {
    for (answer, want) in [
        (
            "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\none\r\n\r\ntwo",
            (200, "one\r\n\r\ntwo"),
        ),
        ("HTTP/1.1 404 Not Found\r\n\r\nno such proxy", (404, "no such proxy")),
    ] {
        let (address, server) = serve(answer);
        let mut body = Vec::new();
        let status = exchange(address, &get("debug/syncz"), &mut body).unwrap();
        assert_eq!((status, std::str::from_utf8(&body).unwrap()), want);
        assert!(
            server.join().unwrap().starts_with("GET /debug/syncz HTTP/1.0\r\nHost: 127.0.0.1:")
        );
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    let (address, server) = serve("SSH-2.0-x\r\n");
    let error = exchange(address, &get("/"), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().ends_with("does not speak HTTP"), "{error}");
    server.join().unwrap();

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = exchange(nobody, &get("/"), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().starts_with("no control plane answers on 127.0.0.1:"), "{error}");
}

#[test]
fn a_path_cannot_smuggle_headers() {
    let error = exchange(([127, 0, 0, 1], 9).into(), &get("/ HTTP/1.0\r\nX: y"), &mut Vec::new());
    assert!(error.unwrap_err().to_string().contains("without blanks"));
}
