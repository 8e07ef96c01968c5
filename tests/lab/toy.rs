//! The toy application of each pod: it says who it is and what it was asked.
//!
//! Ports named `tcp…` answer each line with the pod's name and the line; all others speak HTTP/1 and HTTP/2, those
//! named `tls…` in TLS, with a certificate for `APP.example.com`, and answer with an [`Echo`] in JSON, to gRPC requests
//! as a message. A request may ask for a late answer (header `x-delay`, in milliseconds), and pods whose name begins with
//! its header `x-fail` answer it with 503. To Envoy's questions whether a request is allowed (gRPC) they say yes, unless
//! it has the header `x-deny`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::grpc::{self, Messages};
use super::namespace::Namespace;
use super::tls;

/// The method by which Envoy asks whether a request is allowed.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// What a toy says of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Echo {
    /// The pod that answers.
    pub pod: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The request's method.
    pub method: String,
    /// Its path, query included.
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
    pub fn start(
        namespace: &Namespace,
        pod: &str,
        ports: &[(String, u16)],
        authority: &Authority,
    ) -> Result<Toy> {
        let name: Arc<str> = pod.into();
        let mut listeners = JoinSet::new();
        for (port, number) in ports {
            let listener = namespace.listen((Ipv4Addr::UNSPECIFIED, *number).into())?;
            if port.starts_with("tcp") {
                listeners.spawn(serve_lines(listener, name.clone()));
            } else {
                let host = format!("{}.example.com", pod.split('-').next().unwrap_or(pod));
                let tls = port.starts_with("tls").then(|| authority.certify(&host)).transpose()?;
                let acceptor = tls.as_ref().map(tls::acceptor).transpose()?;
                listeners.spawn(serve_http(listener, acceptor, name.clone()));
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

async fn serve_http(listener: TcpListener, tls: Option<TlsAcceptor>, pod: Arc<str>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let (tls, pod) = (tls.clone(), pod.clone());
        tokio::spawn(async move {
            match tls {
                None => serve_connection(stream, peer, pod).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve_connection(stream, peer, pod).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection<S>(stream: S, peer: SocketAddr, pod: Arc<str>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let pod = pod.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(request, &pod, peer).await) }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(request: Request<Incoming>, pod: &str, peer: SocketAddr) -> Response<grpc::Answer> {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut echo = Echo {
        pod: pod.to_owned(),
        protocol: format!("{:?}", request.version()),
        method: request.method().to_string(),
        path: request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned(),
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
        if echo.path == CHECK {
            // A CheckResponse: an empty status is OK, and code 7 is PERMISSION_DENIED.
            let denied = echo.message.contains("x-deny");
            let verdict: &'static [u8] = if denied { &[0x0a, 2, 8, 7] } else { &[0x0a, 0] };
            tokio::spawn(async move {
                replies.send(verdict).await;
                replies.end("0").await;
            });
            return response;
        }
        tokio::spawn(async move {
            replies.send(&serde_json::to_vec(&echo).unwrap_or_default()).await;
            replies.end("0").await;
        });
        return response;
    }
    if let Ok(delay) = echo.header("x-delay").parse() {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let fails =
        Some(echo.header("x-fail")).is_some_and(|who| !who.is_empty() && pod.starts_with(who));
    let body = serde_json::to_string(&echo).unwrap_or_default() + "\n";
    let frame = futures_util::stream::iter([Ok(Frame::data(Bytes::from(body)))]);
    let mut response = Response::new(StreamBody::new(Box::pin(frame) as _));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    if fails {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
