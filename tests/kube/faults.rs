//! A proxy between a client and an API server that does what networks and busy servers do: refuse, be slow, cut,
//! forget. Says which requests came. Speaks plain HTTP to the client and hands on its credentials. Runs on a thread
//! of its own, so that a test may block.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use kube::config::Kubeconfig;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use super::cluster::config;

type Answer = Response<UnsyncBoxBody<Bytes, anyhow::Error>>;

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The server answers with this status, and asks to be left alone for a second.
    Status(StatusCode),
    /// A watch ends at once because its resource version is too old; everything else works.
    Expired,
    /// The answer, and each part of it, comes this much later.
    Slow(Duration),
    /// The connection ends instead of an answer.
    Cut,
    /// The connection ends after so many bytes of an answer.
    Torn(usize),
}

/// A running proxy. Dropping it ends it.
pub struct Faults {
    state: Arc<State>,
    directory: TempDir,
    runtime: Option<Runtime>,
}

struct State {
    client: Client,
    /// What goes wrong with requests whose path and query have a text; the first counts.
    rules: Mutex<Vec<(String, Fault)>>,
    requests: Mutex<Vec<String>>,
    refused: Mutex<Vec<String>>,
    connections: Mutex<Vec<AbortHandle>>,
}

impl Faults {
    /// In front of the server of a kubeconfig, without faults.
    pub async fn start(kubeconfig: &Path) -> Result<Faults> {
        Faults::start_on(std::net::TcpListener::bind("127.0.0.1:0")?, kubeconfig).await
    }

    /// The same on a socket, which may be of another network.
    pub async fn start_on(listener: std::net::TcpListener, kubeconfig: &Path) -> Result<Faults> {
        let mut config = config(kubeconfig).await?;
        config.auth_info.token = None;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let entered = runtime.enter();
        let state = State {
            client: Client::try_from(config)?,
            rules: Mutex::default(),
            requests: Mutex::default(),
            refused: Mutex::default(),
            connections: Mutex::default(),
        };
        let state = Arc::new(state);
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        runtime.spawn(Arc::clone(&state).accept(TcpListener::from_std(listener)?));
        drop(entered);
        let faults = Faults { state, directory: tempfile::tempdir()?, runtime: Some(runtime) };
        std::fs::write(faults.kubeconfig(), redirected(kubeconfig, address)?)?;
        Ok(faults)
    }

    /// The kubeconfig for those who are to suffer.
    pub fn kubeconfig(&self) -> std::path::PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// From now on requests whose path and query have a text meet a fault. Answers under way go on.
    pub fn inject(&self, text: &str, fault: Fault) {
        self.state.rules.lock().unwrap().push((text.to_owned(), fault));
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        self.state.rules.lock().unwrap().clear();
    }

    /// Cuts all connections, among them all watches.
    pub fn cut(&self) {
        self.state.connections.lock().unwrap().drain(..).for_each(|task| task.abort());
    }

    /// Method, path and query of all requests since this was asked last.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.requests.lock().unwrap())
    }

    /// Those that the server refused because the client must not do that.
    pub fn refused(&self) -> Vec<String> {
        self.state.refused.lock().unwrap().clone()
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl State {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let task = tokio::spawn(Arc::clone(&self).serve(stream));
            self.connections.lock().unwrap().push(task.abort_handle());
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request| self.answer(request));
        // It ends with an error where a fault says so, or the client leaves.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer> {
        let target =
            request.uri().path_and_query().context("a request without a path")?.to_string();
        self.requests.lock().unwrap().push(format!("{} {target}", request.method()));
        let watch = target.contains("watch=true");
        match self.fault(&target) {
            None => self.forward(request, Duration::ZERO, usize::MAX).await,
            Some(Fault::Slow(delay)) => self.forward(request, delay, usize::MAX).await,
            Some(Fault::Torn(bytes)) => self.forward(request, Duration::ZERO, bytes).await,
            Some(Fault::Cut) => anyhow::bail!("cut"),
            Some(Fault::Status(status)) => Ok(said(status, failure(status, "InjectedFault"))?),
            Some(Fault::Expired) if watch => {
                let object = failure(StatusCode::GONE, "Expired");
                Ok(said(StatusCode::OK, json!({ "type": "ERROR", "object": object }))?)
            }
            Some(Fault::Expired) => self.forward(request, Duration::ZERO, usize::MAX).await,
        }
    }

    fn fault(&self, target: &str) -> Option<Fault> {
        let rules = self.rules.lock().unwrap();
        rules.iter().find(|(text, _)| target.contains(text)).map(|(_, fault)| *fault)
    }

    /// The server's answer, each part after a delay, and no more than so many bytes of it.
    async fn forward(
        &self,
        request: Request<Incoming>,
        delay: Duration,
        mut left: usize,
    ) -> Result<Answer> {
        tokio::time::sleep(delay).await;
        let asked = format!("{} {}", request.method(), request.uri());
        let (mut head, body) = request.into_parts();
        head.headers.remove(header::HOST);
        head.headers.remove(header::CONNECTION);
        let body = body.collect().await?.to_bytes();
        let answer = self.client.send(Request::from_parts(head, Body::from(body))).await?;
        if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status()) {
            self.refused.lock().unwrap().push(asked);
        }
        let (mut head, body) = answer.into_parts();
        head.headers.remove(header::TRANSFER_ENCODING);
        let parts = body.into_data_stream().flat_map(move |part| {
            let parts = match part {
                Ok(part) if part.len() > left => {
                    vec![Ok(part.slice(..left)), Err(anyhow::anyhow!("torn"))]
                }
                part => vec![part.map_err(Into::into)],
            };
            left = left.saturating_sub(parts[0].as_ref().map_or(0, Bytes::len));
            stream::iter(parts)
        });
        let frames = parts.then(move |part| async move {
            tokio::time::sleep(delay).await;
            Ok(Frame::data(part?))
        });
        Ok(Response::from_parts(head, StreamBody::new(frames).boxed_unsync()))
    }
}

/// An answer of our own.
fn said(status: StatusCode, body: serde_json::Value) -> Result<Answer> {
    let mut text = body.to_string();
    text.push('\n');
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let answer = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::RETRY_AFTER, "1");
    Ok(answer.body(body)?)
}

/// How an API server says that something failed.
fn failure(status: StatusCode, reason: &str) -> serde_json::Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "a fault of a test",
        "reason": reason,
        "code": status.as_u16(),
    })
}

/// The same access through the proxy.
fn redirected(kubeconfig: &Path, address: SocketAddr) -> Result<String> {
    let mut file = Kubeconfig::read_from(kubeconfig)?;
    for cluster in file.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        cluster.server = Some(format!("http://{address}"));
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = None;
    }
    Ok(serde_yaml::to_string(&file)?)
}
