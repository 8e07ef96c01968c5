use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::skip::skipped;

/// Names with type, label names and bucket bounds, from text in Prometheus' format.
fn shapes(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut out = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            current = name.to_owned();
            out.insert(current.clone(), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((_, labels)) = line.split_once('{') {
            let (labels, _) = labels.rsplit_once('}').unwrap();
            for pair in labels.split("\",") {
                let (name, value) = pair.split_once("=\"").unwrap();
                let known = &mut out.get_mut(&current).unwrap().1;
                known.insert(match name {
                    "le" => format!("le={}", value.trim_end_matches('"')),
                    _ => name.to_owned(),
                });
            }
        }
    }
    out
}

/// Everything that has labels, used once.
fn used() -> Metrics {
    let metrics = Metrics::new("1.30.3");
    for family in [&metrics.push_time, &metrics.config_size] {
        family.with(&["x"]).observe(1.0);
    }
    for family in [&metrics.pushes, &metrics.inbound_updates] {
        family.with(&["x"]).inc();
    }
    for family in [&metrics.config_events, &metrics.registry_events] {
        family.with(&["add", "Pods"]).inc();
    }
    metrics.info.with(&["1.30.3-unknown-unknown"]).set(1.0);
    metrics.connections.with(&["1.30.3"]).add(1.0);
    metrics
}

/// Metrics that the reference prints for parts that the project does not have, or for problems that it tells
/// as diagnostics.
const NOT_OURS: &[&str] = &[
    "citadel_server_root_cert_expiry_seconds",
    "citadel_server_root_cert_expiry_timestamp",
    "istiod_managed_clusters",
    "pilot_conflict_inbound_listener",
    "pilot_conflict_outbound_listener_tcp_over_current_tcp",
    "pilot_destrule_subsets",
    "pilot_dns_cluster_without_endpoints",
    "pilot_duplicate_envoy_clusters",
    "pilot_no_ip",
    "pilot_vservice_dup_domain",
    "process_network_receive_bytes_total",
    "process_network_transmit_bytes_total",
    "process_virtual_memory_max_bytes",
];

#[test]
fn names_types_labels_and_buckets_are_those_of_the_reference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens/debug/metrics");
    let Ok(recorded) = std::fs::read_to_string(&path) else {
        skipped(format_args!("no recorded metrics at {}", path.display()));
        return;
    };
    let ours = shapes(&used().render());
    for (name, want) in shapes(&recorded) {
        if name.starts_with("go_") || NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        assert_eq!(ours.get(&name), Some(&want), "{name}");
    }
}

#[test]
fn what_did_not_occur_is_not_printed() {
    let text = Metrics::new("1").render();
    assert!(!text.contains("pilot_xds_pushes"), "{text}");
    assert!(text.contains("\npilot_total_xds_internal_errors 0\n"), "{text}");
}

#[test]
fn a_family_is_bounded() {
    let family = Family::counters(&["node"]);
    for i in 0..3_000 {
        family.with(&[&format!("node-{i}")]).inc();
    }
    let mut kept = 0;
    let mut total = 0;
    family.for_each(|_, counter| {
        kept += 1;
        total += counter.get();
    });
    assert_eq!((kept, total), (1_001, 3_000));
    assert_eq!(family.with(&["(other)"]).get(), 2_000);
}

#[test]
fn what_is_removed_begins_again_from_zero() {
    let family = Family::gauges(&["err", "node"]);
    family.with(&["bad", "a"]).set(1.0);
    family.remove(&["bad", "a"]);
    assert_eq!(family.with(&["bad", "a"]).get(), 0.0);
    for (err, node) in [("bad", "a"), ("bad", "b"), ("worse", "a")] {
        family.with(&[err, node]).set(1.0);
    }
    family.remove_all("bad");
    assert_eq!(family.with(&["bad", "b"]).get(), 0.0);
    assert_eq!(family.with(&["worse", "a"]).get(), 1.0);
}
