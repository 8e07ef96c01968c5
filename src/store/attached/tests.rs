//! What users are told of policies that mean nobody, while workloads come and go.

use std::sync::Arc;

use serde_json::json;

use crate::api::MeshConfig;
use crate::api::mesh::ExtAuthz;
use crate::api::security::{AuthorizationPolicy, RequestAuthentication};
use crate::store::Store;
use crate::store::fixtures::{apply, config, pod, put, remove, service};

fn told(store: &mut Store) -> Vec<String> {
    let told: Vec<String> = store.snapshot().diagnostics.iter().map(ToString::to_string).collect();
    told.into_iter().filter(|text| text.contains("no effect") || text.contains("refused")).collect()
}

#[track_caller]
fn check(store: &mut Store, want: &[&str]) {
    let said = told(store);
    let fits = |(said, want): (&String, &&str)| want.split(" … ").all(|part| said.contains(part));
    assert!(said.len() == want.len() && said.iter().zip(want).all(fits), "{said:#?}\n{want:#?}");
}

#[test]
fn a_gateway_is_missed_until_it_has_a_proxy() {
    let mut store = Store::new(config());
    let edge = "gateway.networking.k8s.io/gateway-name=edge";
    let target = json!({ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge" });
    store.apply([put::<AuthorizationPolicy>("shop/edge", json!({ "targetRefs": [target] }))]);
    // Nobody is there yet: its proxies may be known by what they tell only.
    check(&mut store, &[]);
    store.apply([apply(pod("shop", "db-1", "10.0.0.1", "app=db"))]);
    let missing = "shop/edge … spec.targetRefs[0] … no workload of the namespace shop is a proxy";
    check(&mut store, &[missing]);
    store.apply([apply(pod("bank", "edge-1", "10.0.0.2", edge))]);
    check(&mut store, &[missing]);
    store.apply([apply(pod("shop", "edge-1", "10.0.0.3", edge))]);
    check(&mut store, &[]);
    store.apply([apply(pod("shop", "edge-2", "10.0.0.4", edge))]);
    store.apply([remove(pod("shop", "edge-1", "10.0.0.3", edge))]);
    check(&mut store, &[]);
    store.apply([apply(pod("shop", "edge-2", "10.0.0.4", "app=else"))]);
    check(&mut store, &[missing]);
}

#[test]
fn references_that_lead_nowhere_are_told() {
    let gateway = |name: &str| json!({ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name });
    let mut store = Store::new(config());
    let name = "gateway.networking.k8s.io/gateway-name=edge";
    store.apply([
        apply(pod("shop", "edge-1", "10.0.0.1", name)),
        put::<RequestAuthentication>("shop/a", json!({ "targetRef": gateway("lost") })),
        put::<AuthorizationPolicy>(
            "shop/b",
            json!({ "targetRefs": [gateway("edge"), gateway("lost")] }),
        ),
        put::<AuthorizationPolicy>(
            "shop/c",
            json!({ "targetRefs": [{ "kind": "Service", "name": "web" }] }),
        ),
    ]);
    check(
        &mut store,
        &[
            "shop/b … spec.targetRefs[1] … no workload of the namespace shop is a proxy of the Gateway lost",
            "shop/c … spec.targetRefs[0] … the Service web are for waypoints",
            "shop/a … spec.targetRef … Gateway lost",
        ],
    );
}

#[test]
fn providers_that_cannot_be_asked_are_told() {
    let mut store = Store::new(config());
    let custom = |name: &str, provider: &str| {
        let spec = json!({ "action": "CUSTOM", "provider": { "name": provider }, "rules": [{}] });
        put::<AuthorizationPolicy>(name, spec)
    };
    let ask = |name: &str, port: u32| ExtAuthz {
        name: name.into(),
        service: "ask.ext.svc.cluster.local".into(),
        port,
        ..ExtAuthz::default()
    };
    store.apply([custom("shop/a", "ask"), custom("shop/b", "other"), custom("shop/c", "broken")]);
    let ext_authz = vec![ask("ask", 9000), ask("broken", 0)];
    store.set_mesh(Arc::new(MeshConfig { ext_authz, ..MeshConfig::default() }));
    let unknown = "shop/b … spec.provider.name … no extension provider \"other\" … ask, broken";
    let broken = "shop/c … extension provider broken … 0 is no port";
    let lost =
        "shop/a … extension provider ask … no service has the host ask.ext.svc.cluster.local";
    check(&mut store, &[lost, unknown, broken]);
    store.apply([apply(service("ext", "ask", "app=ask"))]);
    check(&mut store, &[unknown, broken]);
    store.set_mesh(Arc::default());
    check(&mut store, &["shop/a … no extension provider", "shop/b", "shop/c"]);
}
