//! What users are told of names, through the store: it is the store that keeps it true while services come and go.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::Change;
use crate::api::core;
use crate::api::networking::{DestinationRule, Gateway, ServiceEntry, Sidecar, VirtualService};
use crate::store::Store;
use crate::store::fixtures::{apply, config, put, remove, service};

/// A VirtualService for sidecars that leads to these destinations.
fn routes(name: &str, destinations: Value) -> Change {
    let to = |to: &Value| json!({ "destination": to });
    let route: Vec<Value> = destinations.as_array().unwrap().iter().map(to).collect();
    put::<VirtualService>(name, json!({ "hosts": ["front"], "http": [{ "route": route }] }))
}

fn entry(name: &str, host: &str, more: Value) -> Change {
    let mut spec = json!({ "hosts": [host], "resolution": "DNS",
        "ports": [{ "number": 443, "name": "tls", "protocol": "TLS" }] });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    put::<ServiceEntry>(name, spec)
}

fn store(changes: impl IntoIterator<Item = Change>) -> Store {
    let mut store = Store::new(config());
    store.apply([apply(service("shop", "web", "")), apply(service("bank", "vault", ""))]);
    store.apply(changes);
    store
}

/// All that is told, as `OBJECT PATH: MESSAGE`.
fn told(store: &mut Store) -> Vec<String> {
    let snapshot = store.snapshot();
    let line = |d: &crate::api::Diagnostic| {
        format!("{} {}: {}", d.object.as_ref().unwrap(), d.path, d.message)
    };
    snapshot.diagnostics.iter().map(line).collect()
}

/// That one thing is told, with these words; nothing if there are none.
fn check(changes: Vec<Change>, words: &[&str]) {
    let told = told(&mut store(changes));
    match (words, told.as_slice()) {
        ([], []) => {}
        ([_, ..], [only]) => {
            for word in words {
                assert!(only.contains(word), "{only} without {word}");
            }
        }
        _ => panic!("{told:#?} instead of {words:?}"),
    }
}

#[test]
fn destinations_that_nobody_has() {
    let to = |host: &str| vec![routes("shop/r", json!([{ "host": "web" }, { "host": host }]))];
    check(to("vault.bank.svc.cluster.local"), &[]);
    let place = "VirtualService shop/r spec.http[0].route[1].destination.host";
    check(to("nothing"), &[place, "nothing.shop.svc.cluster.local", "create a Service"]);
    check(to("vault"), &["vault.bank.svc.cluster.local may be meant"]);
    check(to("vault.bank"), &["vault.bank.svc.cluster.local may be meant"]);
    check(to("wbe"), &["web.shop.svc.cluster.local may be meant"]);
    check(to("web.shop.svc.cluster.loca"), &["web.shop.svc.cluster.local may be meant"]);
}

#[test]
fn destinations_of_all_protocols_and_mirrors() {
    let spec = |rule: Value| {
        let mut spec = json!({ "hosts": ["front"] });
        spec.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        vec![put::<VirtualService>("shop/r", spec)]
    };
    let gone = json!([{ "destination": { "host": "gone" } }]);
    check(spec(json!({ "tcp": [{ "route": gone }] })), &["spec.tcp[0].route[0].destination.host"]);
    let tls = json!([{ "match": [{ "sniHosts": ["a"] }], "route": gone }]);
    check(spec(json!({ "tls": tls })), &["spec.tls[0].route[0].destination.host"]);
    let mirror = json!([{ "mirror": { "host": "gone" } }]);
    check(spec(json!({ "http": mirror })), &["spec.http[0].mirror.host"]);
    let mirrors = json!([{ "mirrors": gone }]);
    check(spec(json!({ "http": mirrors })), &["spec.http[0].mirrors[0].destination.host"]);
}

#[test]
fn what_a_delegate_names_is_told_where_it_is_written() {
    let delegate = json!([{ "redirect": { "uri": "/" } }, { "route": [{ "destination": { "host": "gone" } }] }]);
    let changes = vec![
        put::<VirtualService>("bank/leaf", json!({ "http": delegate })),
        put::<VirtualService>(
            "shop/r",
            json!({ "hosts": ["front"], "http": [{ "delegate": { "name": "leaf", "namespace": "bank" } }] }),
        ),
    ];
    check(changes, &["VirtualService bank/leaf spec.http[1].route[0]", "gone.bank.svc"]);
}

#[test]
fn what_clients_do_not_see_is_told() {
    let private = || entry("bank/e", "api.example.com", json!({ "exportTo": ["."] }));
    let to = |name: &str, more: Value| {
        let mut spec = json!({ "hosts": ["front"],
            "http": [{ "route": [{ "destination": { "host": "api.example.com" } }] }] });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put::<VirtualService>(name, spec)
    };
    check(vec![private(), to("bank/r", json!({}))], &[]);
    check(
        vec![private(), to("shop/r", json!({}))],
        &["exported to bank only", "ServiceEntry bank/e"],
    );
    // What the root namespace says is for clients elsewhere, and so is what is shown to others only.
    check(vec![private(), to("istio-system/r", json!({}))], &[]);
    check(vec![private(), to("shop/r", json!({ "exportTo": ["bank"] }))], &[]);
    check(vec![private(), to("shop/r", json!({ "exportTo": ["other"] }))], &["exported to bank"]);
    // A gateway may be in any namespace that sees the VirtualService.
    let gateway = put::<Gateway>("shop/gw", json!({ "servers": [] }));
    check(vec![private(), gateway, to("shop/r", json!({ "gateways": ["gw"] }))], &[]);
}

#[test]
fn a_wildcard_is_named_as_it_is_written() {
    let wild = || entry("shop/wild", "*.example.com", json!({ "resolution": "DYNAMIC_DNS" }));
    let to = |host: &str| routes("shop/r", json!([{ "host": host }]));
    check(vec![wild(), to("*.example.com")], &[]);
    check(vec![wild(), to("a.example.com")], &["has *.example.com, which covers a.example.com"]);
}

#[test]
fn ports_that_a_service_does_not_have() {
    let to =
        |port: u32| vec![routes("shop/r", json!([{ "host": "web", "port": { "number": port } }]))];
    check(to(80), &[]);
    check(to(81), &["destination.port.number", "no port 81", "its ports are: 80"]);
}

#[test]
fn subsets_that_no_rule_defines() {
    let to = |name: &str| {
        routes(name, json!([{ "host": "web.shop.svc.cluster.local", "subset": "v2" }]))
    };
    let rule = |name: &str, subset: &str, more: Value| {
        let mut spec =
            json!({ "host": "web.shop.svc.cluster.local", "subsets": [{ "name": subset }] });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put::<DestinationRule>(name, spec)
    };
    check(vec![to("shop/r")], &["route[0].destination.subset", "no DestinationRule of web.shop"]);
    check(vec![to("shop/r"), rule("shop/d", "v2", json!({}))], &[]);
    check(
        vec![to("shop/r"), rule("shop/d", "v1", json!({}))],
        &["DestinationRule shop/d does not define the subset \"v2\"", "it defines v1"],
    );
    let own = json!({ "exportTo": ["."] });
    check(vec![to("bank/r"), rule("shop/d", "v2", own.clone())], &["no DestinationRule"]);
    check(vec![to("bank/r"), rule("bank/d", "v2", own)], &[]);
}

#[test]
fn rules_for_hosts_that_nobody_has() {
    let rule = |host: &str| vec![put::<DestinationRule>("shop/d", json!({ "host": host }))];
    for known in ["web", "*.bank.svc.cluster.local", "*.local", "*"] {
        check(rule(known), &[]);
    }
    check(
        rule("web.sho.svc.cluster.local"),
        &["spec.host: has no effect", "web.shop.svc.cluster.local may be meant"],
    );
    check(rule("*.example.com"), &["has no effect: no service has the host *.example.com"]);
}

#[test]
fn gateways_that_do_not_exist() {
    let bound = |gateway: &str| {
        put::<VirtualService>(
            "shop/r",
            json!({ "hosts": ["front"], "gateways": ["mesh", gateway] }),
        )
    };
    let gateway = || put::<Gateway>("edge/gw", json!({ "servers": [] }));
    check(vec![gateway(), bound("edge/gw")], &[]);
    check(vec![gateway(), bound("gw")], &["spec.gateways[1]", "shop/gw", "edge/gw may be meant"]);
}

#[test]
fn matches_for_gateways_that_nothing_is_bound_to() {
    let spec = |gateways: Value, kind: &str, matched: &str| {
        let mut spec = json!({ "hosts": ["front"], "gateways": gateways });
        let route = json!([{ "destination": { "host": "web" } }]);
        let matches = json!([{ "port": 1 }, { "gateways": [matched], "sniHosts": ["front"] }]);
        spec[kind] = json!([{ "match": matches, "route": route }]);
        vec![
            put::<Gateway>("shop/gw", json!({ "servers": [] })),
            put::<VirtualService>("shop/r", spec),
        ]
    };
    for kind in ["http", "tls", "tcp"] {
        let place = format!("spec.{kind}[0].match[1].gateways[0]: ");
        check(spec(json!(["gw"]), kind, "shop/gw"), &[]);
        check(spec(json!([]), kind, "mesh"), &[]);
        check(spec(json!([]), kind, "gw"), &[&place, "shop/gw has no effect here"]);
        check(spec(json!(["gw"]), kind, "mesh"), &[&place, "mesh has no effect here"]);
    }
}

#[test]
fn hosts_that_sidecars_import_and_nobody_has() {
    let import = |host: &str| {
        let egress = json!({ "egress": [{ "hosts": ["./*", host] }] });
        vec![put::<Sidecar>("shop/s", egress), routes("bank/r", json!([]))]
    };
    for known in [
        "bank/*",
        "nobody/*",
        "~/*",
        "./web.shop.svc.cluster.local",
        "*/vault.bank.svc.cluster.local",
        "*/*.cluster.local",
        "bank/front.bank.svc.cluster.local",
    ] {
        check(import(known), &[]);
    }
    let place = "Sidecar shop/s spec.egress[0].hosts[1]: imports nothing";
    check(
        import("./vault.bank.svc.cluster.local"),
        &[place, "bank/vault.bank.svc.cluster.local may be meant"],
    );
    check(import("*/*.example.com"), &[place, "no service or VirtualService has the host"]);
}

#[test]
fn it_is_told_as_long_as_it_is_so() {
    let mut store = store([routes("shop/r", json!([{ "host": "later" }]))]);
    assert_eq!(told(&mut store).len(), 1);
    let later = service("shop", "later", "");
    store.apply([apply(later.clone())]);
    assert_eq!(told(&mut store), [""; 0]);
    let before = store.snapshot().diagnostics.clone();
    store.apply([apply(core::Service {
        selector: crate::store::fixtures::labels("app=x"),
        ..later.clone()
    })]);
    assert!(Arc::ptr_eq(&before, &store.snapshot().diagnostics), "nobody names what changed");
    store.apply([remove(later)]);
    assert_eq!(told(&mut store).len(), 1);
}

#[test]
fn who_wins_a_host_and_who_loses_is_told() {
    let port =
        |number: u32| json!({ "ports": [{ "number": number, "name": "p", "protocol": "TCP" }] });
    let check = |changes: Vec<Change>, expected: &[(&str, &str)]| {
        let told = told(&mut store(changes));
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for ((object, words), told) in expected.iter().zip(&told) {
            assert!(told.starts_with(object) && told.contains(words), "{told}");
        }
    };
    let host = "api.example.com";
    check(
        vec![entry("shop/a", host, json!({})), entry("shop/b", host, json!({}))],
        &[
            (
                "ServiceEntry shop/a spec.hosts",
                "of ServiceEntry shop/b, of which only the endpoints",
            ),
            ("ServiceEntry shop/b spec.hosts", "of ServiceEntry shop/a, which is older"),
        ],
    );
    // Ports of both are served.
    check(vec![entry("shop/a", host, port(1)), entry("shop/b", host, port(2))], &[]);
    check(
        vec![entry("shop/a", "web.shop.svc.cluster.local", json!({}))],
        &[
            ("Service shop/web", "of which only the endpoints count"),
            ("ServiceEntry shop/a", "which is a Kubernetes Service"),
        ],
    );
    check(
        vec![entry("shop/a", host, json!({})), entry("bank/b", host, json!({}))],
        &[
            ("ServiceEntry bank/b", "clients of the namespace shop"),
            ("ServiceEntry shop/a", "clients outside of shop"),
        ],
    );
    let own = || json!({ "exportTo": ["."] });
    check(vec![entry("shop/a", host, own()), entry("bank/b", host, own())], &[]);
}
