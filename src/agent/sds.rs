//! The secret discovery service on a Unix socket, state of the world and delta.
//!
//! A stream gets each secret that it names when there is one, and again whenever it changes. Until there is one, it
//! waits: Envoy warms what needs the secret meanwhile, and nobody has to ask again. Each response carries one secret,
//! which both forms of the protocol allow for secrets. Owns the socket, which only its owner may use: who reads from it
//! has the workload's key.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt, StreamMap};
use tonic::{Request, Response, Status, Streaming};
use tracing::warn;

use self::wire::{Change, Protocol};
use super::material::Material;
use super::secrets::Secrets;
use crate::proto::envoy::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use crate::proto::envoy::envoy::service::secret::v3::secret_discovery_service_server::{
    SecretDiscoveryService, SecretDiscoveryServiceServer,
};

mod wire;

/// Responses that wait for a stream to take them.
const WAITING: usize = 16;

/// The service.
#[derive(Clone, Debug)]
pub struct Sds {
    secrets: Arc<Secrets>,
}

/// Listens on a socket that only the owner of the process may use. One that a process left behind is replaced; one
/// that somebody serves is an error.
pub async fn listen(path: &Path) -> anyhow::Result<UnixListener> {
    let what = || format!("the secret server's socket {}", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).with_context(what)?;
    }
    match UnixStream::connect(path).await {
        Ok(_) => bail!("{}: somebody serves there already", what()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => std::fs::remove_file(path).with_context(what)?,
    }
    // It appears under its name when nobody else can use it any more.
    let nascent = path.with_extension("new");
    match std::fs::remove_file(&nascent) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(what)?,
        _ => {}
    }
    let listener = UnixListener::bind(&nascent).with_context(what)?;
    std::fs::set_permissions(&nascent, PermissionsExt::from_mode(0o600)).with_context(what)?;
    std::fs::rename(&nascent, path).with_context(what)?;
    Ok(listener)
}

impl Sds {
    /// Of these secrets.
    pub fn new(secrets: Arc<Secrets>) -> Sds {
        Sds { secrets }
    }

    /// Serves until the future is dropped.
    pub async fn serve(self, listener: UnixListener) -> anyhow::Result<()> {
        tonic::transport::Server::builder()
            .add_service(SecretDiscoveryServiceServer::new(self))
            .serve_with_incoming(UnixListenerStream::new(listener))
            .await
            .context("the secret server ended")
    }

    fn stream<P: Protocol>(&self, mut requests: Streaming<P::Request>) -> Replies<P::Response> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let secrets = self.secrets.clone();
        tokio::spawn(async move {
            let mut held = Held::new();
            loop {
                let response = tokio::select! {
                    request = requests.next() => match request {
                        Some(Ok(request)) => {
                            subscribe(&secrets, &mut held, P::read(request));
                            continue;
                        }
                        // Envoy went, or speaks another language.
                        Some(Err(_)) | None => return,
                    },
                    Some((name, material)) = held.next(), if !held.is_empty() => match material {
                        Some(material) => respond::<P>(&name, &material),
                        None => continue,
                    },
                };
                if sender.send(Ok(response)).await.is_err() {
                    return;
                }
            }
        });
        Box::pin(ReceiverStream::new(receiver))
    }
}

type Held = StreamMap<String, WatchStream<Option<Arc<Material>>>>;

fn subscribe(secrets: &Secrets, held: &mut Held, change: Change) {
    if let Some(refused) = change.refused {
        warn!("Envoy refused a secret: {refused}");
    }
    let mut gone = change.unwanted;
    if change.all {
        gone.extend(held.keys().filter(|name| !change.wanted.contains(name)).cloned());
    }
    for name in gone {
        held.remove(&name);
    }
    for name in change.wanted {
        // State of the world repeats what it holds; delta that names something again wants it again.
        if change.all && held.contains_key(&name) {
            continue;
        }
        match secrets.subscribe(&name) {
            Ok(feed) => drop(held.insert(name, WatchStream::new(feed))),
            Err(error) => warn!("Envoy asks for the secret {name:?}: {error:#}"),
        }
    }
}

/// A response with one secret.
fn respond<P: Protocol>(name: &str, material: &Material) -> P::Response {
    static VERSION: AtomicU64 = AtomicU64::new(1);
    let version = VERSION.fetch_add(1, Ordering::Relaxed).to_string();
    P::response(version, wire::secret(name, material))
}

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl SecretDiscoveryService for Sds {
    type StreamSecretsStream = Replies<DiscoveryResponse>;
    type DeltaSecretsStream = Replies<DeltaDiscoveryResponse>;

    async fn stream_secrets(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamSecretsStream>, Status> {
        Ok(Response::new(self.stream::<wire::Sotw>(request.into_inner())))
    }

    async fn delta_secrets(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaSecretsStream>, Status> {
        Ok(Response::new(self.stream::<wire::Delta>(request.into_inner())))
    }

    async fn fetch_secrets(
        &self,
        _: Request<DiscoveryRequest>,
    ) -> Result<Response<DiscoveryResponse>, Status> {
        Err(Status::unimplemented("secrets are streamed"))
    }
}

#[cfg(test)]
mod tests;
