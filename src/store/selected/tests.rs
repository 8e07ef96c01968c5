use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::config::Spec;
use crate::api::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use crate::api::{Change, MeshConfig, Str};
use crate::store::Store;
use crate::store::fixtures::{self, apply, config, pod, remove};

fn put<S: Spec>(name: &str, labels: Value) -> Change {
    fixtures::put::<S>(name, json!({ "selector": { "matchLabels": labels } }))
}

fn store(changes: impl IntoIterator<Item = Change>) -> Store {
    let mut store = Store::new(config());
    store.set_mesh(Arc::new(MeshConfig { root_namespace: "root".into(), ..MeshConfig::default() }));
    store.apply(changes);
    store
}

/// The names of the policies that select nobody.
fn alone(store: &mut Store) -> Vec<String> {
    let told = store.snapshot().diagnostics.clone();
    let alone = told.iter().filter(|told| told.message.contains("has no effect: no workload"));
    alone.map(|told| told.object.clone().unwrap().name.to_string()).collect()
}

#[test]
fn whoever_selects_nobody_is_told_until_somebody_comes() {
    let mut store = store([
        put::<PeerAuthentication>("shop/peer", json!({ "app": "web" })),
        put::<RequestAuthentication>("shop/request", json!({ "app": "web", "version": "v1" })),
        put::<AuthorizationPolicy>("shop/right", json!({ "app": "db" })),
        put::<AuthorizationPolicy>("shop/all", json!({})),
        apply(pod("shop", "web-1", "10.0.0.1", "app=web version=v2")),
        apply(pod("bank", "db-1", "10.0.0.2", "app=db")),
    ]);
    assert_eq!(alone(&mut store), ["right", "request"], "in the order of kinds");
    store.apply([apply(pod("shop", "web-2", "10.0.0.3", "app=web version=v1"))]);
    assert_eq!(alone(&mut store), ["right"]);
    store.apply([apply(pod("shop", "db-1", "10.0.0.4", "app=db"))]);
    assert_eq!(alone(&mut store), [""; 0]);
    // The one that was found goes, another one is there.
    store.apply([remove(pod("shop", "web-1", "10.0.0.1", ""))]);
    assert_eq!(alone(&mut store), [""; 0]);
    store.apply([remove(pod("shop", "web-2", "10.0.0.3", ""))]);
    assert_eq!(alone(&mut store), ["request", "peer"]);
    store.apply([put::<PeerAuthentication>("shop/peer", json!({ "app": "db" }))]);
    assert_eq!(alone(&mut store), ["request"]);
}

#[test]
fn those_of_the_root_namespace_select_everywhere() {
    let mut store = store([
        put::<RequestAuthentication>("root/a", json!({ "app": "web" })),
        apply(pod("shop", "db-1", "10.0.0.1", "app=db")),
    ]);
    assert_eq!(alone(&mut store), ["a"]);
    store.apply([apply(pod("bank", "web-1", "10.0.0.2", "app=web"))]);
    assert_eq!(alone(&mut store), [""; 0]);
    store.apply([remove(pod("bank", "web-1", "10.0.0.2", ""))]);
    assert_eq!(alone(&mut store), ["a"]);
}

#[test]
fn workloads_of_other_clusters_count() {
    let mut store = store([put::<RequestAuthentication>("shop/a", json!({ "app": "web" }))]);
    let east: Str = "east".into();
    assert_eq!(alone(&mut store), ["a"]);
    store.apply_remote(&east, [apply(pod("shop", "web-1", "10.0.0.2", "app=web"))]);
    assert_eq!(alone(&mut store), [""; 0]);
    store.remove_cluster(&east);
    assert_eq!(alone(&mut store), ["a"]);
}
