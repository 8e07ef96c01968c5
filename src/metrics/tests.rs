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

/// One line of the list.
struct Listed {
    name: &'static str,
    kind: &'static str,
    labels: Vec<&'static str>,
    bounds: Vec<f64>,
    state: &'static str,
}

fn listed() -> Vec<Listed> {
    let lines = include_str!("reference.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed = lines.map(|line| {
        let columns: Vec<&str> = line.splitn(5, '|').map(str::trim).collect();
        let [name, kind, labels, bounds, state] = columns[..] else { panic!("{line}") };
        let bounds = bounds.split_whitespace().map(|bound| bound.parse().unwrap()).collect();
        Listed { name, kind, labels: labels.split_whitespace().collect(), bounds, state }
    });
    listed.collect()
}

#[test]
fn what_istiod_has_is_declared_as_it_declares_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let shapes = Metrics::new("1").shapes();
    for Listed { name, kind, labels, bounds, state } in listed() {
        let shape = shapes.iter().find(|shape| shape.name == name);
        match (state.split_once(' ').map_or(state, |(word, _)| word), shape) {
            ("done", None) => panic!("{name} is listed as done and is not declared"),
            ("done" | "with", Some(shape)) => {
                assert_eq!(
                    (shape.kind, shape.labels, shape.bounds),
                    (kind, &*labels, &*bounds),
                    "{name}"
                );
            }
            ("finer", Some(shape)) => {
                assert_eq!((shape.kind, shape.labels), (kind, &*labels), "{name}");
                assert!(bounds.iter().all(|bound| shape.bounds.contains(bound)), "{name}");
            }
            ("with", None) | ("absent:", None) => {}
            ("absent:", Some(_)) => panic!("{name} is listed as absent and is declared"),
            (state, _) => panic!("{name}: {state}"),
        }
    }
}

#[test]
fn what_istiod_does_not_have_is_told_by_its_name() {
    let listed: BTreeSet<&str> = listed().into_iter().map(|listed| listed.name).collect();
    let shapes = Metrics::new("1").shapes();
    for Shape { name, .. } in &shapes {
        assert!(
            listed.contains(name) || name.starts_with("istiod_"),
            "{name} is not in reference.txt"
        );
    }
    let names: BTreeSet<&str> = shapes.iter().map(|shape| shape.name).collect();
    assert_eq!(names.len(), shapes.len(), "a name is declared twice");
}

/// What was recorded of istiod is the list's source; Go's own metrics aside.
#[test]
fn the_list_has_all_that_was_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens/debug/metrics");
    let Ok(recorded) = std::fs::read_to_string(&path) else {
        skipped(format_args!("no recorded metrics at {}", path.display()));
        return;
    };
    let listed = listed();
    for (name, (kind, labels)) in shapes(&recorded) {
        if name.starts_with("go_") {
            continue;
        }
        let found = listed.iter().find(|listed| *listed.name == name);
        let found = found.unwrap_or_else(|| panic!("{name} is not in reference.txt"));
        let own = found.labels.iter().map(|label| (*label).to_owned());
        let bounds = found.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets = bounds.map(|bound| format!("le={}", text::number(bound)));
        let buckets = buckets.filter(|_| found.kind == "histogram");
        assert_eq!((kind.as_str(), labels), (found.kind, own.chain(buckets).collect()), "{name}");
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
