//! The binary from outside while it runs: what it logs, and how that is changed.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use crate::daemon::Daemon;

/// A daemon that serves the samples.
fn start(controlz_port: u16) -> Daemon {
    let config = format!("--configDir={}/samples/shop", env!("CARGO_MANIFEST_DIR"));
    let controlz = format!("--ctrlz_port={controlz_port}");
    Daemon::start(&[&config, "--meshConfig=", "--grpcAddr=", "--monitoringAddr=", &controlz])
}

/// The answer to a request over a connection of its own.
fn put(address: SocketAddr, path: &str, body: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(connection, "PUT {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n").unwrap();
    write!(connection, "Content-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn log_levels_change_while_it_runs() {
    for (level, shown) in [("none", false), ("debug", true)] {
        let mut daemon = start(0);
        let address = daemon.address("--ctrlz_port");
        let body = format!("{{\"output_level\":\"{level}\"}}");
        let answer = put(address, "/scopej/default", &body);
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        let (status, rest) = daemon.stop();
        assert!(status.success(), "{status}");
        assert_eq!(rest.contains("SIGTERM: stopping"), shown, "{level}: {rest}");
    }
}

#[test]
fn a_port_that_is_taken_does_not_stop_it() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut daemon = start(port);
    let line = daemon.until(&format!("--ctrlz_port 127.0.0.1:{port}: cannot listen there: "));
    assert!(line.ends_with(": log levels cannot be changed while running"), "{line}");
    daemon.until("\tready");
    assert!(daemon.stop().0.success());
}
