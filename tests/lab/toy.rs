//! The toy application of each pod: it says who it is and what it was asked.
//!
//! Ports named `tcp…` answer each line with the pod's name and the line; all others speak HTTP/1 and HTTP/2 and
//! answer with an [`Echo`] in JSON, to gRPC requests as a message.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::grpc::{self, Messages};
use super::namespace::Namespace;

/// What a toy says of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Echo {
    /// The pod that answers.
    pub pod: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The request's method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// The address of the peer, which is a sidecar's if one stands before the toy.
    pub peer: SocketAddr,
    /// The request's headers in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The first message of a gRPC request, as text; empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Echo {
    /// The value of a header of the request; empty when it had none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

/// A running toy; dropping it ends it.
pub struct Toy {
    _listeners: JoinSet<()>,
}

impl Toy {
    /// Serves all ports of a pod in its namespace.
    pub fn start(namespace: &Namespace, pod: &str, ports: &[(String, u16)]) -> Result<Toy> {
        let pod: Arc<str> = pod.into();
        let mut listeners = JoinSet::new();
        for (name, port) in ports {
            let listener = namespace.listen((Ipv4Addr::UNSPECIFIED, *port).into())?;
            if name.starts_with("tcp") {
                listeners.spawn(serve_lines(listener, pod.clone()));
            } else {
                listeners.spawn(serve_http(listener, pod.clone()));
            }
        }
        Ok(Toy { _listeners: listeners })
    }
}

async fn serve_lines(listener: TcpListener, pod: Arc<str>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer_lines(stream, pod.clone()));
    }
}

async fn answer_lines(mut stream: TcpStream, pod: Arc<str>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        writer.write_all(format!("{pod} {line}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn serve_http(listener: TcpListener, pod: Arc<str>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let pod = pod.clone();
        let service = service_fn(move |request| {
            let pod = pod.clone();
            async move { Ok::<_, std::convert::Infallible>(answer(request, &pod, peer).await) }
        });
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            drop(server.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(request: Request<Incoming>, pod: &str, peer: SocketAddr) -> Response<grpc::Answer> {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut echo = Echo {
        pod: pod.to_owned(),
        protocol: format!("{:?}", request.version()),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        peer,
        headers: request.headers().iter().map(header).collect(),
        message: String::new(),
    };
    if let Some(authority) = request.uri().authority() {
        echo.headers.push((":authority".into(), authority.to_string()));
    }
    if echo.header("content-type").starts_with("application/grpc") {
        let message = Messages::new(request.into_body()).next().await.unwrap_or_default();
        echo.message = String::from_utf8_lossy(&message).into_owned();
        let (response, replies) = grpc::answer();
        tokio::spawn(async move {
            replies.send(&serde_json::to_vec(&echo).unwrap_or_default()).await;
            replies.end("0").await;
        });
        return response;
    }
    let body = serde_json::to_string(&echo).unwrap_or_default() + "\n";
    let frame = futures_util::stream::iter([Ok(Frame::data(Bytes::from(body)))]);
    let mut response = Response::new(StreamBody::new(Box::pin(frame) as _));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
