//! A secret server: what istio-agent is to its Envoy, as far as certificates go.
//!
//! Each Envoy has a server of its own on a Unix socket, and so an identity of its own. It answers `default` with the
//! workload's certificate, `ROOTCA` with the root, and `file-cert:CHAIN~KEY` and `file-root:FILE` with files of what stands
//! for the pod's file system (where there is no such file, with the former), over StreamSecrets and DeltaSecrets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use istiod::proto::Any;
use istiod::proto::discovery::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};
use istiod::proto::envoy::envoy::config::core::v3::{DataSource, data_source::Specifier};
use istiod::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret,
};
use prost::{Message, Name};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::authority::Identity;
use super::grpc::{Answer, Messages, Replies, answer};

const SERVICE: &str = "/envoy.service.secret.v3.SecretDiscoveryService/";
const UNIMPLEMENTED: &str = "12";
const OK: &str = "0";

/// A running server; dropping it ends it.
pub struct SecretServer {
    task: JoinHandle<()>,
}

impl SecretServer {
    /// Serves an identity, and the files below `root`, on a socket, which is replaced if it exists.
    pub fn start(socket: &Path, identity: Identity, root: PathBuf) -> Result<SecretServer> {
        if socket.exists() {
            std::fs::remove_file(socket)?;
        }
        let listener = UnixListener::bind(socket)
            .with_context(|| format!("cannot listen on {}", socket.display()))?;
        let identity = Arc::new(Secrets { identity, root });
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let identity = identity.clone();
                let service = service_fn(move |request| {
                    let response = call(request, identity.clone());
                    async { Ok::<_, std::convert::Infallible>(response) }
                });
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Ok(SecretServer { task })
    }
}

impl Drop for SecretServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn call(request: Request<Incoming>, identity: Arc<Secrets>) -> http::Response<Answer> {
    let (response, replies) = answer();
    let method = request.uri().path().strip_prefix(SERVICE).unwrap_or_default().to_owned();
    let requests = Messages::new(request.into_body());
    tokio::spawn(async move {
        match method.as_str() {
            "StreamSecrets" => state_of_the_world(requests, replies, &identity).await,
            "DeltaSecrets" => delta(requests, replies, &identity).await,
            _ => replies.end(UNIMPLEMENTED).await,
        }
    });
    response
}

/// Answers when the set of names differs from the one answered last; anything else acknowledges.
async fn state_of_the_world(
    mut requests: Messages<Incoming>,
    replies: Replies,
    identity: &Secrets,
) {
    let mut answered = BTreeSet::new();
    while let Some(message) = requests.next().await {
        let Ok(request) = DiscoveryRequest::decode(message) else { break };
        let names: BTreeSet<Bytes> = request.resource_names.into_iter().collect();
        if names == answered {
            continue;
        }
        let response = DiscoveryResponse {
            version_info: "1".into(),
            type_url: Secret::type_url(),
            nonce: "1".into(),
            resources: names.iter().map(|name| encode(&identity.secret(name))).collect(),
            ..Default::default()
        };
        if !replies.send(&response.encode_to_vec()).await {
            return;
        }
        answered = names;
    }
    replies.end(OK).await;
}

async fn delta(mut requests: Messages<Incoming>, replies: Replies, identity: &Secrets) {
    while let Some(message) = requests.next().await {
        let Ok(request) = DeltaDiscoveryRequest::decode(message) else { break };
        if request.resource_names_subscribe.is_empty() {
            continue;
        }
        let resource = |name: &Bytes| {
            let secret = identity.secret(name);
            let resource = encode(&secret);
            let made = Resource { name: secret.name, version: "1".into(), resource };
            made.encode_to_vec().into()
        };
        let response = DeltaDiscoveryResponse {
            type_url: Secret::type_url(),
            nonce: "1".into(),
            resources: request.resource_names_subscribe.iter().map(resource).collect(),
            ..Default::default()
        };
        if !replies.send(&response.encode_to_vec()).await {
            return;
        }
    }
    replies.end(OK).await;
}

fn encode(secret: &Secret) -> Bytes {
    let any = Any { type_url: Secret::type_url(), value: secret.encode_to_vec() };
    any.encode_to_vec().into()
}

/// What a server knows.
struct Secrets {
    identity: Identity,
    /// What stands for the pod's file system.
    root: PathBuf,
}

impl Secrets {
    fn secret(&self, name: &[u8]) -> Secret {
        let name = String::from_utf8_lossy(name).into_owned();
        let content = if let Some(file) = name.strip_prefix("file-root:") {
            roots(self.file(file).as_ref().unwrap_or(&self.identity.root))
        } else if name == "ROOTCA" || name.ends_with("-cacert") {
            roots(&self.identity.root)
        } else {
            let files = name.strip_prefix("file-cert:").and_then(|files| files.split_once('~'));
            let found = files.and_then(|(chain, key)| Some((self.file(chain)?, self.file(key)?)));
            match found {
                Some((chain, key)) => certificate(&chain, &key),
                None => certificate(&self.identity.certificate, &self.identity.key),
            }
        };
        Secret { name, r#type: Some(content) }
    }

    fn file(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()
    }
}

fn roots(pem: &str) -> secret::Type {
    secret::Type::ValidationContext(CertificateValidationContext {
        trusted_ca: inline(pem),
        ..Default::default()
    })
}

fn certificate(chain: &str, key: &str) -> secret::Type {
    secret::Type::TlsCertificate(TlsCertificate {
        certificate_chain: inline(chain),
        private_key: inline(key),
        ..Default::default()
    })
}

fn inline(pem: &str) -> Option<DataSource> {
    let specifier = Some(Specifier::InlineBytes(pem.as_bytes().to_vec()));
    Some(DataSource { specifier, ..Default::default() })
}
