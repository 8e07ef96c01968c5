//! For tests: an issuer on loopback that answers as it is told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a path is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200 with this body.
    Body(String),
    /// This status, with a location.
    Status(u16, String),
    /// The body, after a while.
    Slow(Duration, String),
    /// A body that does not end.
    Endless,
    /// A body that is shorter than it says.
    Broken,
    /// Bytes that are no text.
    Bytes,
}

/// The server. Dropping it ends it.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    asked: Vec<String>,
}

impl Server {
    /// On a free port; every path is answered with 404 at first.
    pub async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Server { address, state, _task: task }
    }

    /// Answers a path so from now on.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while stream.read_line(&mut line).await? > 2 {}
    let answer = {
        let mut state = state.lock().unwrap();
        state.asked.push(path.clone());
        state.answers.get(&path).cloned()
    };
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n")
    };
    let ok = |body: &str| format!("{}\r\n{body}", head(200, body.len()));
    match answer {
        None => stream.write_all(format!("{}\r\n", head(404, 0)).as_bytes()).await?,
        Some(Answer::Body(body)) => stream.write_all(ok(&body).as_bytes()).await?,
        Some(Answer::Status(status, location)) => {
            let text = format!("{}location: {location}\r\n\r\n", head(status, 0));
            stream.write_all(text.as_bytes()).await?;
        }
        Some(Answer::Slow(wait, body)) => {
            tokio::time::sleep(wait).await;
            stream.write_all(ok(&body).as_bytes()).await?;
        }
        Some(Answer::Endless) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 1 << 16]).await?;
            }
        }
        Some(Answer::Broken) => {
            stream.write_all(format!("{}\r\n{{\"keys\":", head(200, 1_000)).as_bytes()).await?;
        }
        Some(Answer::Bytes) => {
            stream.write_all(format!("{}\r\n", head(200, 2)).as_bytes()).await?;
            stream.write_all(&[0xff, 0xfe]).await?;
        }
    }
    stream.shutdown().await
}
