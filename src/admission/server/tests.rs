//! The server with real connections over TLS.

use axum::http::Uri;
use axum::routing::post;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncReadExt;

use super::*;
use crate::ca::certificate::Certificate;
use crate::ca::fixture::{DAY, now, root, self_signed};
use crate::ca::issuer::Issuer;
use crate::ca::key::Key;
use crate::serve::tls::{self, Identity, Policy, Roots, Suites};

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
    let config = tls::config(&policy(), identity, &Roots::new()).unwrap();
    tls::for_anybody(&policy(), watch::Sender::new(config).subscribe()).unwrap()
}

/// A client that trusts the issuer; of HTTP/2 or of HTTP/1.
fn client(issuer: &Issuer, http2: bool) -> Client<Https, Full<bytes::Bytes>> {
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
fn started(
    issuer: &Issuer,
    router: Router,
) -> (Uri, watch::Sender<bool>, impl Future<Output = ()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let uri = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let (stop, stopped) = watch::channel(false);
    let ended = start(listener, server(issuer), router, Duration::from_secs(5), stopped).unwrap();
    (uri.parse().unwrap(), stop, ended)
}

/// Answers with what it is sent, after a moment.
fn echo() -> Router {
    let answer = |body: String| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        body
    };
    Router::new().route("/", post(answer))
}

async fn ask(client: &Client<Https, Full<bytes::Bytes>>, uri: &Uri, text: String) -> String {
    let request = hyper::Request::post(uri.clone()).body(Full::from(text)).unwrap();
    let response = client.request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn what_was_asked_is_answered_although_the_server_stops() {
    let issuer = self_signed(&root("cluster.local", DAY));
    for http2 in [true, false] {
        let (uri, stop, ended) = started(&issuer, echo());
        let client = client(&issuer, http2);
        assert_eq!(ask(&client, &uri, "first".into()).await, "first");
        let asking = ask(&client, &uri, "second".into());
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            stop.send_replace(true);
        };
        let (second, ()) = tokio::join!(asking, stopping);
        assert_eq!(second, "second", "http2: {http2}");
        tokio::time::timeout(Duration::from_secs(4), ended).await.unwrap();
    }
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let issuer = self_signed(&root("cluster.local", DAY));
    let (uri, _stop, _ended) = started(&issuer, echo());
    let client = client(&issuer, true);
    let all = (0..600).map(|number| ask(&client, &uri, number.to_string()));
    let answers = join_all(all).await;
    assert!(answers.iter().enumerate().all(|(number, said)| *said == number.to_string()));
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let issuer = self_signed(&root("cluster.local", DAY));
    let (uri, stop, ended) = started(&issuer, echo());
    let silent = TcpStream::connect(("127.0.0.1", uri.port_u16().unwrap())).await.unwrap();
    assert_eq!(ask(&client(&issuer, true), &uri, "other".into()).await, "other");
    stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(2), ended).await.unwrap();
    let mut silent = silent;
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0);
}
