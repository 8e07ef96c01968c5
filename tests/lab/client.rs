//! Requests from an application, or from outside of the mesh: a new connection each, from a namespace.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use super::grpc::{self, Messages};
use super::namespace::Namespace;
use super::tls;
use super::toy::Echo;

/// How long an answer may take; a loaded machine answers late, not never.
const PATIENCE: Duration = Duration::from_secs(15);

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// What the toy said; an error unless a toy answered.
    pub fn echo(&self) -> Result<Echo> {
        if self.status != StatusCode::OK {
            bail!("{}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).context("no toy answered")
    }
}

/// A request that is about to be sent.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    method: Method,
    to: SocketAddr,
    host: &'a str,
    path: &'a str,
    headers: Vec<(&'static str, &'a str)>,
    /// The root that the server's certificate must be signed by; plain HTTP without.
    tls: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// `GET path`, of a host at an address.
    pub fn new(to: SocketAddr, host: &'a str, path: &'a str) -> Ask<'a> {
        Ask { method: Method::GET, to, host, path, headers: Vec::new(), tls: None }
    }

    /// With another method.
    pub fn method(self, method: Method) -> Ask<'a> {
        Ask { method, ..self }
    }

    /// With another path.
    pub fn path(self, path: &'a str) -> Ask<'a> {
        Ask { path, ..self }
    }

    /// With one more header.
    pub fn header(mut self, name: &'static str, value: &'a str) -> Ask<'a> {
        self.headers.push((name, value));
        self
    }

    /// Over TLS, with a server for the host whose certificate this root vouches for.
    pub fn over_tls(self, root: &'a str) -> Ask<'a> {
        Ask { tls: Some(root), ..self }
    }

    /// Sends it over HTTP/1.1 and a connection of its own.
    pub async fn send(&self, from: &Namespace) -> Result<Answer> {
        let Ask { to, host, path, .. } = *self;
        let exchange = async {
            let stream = from.connect(to).await?;
            match self.tls {
                None => self.exchange(stream).await,
                Some(root) => {
                    let name = host.split(':').next().unwrap_or(host);
                    self.exchange(tls::connect(stream, name, root).await?).await
                }
            }
        };
        within(exchange, || format!("{} {host}{path} at {to}", self.method)).await
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Answer> {
        let io = TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        let driver = tokio::spawn(connection);
        let request =
            Request::builder().method(&self.method).uri(self.path).header("host", self.host);
        let request = self.headers.iter().fold(request, |r, (name, value)| r.header(*name, *value));
        let request = request.body(Full::<Bytes>::default())?;
        let answer = collect(sender.send_request(request).await?).await;
        driver.abort();
        answer
    }
}

/// Sends `GET path` over HTTP/1.1.
pub async fn get(from: &Namespace, to: SocketAddr, host: &str, path: &str) -> Result<Answer> {
    Ask::new(to, host, path).send(from).await
}

/// Calls a gRPC method with one message and returns what the toy says of it.
pub async fn call(from: &Namespace, to: SocketAddr, host: &str, message: &str) -> Result<Echo> {
    let exchange = async {
        let io = TokioIo::new(from.connect(to).await?);
        let executor = TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await?;
        let driver = tokio::spawn(connection);
        let request = Request::post(format!("http://{host}/toy.Toy/Echo"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(grpc::frame(message.as_bytes())))?;
        let response = sender.send_request(request).await?;
        let status = response.headers().get("grpc-status").cloned();
        let message = Messages::new(response.into_body()).next().await;
        driver.abort();
        let message = message.with_context(|| format!("no message; status {status:?}"))?;
        serde_json::from_slice(&message).context("no toy answered")
    };
    within(exchange, || format!("gRPC {host} at {to}")).await
}

/// Sends a line over TCP and returns the line that comes back.
pub async fn line(from: &Namespace, to: SocketAddr, line: &str) -> Result<String> {
    let exchange = async {
        let mut stream = from.connect(to).await?;
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        let answer = BufReader::new(stream).lines().next_line().await?;
        answer.context("closed without an answer")
    };
    within(exchange, || format!("TCP {to}")).await
}

async fn collect(response: http::Response<Incoming>) -> Result<Answer> {
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer { status: head.status, headers: head.headers, body })
}

async fn within<T>(
    exchange: impl Future<Output = Result<T>>,
    what: impl Fn() -> String,
) -> Result<T> {
    let result = tokio::time::timeout(PATIENCE, exchange).await;
    result.with_context(|| format!("{}: no answer within {PATIENCE:?}", what()))?.with_context(what)
}
