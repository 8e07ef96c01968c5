use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use tokio::sync::watch;

use super::*;
use crate::authn::Methods;
use crate::authn::local::TokenKey;
use crate::ca::authority::{Authority, Lifetimes, State as Ca};
use crate::ca::certificate::Certificate;
use crate::ca::desk::Desk;
use crate::ca::fixture::{DAY, request, root, self_signed};
use crate::model::Workload;
use crate::model::caller::{Method, PodClaims};
use crate::proto::envoy::google::protobuf::Value;
use crate::snapshot::{NamespaceState, Publisher, SharedMap, Snapshot, WorkloadState};
use crate::translate::fixture;

const ZTUNNEL: &str = "spiffe://cluster.local/ns/istio-system/sa/ztunnel";
const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

fn service(snapshot: Snapshot) -> Certificates {
    let key = TokenKey::new(&"k".repeat(64)).unwrap();
    let authenticator = Authenticator::new(Methods {
        local: Some(key),
        audiences: vec!["istio-ca".to_owned()],
        ..Methods::default()
    });
    let issuer = Arc::new(self_signed(&root("cluster.local", DAY)));
    let (_, state) = watch::channel(Ca::Ready(issuer));
    let lifetimes = Lifetimes { default: DAY, max: DAY };
    let publisher = Publisher::default();
    publisher.publish(Arc::new(snapshot));
    let metrics = Arc::new(Metrics::new("test"));
    let authority = Signatory::Own(Authority::new(state, lifetimes), Desk::new(1));
    let accounts = "kube-system/other, istio-system/ztunnel";
    Certificates::new(authenticator, authority, accounts, publisher.subscribe(), metrics)
}

fn presented(audience: &str) -> Credentials {
    let key = TokenKey::new(&"k".repeat(64)).unwrap();
    let token = key.token("shop", "web", audience, Timestamp::now().as_second() + 60);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    Credentials { peer: "10.0.0.1:1".parse().unwrap(), certificate: Arc::default(), headers }
}

fn metadata(key: &str, text: &str) -> Struct {
    let value = Value { kind: Some(Kind::StringValue(text.to_owned())) };
    Struct { fields: [(key.to_owned(), value)].into() }
}

fn body(request: &IstioCertificateRequest) -> Body {
    Body::from(framed(request).unwrap())
}

async fn ask(
    service: &Certificates,
    audience: &str,
    request: IstioCertificateRequest,
) -> Result<Vec<String>, (Code, String)> {
    let answered =
        service.shared.answer(&Transport::Plaintext, &presented(audience), body(&request)).await;
    let bytes = answered.map_err(|status| (status.code(), status.message().to_owned()))?;
    Ok(IstioCertificateResponse::decode(&bytes[5..]).unwrap().cert_chain)
}

#[tokio::test]
async fn a_caller_gets_a_certificate_of_its_own_names() {
    let service = service(Snapshot::default());
    let csr = request(&rcgen::PKCS_ECDSA_P256_SHA256);
    let asked = IstioCertificateRequest { csr, ..IstioCertificateRequest::default() };
    let chain = ask(&service, "istio-ca", asked).await.unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(Certificate::all(&chain[0]).unwrap()[0].uris, [WEB.into()]);
    assert_eq!(service.shared.metrics.ca_issued.get(), 1);
}

#[tokio::test]
async fn refusals_have_a_code_and_a_reason() {
    let service = service(Snapshot::default());
    let csr = request(&rcgen::PKCS_ECDSA_P256_SHA256);
    let good = || IstioCertificateRequest { csr: csr.clone(), ..Default::default() };
    let long = IstioCertificateRequest { validity_duration: 86401, ..good() };
    let huge = IstioCertificateRequest { csr: "x".repeat(1 << 20), ..good() };
    let wrong = IstioCertificateRequest { csr: "x".repeat(1 << 10), ..good() };
    let other =
        IstioCertificateRequest { metadata: Some(metadata(IMPERSONATED, ZTUNNEL)), ..good() };
    for (audience, request, code, text) in [
        (
            "elsewhere",
            good(),
            Code::Unauthenticated,
            "request authenticate failure: client certificate: none was presented; JWT: the token is for none of the audiences",
        ),
        (
            "istio-ca",
            long,
            Code::InvalidArgument,
            "CSR signing error (requested TTL 24h0m1s is greater than the max allowed TTL 24h0m0s)",
        ),
        ("istio-ca", huge, Code::ResourceExhausted, "a request of 1048"),
        (
            "istio-ca",
            wrong,
            Code::InvalidArgument,
            "CSR signing error (certificate signing request is not properly encoded)",
        ),
        (
            "istio-ca",
            other,
            Code::Unauthenticated,
            "request impersonation authentication failure: the caller is none of the trusted",
        ),
    ] {
        let (got, why) = ask(&service, audience, request).await.unwrap_err();
        assert_eq!(got, code, "{why}");
        assert!(why.starts_with(text), "{why}");
    }
    let metrics = &service.shared.metrics;
    assert_eq!((metrics.ca_requests.get(), metrics.ca_unauthenticated.get()), (5, 1));
    assert_eq!(metrics.ca_unsigned.with(&["TTL_ERROR"]).get(), 1);
}

fn pod(namespace: &str, name: &str, account: &str, node: &str) -> (String, WorkloadState) {
    let workload = Workload {
        namespace: namespace.into(),
        service_account: account.into(),
        ..fixture::workload(&format!("{name}.{namespace}"), "", node)
    };
    let state = WorkloadState { workload: Arc::new(workload), targets: Arc::default() };
    (namespace.to_owned(), state)
}

#[tokio::test]
async fn a_node_account_speaks_for_the_pods_of_its_node_only() {
    let mut snapshot = Snapshot { generation: 1, ..Snapshot::default() };
    for (namespace, state) in [
        pod("shop", "web-1", "web", "node-1"),
        pod("bank", "db-1", "db", "node-2"),
        pod("istio-system", "ztunnel-1", "ztunnel", "node-1"),
    ] {
        let workloads = SharedMap::from_iter([(state.workload.name.clone(), state)]);
        let state = Arc::new(NamespaceState { workloads, ..NamespaceState::default() });
        Arc::make_mut(&mut snapshot.namespaces).insert(namespace.as_str().into(), state);
    }
    let service = service(snapshot);
    let caller = |identity: &str, name: &str, node: &str| Caller {
        identities: vec![identity.into()],
        method: Method::TokenReview,
        pod: PodClaims { name: name.into(), uid: "u".into(), node: node.into() },
        cluster: None,
    };
    let db = "spiffe://cluster.local/ns/bank/sa/db";
    let foreign = "spiffe://elsewhere/ns/shop/sa/web";
    for (caller, wanted, want) in [
        (caller(ZTUNNEL, "ztunnel-1", "node-1"), WEB, Ok(WEB)),
        (caller(ZTUNNEL, "ztunnel-1", ""), WEB, Ok(WEB)),
        (caller(ZTUNNEL, "ztunnel-1", "node-1"), db, Err("runs on the node node-1 of the caller")),
        (caller(ZTUNNEL, "ztunnel-2", ""), WEB, Err("nothing tells on which node")),
        (caller(WEB, "web-1", "node-1"), WEB, Err("none of the trusted node accounts")),
        (caller(ZTUNNEL, "ztunnel-1", "node-1"), "web", Err("is no identity of a workload")),
        (caller(ZTUNNEL, "ztunnel-1", "node-1"), foreign, Err("not of the caller's trust domain")),
    ] {
        let got = service.shared.names(&caller, Some(&metadata(IMPERSONATED, wanted)));
        match want {
            Ok(want) => assert_eq!(got.unwrap(), [want]),
            Err(want) => {
                let why = got.unwrap_err();
                assert!(why.contains(want), "{why}");
            }
        }
    }
}
