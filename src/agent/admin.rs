//! Envoy's admin interface, and other servers on loopback: one request, one answer, within a time.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Of an answer. The statistics of a large proxy are some megabytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// A server on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Local {
    /// Asks once.
    pub async fn ask(self, method: Method, path: &str, within: Duration) -> anyhow::Result<Answer> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let what = || format!("{method} http://{address}{path}");
        let asked = tokio::time::timeout(within, exchange(address, method.clone(), path)).await;
        asked
            .with_context(|| format!("{}: no answer within {within:?}", what()))?
            .with_context(what)
    }

    /// The text at a path; an error unless the status says that all is well.
    pub async fn get(self, path: &str, within: Duration) -> anyhow::Result<String> {
        let Answer { status, body } = self.ask(Method::GET, path, within).await?;
        anyhow::ensure!(status.is_success(), "GET {path} on port {}: {status}", self.port);
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

async fn exchange(address: SocketAddr, method: Method, path: &str) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string())
        .body(Empty::<Bytes>::new())?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        anyhow::Ok(Answer { status, body })
    };
    // The connection is driven as long as the answer is awaited, and no longer.
    let mut answered = std::pin::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer,
        ended = connection => {
            ended?;
            answered.await
        }
    }
}
