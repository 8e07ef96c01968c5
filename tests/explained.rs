//! Requests through what the real istiod made of recorded configurations, as `simulate` follows them: expectations
//! are those of the objects' authors, read off the configuration by hand.

mod envoy;
mod judge;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use istiod::proto::json::from_json;
use istiod::simulate::{Direction, Explanation, Outcome, Request, Served, StepKind, Tls, explain};
use istiod::translate::Resource;
use serde_json::Value;

use crate::recorded::FILES;
use crate::skip::skipped;

/// What a proxy of a recorded scenario was served; None, visibly, without recordings.
fn recorded(scenario: &str, proxy: &str) -> Option<Served> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference");
    if !root.exists() {
        skipped("the recordings are not beside the repository");
        return None;
    }
    let folder = root.join(scenario).join("expected").join(proxy);
    assert!(folder.exists(), "{} was not recorded", folder.display());
    let mut resources = Vec::new();
    for (kind, file) in FILES {
        for (name, json) in read(&folder.join(file)) {
            let body = from_json(kind.type_url(), &json).unwrap();
            resources.push((kind, Arc::new(Resource::new(name.into(), body, []))));
        }
    }
    Some(Served::new(resources))
}

fn read(path: &PathBuf) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).unwrap()
}

/// A request of the application beside a sidecar.
fn outbound(to: &str, authority: &str, path: &str) -> Request {
    Request::http(Direction::Outbound, to.parse().unwrap(), "GET", authority, path)
}

/// A request at a port of a gateway.
fn gateway(port: u16, authority: &str, path: &str) -> Request {
    let to = format!("10.244.0.1:{port}").parse().unwrap();
    Request::http(Direction::Bound, to, "GET", authority, path)
}

const PRODUCTPAGE: &str = "10.244.0.2:40000";

/// Reviews as `productpage` of scenario 02 asks for it, with these headers.
fn reviews(path: &str, headers: &[(&str, &str)]) -> Option<Explanation> {
    let served = recorded("02-http-routing", "productpage")?;
    let mut request = outbound("10.96.0.13:9080", "reviews:9080", path);
    request.source = PRODUCTPAGE.parse().unwrap();
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    Some(explain(&served, &request))
}

fn subset(name: &str) -> String {
    format!("outbound|9080|{name}|reviews.default.svc.cluster.local")
}

#[test]
fn the_first_matching_route_of_a_virtual_service_decides() {
    let jason = [("end-user", "jason"), ("x-beta", "online")];
    let cookie = [("cookie", "a=b;user=jason;c=d")];
    for headers in [&jason[..], &cookie] {
        let Some(got) = reviews("/reviews/1", headers) else { return };
        assert_eq!(got.clusters(), [(&*subset("v2"), 100.0)], "{got}");
        let step = got.step(StepKind::Route).unwrap();
        let by = step.decided_by.as_ref().map(ToString::to_string);
        assert_eq!(by.as_deref(), Some("VirtualService default/reviews"));
        assert!(step.facts.contains(&"timeout 3s".to_owned()), "{got}");
    }
    let Some(chaos) = reviews("/chaos/1", &[]) else { return };
    assert_eq!(chaos.clusters(), [(&*subset("v1"), 100.0)], "{chaos}");
    let delays = "fault injection delays 12.5 % of requests by 7s".to_owned();
    assert!(chaos.step(StepKind::Route).unwrap().facts.contains(&delays), "{chaos}");
}

#[test]
fn routes_that_were_passed_over_tell_what_was_missing() {
    let headers = [("x-internal", "1"), ("end-user", "jason")];
    let Some(got) = reviews("/chaos/1", &headers) else { return };
    assert_eq!(got.clusters(), [(&*subset("v1"), 75.0), (&*subset("v3"), 25.0)], "{got}");
    let passed = &got.step(StepKind::Route).unwrap().passed_over;
    let reasons: Vec<&str> = passed.iter().map(|p| p.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "header x-beta is absent",
            "header cookie is absent",
            "header x-internal is present, and must not be"
        ]
    );
}

#[test]
fn rewrites_and_redirects_are_computed() {
    let Some(served) = recorded("02-http-routing", "istio-ingressgateway") else { return };
    let explain = |host: &str, path: &str| explain(&served, &gateway(8080, host, path));

    let got = explain("bookinfo.example.com", "/OLD/a?debug=1&trace=x");
    assert_eq!(got.outcome, Outcome::Forwarded { path: Some("/a?debug=1&trace=x".to_owned()) });
    assert_eq!(got.clusters().len(), 1);

    let got = explain("eu.shop.example.com", "/login?next=a");
    let location = "https://id.example.com/signin?next=a".to_owned();
    assert_eq!(got.outcome, Outcome::Redirected { status: 302, location });

    let got = explain("BOOKINFO.example.com:80", "/teapots");
    let body = "short and stout".to_owned();
    assert_eq!(got.outcome, Outcome::Answered { status: 418, body });

    // The server takes this host from VirtualServices of its own namespace only, and this one is of another.
    let got = explain("plain.example.com", "/svc/web/x/y");
    assert!(!got.is_reached(), "{got}");

    let got = explain("bookinfo.example.com", "/api/v1/products/2");
    assert_eq!(got.clusters()[0].0, "outbound|9080||productpage.default.svc.cluster.local");
    let got = explain("bookinfo.example.com", "/api/vx/products");
    assert!(!got.is_reached(), "{got}");
    let got = explain("nobody.example.com", "/");
    assert!(!got.is_reached(), "{got}");

    let got = explain("ratings.shop.example.com", "/ratings/v2/1");
    assert_eq!(got.clusters()[0].0, "outbound|8000||httpbin.apps.svc.cluster.local");
    let got = explain("ratings.shop.example.com", "/ratings/v3");
    assert_eq!(got.clusters()[0].0, "outbound|9080||ratings.default.svc.cluster.local");
}

#[test]
fn the_edge_chooses_by_port_and_server_name() {
    let Some(served) = recorded("03-gateway-tls", "istio-ingressgateway") else { return };
    let tls = |name: &str, alpn: &[&str], certificate: bool| Tls {
        sni: Some(name.to_owned()),
        alpn: alpn.iter().map(|p| (*p).to_owned()).collect(),
        client_certificate: certificate,
        identity: None,
    };
    let over = |port: u16, name: &str, certificate: bool| {
        let request = gateway(port, name, "/reviews/1");
        explain(&served, &request.over(tls(name, &["h2", "http/1.1"], certificate)))
    };

    let plain = explain(&served, &gateway(8080, "site.example.com", "/a?b"));
    let location = "https://site.example.com/a?b".to_owned();
    assert_eq!(plain.outcome, Outcome::Redirected { status: 301, location });

    let got = over(8443, "site.example.com", false);
    assert_eq!(got.clusters()[0].0, "outbound|9080||reviews.default.svc.cluster.local");
    assert!(!over(8443, "mtls.example.com", false).is_reached());
    assert!(over(8443, "mtls.example.com", true).is_reached());
    assert!(over(8443, "opt.example.com", false).is_reached());
    assert!(!over(8443, "unknown.example.com", false).is_reached());

    let got = over(8443, "pass.example.com", false);
    assert_eq!(got.clusters(), [("outbound|443||multi.apps.svc.cluster.local", 100.0)]);
    let got = over(8443, "a.pass.example.com", false);
    let shares: Vec<f64> = got.clusters().iter().map(|(_, share)| *share).collect();
    assert_eq!(shares, [60.0, 40.0]);

    let tcp = Request::tcp(Direction::Bound, "10.244.0.1:31400".parse().unwrap());
    let shares: Vec<f64> = explain(&served, &tcp).clusters().iter().map(|c| c.1).collect();
    assert_eq!(shares, [80.0, 20.0]);

    let name = "outbound_.9080_._.reviews.default.svc.cluster.local";
    let got = explain(
        &served,
        &Request::tcp(Direction::Bound, "10.244.0.1:15443".parse().unwrap()).over(tls(
            name,
            &["istio-peer-exchange", "istio"],
            true,
        )),
    );
    assert_eq!(got.clusters(), [(name, 100.0)], "{got}");
    assert!(got.is_reached(), "{got}");
}
