//! For tests: a server of webhooks over TLS, and clients of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::sync::watch;

use super::server::start;
use crate::ca::certificate::Certificate;
use crate::ca::fixture::{DAY, now};
use crate::ca::issuer::Issuer;
use crate::ca::key::Key;
use crate::serve::tls::{self, Identity, Policy, Suites, Trusted};

type Https = hyper_rustls::HttpsConnector<HttpConnector>;

fn policy() -> Policy {
    Policy { provider: tls::provider(&Suites::parse(&[]).unwrap()), only_13: false }
}

/// A server's configuration with a certificate for localhost.
fn server(issuer: &Issuer) -> Arc<ServerConfig> {
    let key = Key::p256().unwrap();
    let issued = issuer.issue(&key.public(), &["localhost"], DAY, now()).unwrap();
    let chain = Certificate::all(&issued.chain[0]).unwrap();
    let identity = Identity {
        chain: chain.into_iter().map(|certificate| certificate.der).collect(),
        key: key.for_tls().unwrap(),
    };
    let config = tls::config(&policy(), identity, &Trusted::default()).unwrap();
    tls::for_anybody(&policy(), watch::Sender::new(config).subscribe()).unwrap()
}

/// A client that trusts the issuer; of HTTP/2 or of HTTP/1.
pub fn client(issuer: &Issuer, http2: bool) -> Client<Https, Full<Bytes>> {
    let mut store = RootCertStore::empty();
    store.add(issuer.roots[0].der.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(policy().provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store)
        .with_no_client_auth();
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config).https_only();
    let connector = match http2 {
        true => builder.enable_http2().build(),
        false => builder.enable_http1().build(),
    };
    Client::builder(TokioExecutor::new()).build(connector)
}

/// Where a router is served, what stops it, and its end.
pub fn started(
    issuer: &Issuer,
    router: Router,
) -> (Uri, watch::Sender<bool>, impl Future<Output = ()> + use<>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let uri = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let (stop, stopped) = watch::channel(false);
    let ended = start(listener, server(issuer), router, Duration::from_secs(5), stopped).unwrap();
    (uri.parse().unwrap(), stop, ended)
}

/// The body of the answer to a text.
pub async fn ask(client: &Client<Https, Full<Bytes>>, uri: &Uri, text: String) -> String {
    let request = hyper::Request::post(uri.clone())
        .header("content-type", "application/json")
        .body(Full::from(text))
        .unwrap();
    let response = client.request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}
