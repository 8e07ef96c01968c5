use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use prost::Message;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::{Sds, listen};
use crate::agent::keys::PrivateKey;
use crate::agent::material::tests::Ca;
use crate::agent::material::{Identity, Material, Roots};
use crate::agent::secrets::{LOOK, Secrets};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{Secret, secret::Type};
use crate::proto::envoy::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use crate::proto::envoy::envoy::service::secret::v3::secret_discovery_service_client::SecretDiscoveryServiceClient;

type Sender = watch::Sender<Option<Arc<Material>>>;

struct Setup {
    folder: TempDir,
    workload: Sender,
    roots: Sender,
    client: SecretDiscoveryServiceClient<Channel>,
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("run/socket")
}

async fn start() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let (workload, workload_feed) = watch::channel(None);
    let (roots, roots_feed) = watch::channel(None);
    let path = socket(&folder);
    let listener = listen(&path).await.unwrap();
    let sds = Sds::new(Arc::new(Secrets::new(workload_feed, roots_feed.clone(), roots_feed, LOOK)));
    tokio::spawn(sds.serve(listener));
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://agent");
    let channel = endpoint.connect_with_connector(connector).await.unwrap();
    Setup { folder, workload, roots, client: SecretDiscoveryServiceClient::new(channel) }
}

fn identity() -> Arc<Material> {
    let (chain, key) = Ca::new().certify("a");
    let key = PrivateKey::new(key.into_bytes());
    Arc::new(Material::Identity(Identity::new(chain.into_bytes(), key).unwrap()))
}

fn roots() -> Arc<Material> {
    Arc::new(Material::Roots(Roots::new(Ca::new().root.as_bytes()).unwrap()))
}

struct Sotw {
    requests: mpsc::Sender<DiscoveryRequest>,
    responses: Streaming<DiscoveryResponse>,
}

impl Setup {
    async fn sotw(&mut self) -> Sotw {
        let (requests, receiver) = mpsc::channel(1);
        let response = self.client.stream_secrets(ReceiverStream::new(receiver)).await.unwrap();
        Sotw { requests, responses: response.into_inner() }
    }
}

impl Sotw {
    async fn ask(&self, names: &[&str]) {
        let resource_names = names.iter().map(|name| (*name).to_owned()).collect();
        let request = DiscoveryRequest { resource_names, ..DiscoveryRequest::default() };
        self.requests.send(request).await.unwrap();
    }

    async fn next(&mut self) -> Secret {
        let response = self.responses.message().await.unwrap().unwrap();
        assert_eq!(response.resources.len(), 1);
        Secret::decode(response.resources[0].value.as_slice()).unwrap()
    }

    async fn nothing(&mut self) {
        let next = tokio::time::timeout(Duration::from_millis(50), self.responses.message());
        assert!(next.await.is_err(), "nothing was to be sent");
    }
}

#[tokio::test]
async fn a_secret_is_sent_when_there_is_one_and_whenever_it_changes() {
    let mut setup = start().await;
    let mut stream = setup.sotw().await;
    stream.ask(&["default"]).await;
    stream.nothing().await;
    for _ in 0..2 {
        setup.workload.send_replace(Some(identity()));
        let secret = stream.next().await;
        assert_eq!(secret.name, "default");
        let Some(Type::TlsCertificate(sent)) = secret.r#type else { panic!() };
        assert!(sent.certificate_chain.is_some() && sent.private_key.is_some());
        // The acknowledgement names it again.
        stream.ask(&["default"]).await;
        stream.nothing().await;
    }
}

#[tokio::test]
async fn a_stream_gets_what_it_names_and_no_longer_what_it_gave_up() {
    let mut setup = start().await;
    setup.workload.send_replace(Some(identity()));
    setup.roots.send_replace(Some(roots()));
    let mut stream = setup.sotw().await;
    stream.ask(&["ROOTCA"]).await;
    let secret = stream.next().await;
    assert!(matches!(secret.r#type, Some(Type::ValidationContext(_))), "{}", secret.name);
    stream.ask(&["ROOTCA", "default", "kubernetes://not-ours"]).await;
    assert_eq!(stream.next().await.name, "default");
    stream.ask(&["default"]).await;
    stream.nothing().await;
    setup.roots.send_replace(Some(roots()));
    stream.nothing().await;
    setup.workload.send_replace(Some(identity()));
    assert_eq!(stream.next().await.name, "default");
}

#[tokio::test]
async fn files_are_served_by_their_names() {
    let mut setup = start().await;
    let (chain, key) = Ca::new().certify("a");
    let file = |name: &str| setup.folder.path().join(name);
    std::fs::write(file("c"), chain).unwrap();
    std::fs::write(file("k"), key).unwrap();
    let name = format!("file-cert:{}~{}", file("c").display(), file("k").display());
    let mut stream = setup.sotw().await;
    stream.ask(&[&name]).await;
    assert_eq!(stream.next().await.name, name);
}

#[tokio::test]
async fn delta_says_the_same() {
    let mut setup = start().await;
    let (requests, receiver) = mpsc::channel(1);
    let response = setup.client.delta_secrets(ReceiverStream::new(receiver)).await.unwrap();
    let mut responses: Streaming<DeltaDiscoveryResponse> = response.into_inner();
    let ask = |subscribe: &[&str], unsubscribe: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let request = DeltaDiscoveryRequest {
            resource_names_subscribe: names(subscribe),
            resource_names_unsubscribe: names(unsubscribe),
            ..DeltaDiscoveryRequest::default()
        };
        let requests = requests.clone();
        async move { requests.send(request).await.unwrap() }
    };
    setup.workload.send_replace(Some(identity()));
    setup.roots.send_replace(Some(roots()));
    ask(&["default"], &[]).await;
    let first = responses.message().await.unwrap().unwrap();
    assert_eq!(first.resources[0].name, "default");
    // An acknowledgement changes nothing; who names it again gets it again.
    ask(&[], &[]).await;
    ask(&["default"], &[]).await;
    let again = responses.message().await.unwrap().unwrap();
    assert_eq!(again.resources[0].name, "default");
    assert_ne!(again.nonce, first.nonce);
    ask(&["ROOTCA"], &["default"]).await;
    assert_eq!(responses.message().await.unwrap().unwrap().resources[0].name, "ROOTCA");
    setup.workload.send_replace(Some(identity()));
    setup.roots.send_replace(Some(roots()));
    assert_eq!(responses.message().await.unwrap().unwrap().resources[0].name, "ROOTCA");
}

#[tokio::test]
async fn the_socket_is_its_owners_and_a_stale_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = socket(&folder);
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    drop(listen(&path).await.unwrap());
    assert!(path.exists(), "nobody takes a socket away when it is not served any more");
    let serving = listen(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let error = listen(&path).await.unwrap_err().to_string();
    assert!(error.contains("somebody serves there already"), "{error}");
    drop(serving);
}
