use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use prost::Message;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{CaClient, METHOD, Tls};
use crate::agent::bootstrap::Address;
use crate::agent::credentials::Credentials;
use crate::agent::keys::{self, KeyKind, PrivateKey};
use crate::agent::material::tests::Ca;
use crate::agent::material::{Identity, Roots};
use crate::agent::renewal::{Authority, Issued};
use crate::proto::certificates::{IstioCertificateRequest, IstioCertificateResponse};

const NAME: &str = "istiod.istio-system.svc";
const TOKEN: &str = "a-secret-token";

/// A CA that signs for everybody with the token or a certificate of its own.
struct Server {
    ca: Ca,
    seen: Mutex<Vec<(HeaderMap, IstioCertificateRequest, bool)>>,
    certificates: usize,
}

struct Setup {
    server: Arc<Server>,
    client: CaClient,
    folder: TempDir,
}

async fn create(
    State((server, presented)): State<(Arc<Server>, bool)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = IstioCertificateRequest::decode(body.slice(5..)).unwrap();
    let authorized =
        presented || headers.get("authorization").is_some_and(|v| v == "Bearer a-secret-token");
    server.seen.lock().unwrap().push((headers, request.clone(), presented));
    let grpc = [("content-type", "application/grpc"), ("grpc-status", "16")];
    if !authorized {
        return (grpc, [("grpc-message", "request authenticate failure")]).into_response();
    }
    let life = Duration::from_secs(request.validity_duration as u64);
    let leaf = server.ca.sign(&request.csr, SystemTime::now(), life);
    let mut cert_chain = vec![leaf, server.ca.root.clone()];
    cert_chain.truncate(server.certificates);
    let message = IstioCertificateResponse { cert_chain }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let trailers: HeaderMap =
        [("grpc-status".parse().unwrap(), "0".parse().unwrap())].into_iter().collect();
    let body = http_body_util::StreamBody::new(tokio_stream::iter([
        Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from(frame))),
        Ok(http_body::Frame::trailers(trailers)),
    ]));
    ([("content-type", "application/grpc")], axum::body::Body::new(body)).into_response()
}

async fn setup(certificates: usize) -> Setup {
    let ca = Ca::new();
    let (chain, key) = ca.certify(NAME);
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = Arc::new(Roots::new(ca.root.as_bytes()).unwrap().store());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
    let verifier = verifier.allow_unauthenticated().build().unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root"), &ca.root).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Arc::new(Server { ca, seen: Mutex::default(), certificates });
    tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), server.clone()));
    let client = CaClient {
        address: Address::Tcp("127.0.0.1".into(), port),
        tls: Some(Tls {
            server_name: NAME.into(),
            roots: folder.path().join("root"),
            of_mesh: true,
        }),
        credentials: Credentials { token: folder.path().join("token"), certificate: None },
        cluster: "east".into(),
        signer: "signer".into(),
        headers: vec![("TENANT".into(), "a".into())],
        ttl: Duration::from_secs(3600),
    };
    Setup { server, client, folder }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, server: Arc<Server>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(stream) = acceptor.accept(stream).await else { continue };
        let presented = stream.get_ref().1.peer_certificates().is_some();
        let router =
            Router::new().route(METHOD, post(create)).with_state((server.clone(), presented));
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let service = TowerToHyperService::new(router);
        tokio::spawn(async move {
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn csr() -> keys::Request {
    keys::request(KeyKind::P256, "spiffe://cluster.local/ns/shop/sa/web").unwrap()
}

async fn ask(setup: &Setup, issued: Option<Arc<Issued>>) -> anyhow::Result<Arc<Issued>> {
    let request = csr();
    let chain = setup.client.sign(request.csr, issued).await?;
    assert_eq!(chain.last(), Some(&setup.server.ca.root));
    let identity = Identity::new(chain[0].clone().into_bytes(), request.key)?;
    Ok(Arc::new(Issued { identity, roots: Roots::new(chain[1].as_bytes())? }))
}

#[tokio::test]
async fn a_token_gets_a_certificate() {
    let setup = setup(2).await;
    std::fs::write(setup.folder.path().join("token"), TOKEN).unwrap();
    ask(&setup, None).await.unwrap();
    let seen = setup.server.seen.lock().unwrap();
    let (headers, request, presented) = &seen[0];
    assert_eq!(headers["clusterid"], "east");
    assert_eq!(headers["tenant"], "a");
    assert_eq!(request.validity_duration, 3600);
    assert!(request.metadata.as_ref().unwrap().fields.contains_key("CertSigner"));
    assert!(!presented);
}

#[tokio::test]
async fn a_certificate_gets_the_next_one() {
    let setup = setup(2).await;
    std::fs::write(setup.folder.path().join("token"), TOKEN).unwrap();
    let first = ask(&setup, None).await.unwrap();
    std::fs::remove_file(setup.folder.path().join("token")).unwrap();
    ask(&setup, Some(first)).await.unwrap();
    assert!(setup.server.seen.lock().unwrap()[1].2, "the certificate was presented");
}

#[tokio::test]
async fn refusals_say_why_and_tell_no_token() {
    let setup = setup(2).await;
    std::fs::write(setup.folder.path().join("token"), "wrong-token").unwrap();
    let error = format!("{:#}", ask(&setup, None).await.unwrap_err());
    assert!(error.contains("Unauthenticated: request authenticate failure"), "{error}");
    assert!(error.contains("the CA at 127.0.0.1:"), "{error}");
    assert!(!error.contains("wrong-token"), "{error}");
}

#[tokio::test]
async fn a_ca_that_others_vouch_for_is_told_nothing() {
    let setup = setup(2).await;
    std::fs::write(setup.folder.path().join("token"), TOKEN).unwrap();
    std::fs::write(setup.folder.path().join("root"), Ca::new().root).unwrap();
    let error = format!("{:#}", ask(&setup, None).await.unwrap_err());
    assert!(error.contains("TLS"), "{error}");
    assert!(setup.server.seen.lock().unwrap().is_empty());
    // A root that comes later is used without a restart.
    std::fs::write(setup.folder.path().join("root"), &setup.server.ca.root).unwrap();
    ask(&setup, None).await.unwrap();
}

/// Who issued a root vouches for itself with it, but only where its roots are the mesh's.
#[tokio::test]
async fn roots_that_were_issued_are_trusted_too() {
    let mut setup = setup(2).await;
    std::fs::write(setup.folder.path().join("token"), TOKEN).unwrap();
    let issued = ask(&setup, None).await.unwrap();
    for write in [true, false] {
        let file = setup.folder.path().join("root");
        match write {
            true => std::fs::write(file, Ca::new().root).unwrap(),
            false => std::fs::remove_file(file).unwrap(),
        }
        assert!(ask(&setup, None).await.is_err());
        ask(&setup, Some(issued.clone())).await.unwrap();
    }
    setup.client.tls.as_mut().unwrap().of_mesh = false;
    assert!(ask(&setup, Some(issued)).await.is_err());
}

#[tokio::test]
async fn another_name_is_another_server() {
    let mut setup = setup(2).await;
    std::fs::write(setup.folder.path().join("token"), TOKEN).unwrap();
    setup.client.tls.as_mut().unwrap().server_name = "other".into();
    assert!(ask(&setup, None).await.is_err());
}

#[tokio::test]
async fn an_answer_without_a_root_is_none() {
    let setup = setup(1).await;
    std::fs::write(setup.folder.path().join("token"), TOKEN).unwrap();
    let error = format!("{:#}", ask(&setup, None).await.unwrap_err());
    assert!(error.contains("a leaf and a root are needed"), "{error}");
    let key = PrivateKey::new(Vec::new());
    assert!(Identity::new(Vec::new(), key).is_err());
}
