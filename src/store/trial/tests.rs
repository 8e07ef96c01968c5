use serde_json::{Value, json};

use super::Trials;
use crate::api::networking::{DestinationRule, Gateway, ServiceEntry, Sidecar, VirtualService};
use crate::api::security::{AuthorizationPolicy, PeerAuthentication};
use crate::api::{Change, Object};
use crate::store::Store;
use crate::store::fixtures::{apply, config, pod, put, service};

fn object(change: Change) -> Object {
    match change {
        Change::Apply(object) => object,
        other => panic!("{other:?}"),
    }
}

/// A mesh with a service, a workload, and a route to a subset that a rule defines.
fn mesh() -> Store {
    let mut store = Store::new(config());
    store.apply([
        apply(service("shop", "web", "app=web")),
        apply(pod("shop", "web-1", "10.0.0.1", "app=web")),
        put::<DestinationRule>("shop/web", json!({"host": "web", "subsets": [{"name": "v1"}]})),
        put::<VirtualService>("shop/routes", routes("web", "v1")),
        put::<VirtualService>("shop/broken", routes("nobody", "")),
    ]);
    store
}

fn routes(host: &str, subset: &str) -> Value {
    let destination = json!({"host": host, "subset": subset});
    json!({"hosts": [host], "http": [{"route": [{"destination": destination}]}]})
}

/// What is told of an object, as `OBJECT PATH: MESSAGE`.
fn told(change: Change) -> Vec<String> {
    let snapshot = mesh().snapshot();
    let told = Trials::default().consider(&snapshot, &object(change));
    let line =
        |d: crate::api::Diagnostic| format!("{} {}: {}", d.object.unwrap(), d.path, d.message);
    told.into_iter().map(line).collect()
}

/// One thing is told, with this beginning and these words; nothing if there are none.
fn check(change: Change, begins: &str, words: &[&str]) {
    let told = told(change);
    if words.is_empty() {
        assert_eq!(told, Vec::<String>::new());
        return;
    }
    let fits =
        |line: &String| line.starts_with(begins) && words.iter().all(|word| line.contains(word));
    assert!(told.iter().any(fits), "{told:#?} without {begins} {words:?}");
}

#[test]
fn what_an_object_names_is_looked_for_in_the_mesh() {
    check(put::<VirtualService>("shop/new", routes("web", "v1")), "", &[]);
    check(
        put::<VirtualService>("shop/new", routes("web", "v2")),
        "VirtualService shop/new spec.http[0].route[0].destination.subset: ",
        &["DestinationRule shop/web", "v1"],
    );
    check(
        put::<VirtualService>(
            "shop/new",
            json!({"hosts": ["web"], "gateways": ["shop/gw"],
            "http": [{"route": [{"destination": {"host": "web"}}]}]}),
        ),
        "VirtualService shop/new spec.gateways[0]: ",
        &["no Gateway shop/gw"],
    );
    check(
        put::<DestinationRule>("shop/new", json!({"host": "wbe"})),
        "DestinationRule shop/new spec.host: ",
        &["web.shop.svc.cluster.local may be meant"],
    );
    check(
        put::<Sidecar>(
            "shop/new",
            json!({"egress": [{"hosts": ["./missing.shop.svc.cluster.local"]}]}),
        ),
        "Sidecar shop/new spec.egress[0].hosts[0]: ",
        &["imports nothing"],
    );
    check(
        put::<PeerAuthentication>(
            "shop/new",
            json!({"selector": {"matchLabels": {"app": "other"}}}),
        ),
        "PeerAuthentication shop/new spec.selector",
        &["workload"],
    );
    check(
        put::<AuthorizationPolicy>(
            "shop/new",
            json!({"action": "CUSTOM", "provider": {"name": "nobody"}, "rules": [{}]}),
        ),
        "AuthorizationPolicy shop/new spec.provider",
        &["nobody"],
    );
    check(put::<AuthorizationPolicy>("shop/new", json!({"rules": [{}]})), "", &[]);
    check(put::<Gateway>("shop/new", json!({"servers": []})), "", &[]);
}

#[test]
fn what_a_change_takes_from_others_is_told() {
    check(
        put::<DestinationRule>("shop/web", json!({"host": "web", "subsets": [{"name": "v2"}]})),
        "VirtualService shop/routes spec.http[0].route[0].destination.subset: ",
        &["v1", "DestinationRule shop/web"],
    );
    check(
        put::<ServiceEntry>(
            "bank/web",
            json!({"hosts": ["web.shop.svc.cluster.local"],
            "resolution": "STATIC", "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]}),
        ),
        "ServiceEntry bank/web",
        &["Service shop/web"],
    );
}

#[test]
fn what_was_there_before_is_told_of_the_object_only() {
    // shop/broken names nobody, and is not mentioned with others.
    check(put::<VirtualService>("shop/new", routes("web", "")), "", &[]);
    check(
        put::<VirtualService>("shop/broken", routes("nobody", "")),
        "VirtualService shop/broken spec.http[0].route[0].destination.host: ",
        &["no service has the host"],
    );
}

#[test]
fn nothing_is_told_of_an_unknown_mesh() {
    let nothing = crate::snapshot::Snapshot::default();
    let object = object(put::<VirtualService>("shop/new", routes("web", "")));
    assert_eq!(Trials::default().consider(&nothing, &object), []);
}
