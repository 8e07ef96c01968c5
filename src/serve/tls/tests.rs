use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::ca::fixture::{DAY, now, revocations, root, self_signed};
use crate::ca::issuer::Issuer;
use crate::ca::key::Key;
use crate::ca::revocation;

const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

/// A certificate for these names, and its key.
fn identity(issuer: &Issuer, names: &[&str]) -> Identity {
    let key = Key::p256().unwrap();
    let issued = issuer.issue(&key.public(), names, DAY, now()).unwrap();
    let chain = Certificate::all(&issued.chain[0]).unwrap();
    Identity {
        chain: chain.into_iter().map(|certificate| certificate.der).collect(),
        key: key.for_tls().unwrap(),
    }
}

fn policy(only_13: bool) -> Policy {
    Policy { provider: provider(&Suites::parse(&[]).unwrap()), only_13 }
}

fn trusted(issuer: &Issuer, revoked: &str) -> Trusted {
    let roots = issuer.roots.iter().map(|root| root.der.clone()).collect();
    Trusted {
        roots: [("cluster.local".into(), roots)].into(),
        revoked: revocation::lists(revoked).unwrap(),
    }
}

/// What a handshake told the server, or whether it failed.
async fn handshake(
    server: Arc<ServerConfig>,
    trusted: &Issuer,
    client: Option<Identity>,
) -> Result<Vec<String>, String> {
    let mut store = RootCertStore::empty();
    store.add(trusted.roots[0].der.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(policy(false).provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store);
    let config = match client {
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    let (near, far) = tokio::io::duplex(65536);
    let host = ServerName::try_from("istiod.istio-system.svc").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let (accepted, connected) =
        tokio::join!(TlsAcceptor::from(server).accept(near), connector.connect(host, far));
    let accepted = accepted.map_err(|error| error.to_string())?;
    connected.map_err(|error| error.to_string())?;
    Ok(identities(accepted.get_ref().1).iter().map(|id| id.to_string()).collect())
}

#[tokio::test]
async fn certificates_of_clients_are_optional_and_verified() {
    let (own, other) = (self_signed(&root("a", DAY)), self_signed(&root("b", DAY)));
    let server = || {
        let names = ["istiod.istio-system.svc", "istiod-remote.istio-system.svc"];
        config(&policy(false), identity(&own, &names), &trusted(&own, "")).unwrap()
    };
    assert_eq!(handshake(server(), &own, None).await, Ok(Vec::new()));
    let client = identity(&own, &[WEB]);
    assert_eq!(handshake(server(), &own, Some(client)).await, Ok(vec![WEB.to_owned()]));
    for (client, want) in [
        (identity(&other, &[WEB]), "UnknownIssuer"),
        (
            identity(&own, &["spiffe://elsewhere/ns/shop/sa/web"]),
            "the trust domain of spiffe://elsewhere/ns/shop/sa/web is not known",
        ),
        (identity(&own, &["web.example.com"]), "0 URIs; one SPIFFE ID is needed"),
        (identity(&own, &[WEB, "spiffe://cluster.local/ns/a/sa/b"]), "2 URIs"),
    ] {
        let why = handshake(server(), &own, Some(client)).await.unwrap_err();
        assert!(why.contains(want), "{why}");
    }
    assert!(handshake(server(), &other, None).await.is_err(), "who it is, is proved too");
}

#[tokio::test]
async fn servers_for_anybody_follow_the_certificate_and_ask_for_none() {
    let (first, second) = (self_signed(&root("a", DAY)), self_signed(&root("b", DAY)));
    let of = |issuer: &Issuer| {
        config(&policy(false), identity(issuer, &["istiod.istio-system.svc"]), &trusted(issuer, ""))
            .unwrap()
    };
    let (told, newest) = watch::channel(of(&first));
    let server = for_anybody(&policy(false), newest).unwrap();
    // One of another CA, as an API server may present: nobody looks at it.
    let client = identity(&second, &["kube-apiserver.example.com"]);
    assert_eq!(handshake(server.clone(), &first, Some(client)).await, Ok(Vec::new()));
    assert!(handshake(server.clone(), &second, None).await.is_err());
    told.send_replace(of(&second));
    assert_eq!(handshake(server, &second, None).await, Ok(Vec::new()));
}

#[test]
fn a_key_of_another_certificate_is_told() {
    let issuer = self_signed(&root("a", DAY));
    let (one, other) = (identity(&issuer, &["a"]), identity(&issuer, &["b"]));
    let mixed = Identity { chain: one.chain, key: other.key };
    let why = config(&policy(true), mixed, &trusted(&issuer, "")).unwrap_err();
    assert!(why.contains("the server's certificate cannot be used"), "{why}");
}

#[tokio::test]
async fn what_the_ca_revoked_is_no_proof_any_more() {
    let (top, other) = (root("a", DAY), self_signed(&root("b", DAY)));
    let own = self_signed(&top);
    let (good, bad) = (identity(&own, &[WEB]), identity(&own, &[WEB]));
    let (_, read) = x509_parser::parse_x509_certificate(&bad.chain[0]).unwrap();
    let list = revocations(&top, &[read.raw_serial()]);
    let mut trusted = trusted(&own, &list);
    let roots = trusted.roots.values_mut().next().unwrap();
    roots.push(other.roots[0].der.clone());
    let server = || config(&policy(false), identity(&own, &["istiod.istio-system.svc"]), &trusted);
    let known = Ok(vec![WEB.to_owned()]);
    assert_eq!(handshake(server().unwrap(), &own, Some(good)).await, known);
    // Of another root there is no list.
    let theirs = identity(&other, &[WEB]);
    assert_eq!(handshake(server().unwrap(), &own, Some(theirs)).await, known);
    let why = handshake(server().unwrap(), &own, Some(bad)).await.unwrap_err();
    assert!(why.contains("Revoked"), "{why}");
}
