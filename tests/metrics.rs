//! What a daemon that is used shows on /metrics: everything that istiod shows, as istiod shows it.
//!
//! The list of istiod's metrics is src/metrics/reference.txt; that what is declared is as listed is tested beside it. Here
//! is what arrives, in the text and in a real Prometheus, and what dashboards and alerts make of it.

mod http;
mod monitoring;
mod prometheus;
mod scrape;
mod used;

use std::collections::BTreeSet;

use istiod::metrics::{Metrics, Shape};

use self::scrape::Scrape;
use self::used::Used;

/// Metrics with labels that appear once something happens which does not happen to a daemon that serves files to two
/// proxies: an API server, other clusters, certificates, web hooks, or a mistake.
const NOT_CAUSED: &[&str] = &[
    "citadel_",
    "controller_sync_errors_total",
    "galley_",
    "grpc_server_handled_total",
    "grpc_server_handling_seconds",
    "istiod_certificate_expiry_timestamp",
    "istiod_kubernetes_",
    "istiod_leader",
    "istiod_managed_clusters",
    "istiod_refused_streams",
    "istiod_remote_cluster_sync_status",
    "istiod_trust_bundle_fetches_total",
    "istiod_writes",
    "pilot_total_rejected_configs",
    "pilot_worker_queue_",
    "pilot_xds_cds_reject",
    "pilot_xds_eds_reject",
    "pilot_xds_rds_reject",
    "pilot_xds_expired_nonce",
    "provider_lookup_cluster_failures",
    "remote_cluster_",
    "webhook_",
];

/// All that is declared, as it would be on a runtime.
fn declared() -> Vec<Shape> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    Metrics::new("1.30.3").shapes()
}

#[test]
fn what_a_used_daemon_shows_is_as_declared() {
    let mut used = Used::start();
    let scrape = Scrape::of(&used.metrics());
    let declared = declared();
    for Shape { name, kind, labels, bounds, .. } in &declared {
        let Some(shown) = scrape.metrics.get(*name) else {
            let excused = NOT_CAUSED.iter().any(|prefix| name.starts_with(prefix));
            assert!(excused && !labels.is_empty(), "{name} is declared and does not appear");
            continue;
        };
        assert_eq!(shown.kind, *kind, "{name}");
        assert!(!shown.help.is_empty(), "{name} has no explanation");
        for (own, _) in &shown.samples {
            let own: BTreeSet<&str> = own.keys().map(String::as_str).collect();
            assert_eq!(own, labels.iter().copied().collect(), "{name}");
        }
        assert_eq!(shown.bounds, *bounds, "{name}");
    }
    let declared: BTreeSet<&str> = declared.iter().map(|shape| shape.name).collect();
    for name in scrape.metrics.keys() {
        assert!(declared.contains(name.as_str()), "{name} appears and is not declared");
    }
}

#[test]
fn what_happened_is_counted() {
    let mut used = Used::start();
    let before = Scrape::of(&used.metrics());
    assert_eq!(before.value("pilot_xds", &[]), 2.0);
    assert_eq!(before.value("pilot_xds_lds_reject", &[("err", "Internal")]), 1.0);
    assert!(before.value("pilot_total_xds_rejects", &[("type", "lds")]) >= 1.0);
    // The two share all but what is inbound.
    let (resources, served) = ("istiod_resources", "istiod_served_resources");
    let clusters = [("type", "cds")];
    assert!(before.value(served, &clusters) > before.value(resources, &clusters));
    assert!(before.value("istiod_resource_bytes", &clusters) > 0.0);
    used.change_an_endpoint();
    let after = Scrape::of(&used.metrics());
    for (name, labels) in [
        ("pilot_push_triggers", [("type", "endpoint")]),
        ("pilot_inbound_updates", [("type", "eds")]),
        ("pilot_xds_pushes", [("type", "eds")]),
        ("istiod_change_acknowledged_seconds_count", [("type", "endpoints")]),
        ("istiod_resources_built_total", [("type", "eds")]),
    ] {
        let (before, after) = (before.value(name, &labels), after.value(name, &labels));
        assert!(after > before, "{name}: {before}, then {after}");
    }
    let pushed = |scrape: &Scrape| scrape.value("pilot_xds_pushes", &[("type", "cds")]);
    assert_eq!(pushed(&before), pushed(&after), "an endpoint is no reason to send clusters");
}

#[test]
fn a_conflict_shows_while_it_lasts() {
    let mut used = Used::start();
    let conflict =
        |used: &mut Used| Scrape::of(&used.metrics()).value("pilot_destrule_subsets", &[]);
    assert_eq!(conflict(&mut used), 0.0);
    used.apply("conflict.yaml", CONFLICT);
    used.until("pilot_destrule_subsets", |value| value == 1.0);
    used.remove("conflict.yaml");
    used.until("pilot_destrule_subsets", |value| value == 0.0);
}

/// Two rules of one host that define one subset.
const CONFLICT: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: first, namespace: shop}
spec: {host: payment, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: second, namespace: shop}
spec: {host: payment, subsets: [{name: v1, labels: {version: v2}}]}
";
