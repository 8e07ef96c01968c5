//! manifests/monitoring: that Prometheus takes the rules, that they say what they should, and that dashboard and alerts
//! ask for metrics that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::declared;
use super::prometheus::{Prometheus, monitoring, program};
use super::scrape::Scrape;
use super::used::Used;

/// What a query says that is neither a metric nor a label.
const WORDS: &[&str] = &[
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "sum",
    "max",
    "min",
    "avg",
    "count",
    "topk",
    "absent",
    "rate",
    "irate",
    "increase",
    "changes",
    "histogram_quantile",
    "time",
    "vector",
    "label_replace",
    "clamp_min",
    "e",
];

/// Labels that the scrape adds.
const ADDED: &[&str] = &["app", "instance", "job", "le", "namespace", "pod"];

/// Metrics of others.
const OTHERS: &[&str] = &["up"];

fn rules() -> Value {
    serde_yaml::from_str(&fs::read_to_string(monitoring().join("rules.yaml")).unwrap()).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(monitoring().join("istiod.json")).unwrap()).unwrap()
}

/// Every query of the dashboard, as Prometheus is asked it.
fn dashboard_queries() -> Vec<String> {
    fn find(value: &Value, queries: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let query = fields.get("expr").and_then(Value::as_str);
                queries.extend(query.map(|query| {
                    query.replace("$__rate_interval", "1m").replace("$instance", ".*")
                }));
                fields.values().for_each(|value| find(value, queries));
            }
            Value::Array(items) => items.iter().for_each(|item| find(item, queries)),
            _ => {}
        }
    }
    let mut queries = Vec::new();
    find(&dashboard(), &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    queries
}

fn each_rule() -> Vec<Value> {
    let rules = rules();
    let groups = rules["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

/// The words of a query, without texts and durations.
fn words(query: &str) -> BTreeSet<String> {
    let outside = query.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = outside
        .split(|c: char| !is_word(c))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    words.map(str::to_owned).collect()
}

#[test]
fn dashboard_and_rules_ask_for_what_exists() {
    let mut known: BTreeSet<String> =
        [WORDS, ADDED, OTHERS].concat().into_iter().map(str::to_owned).collect();
    for shape in declared() {
        known.extend(shape.labels.iter().map(|label| (*label).to_owned()));
        match shape.kind {
            "histogram" => {
                known.extend(["bucket", "sum", "count"].map(|end| format!("{}_{end}", shape.name)))
            }
            _ => drop(known.insert(shape.name.to_owned())),
        }
    }
    let rules = each_rule().into_iter().map(|rule| rule["expr"].as_str().unwrap().to_owned());
    for query in dashboard_queries().into_iter().chain(rules) {
        let unknown: Vec<_> = words(&query).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{query}: unknown: {unknown:?}");
    }
}

#[test]
fn an_alert_says_how_bad_it_is_what_it_is_and_what_to_do() {
    let mut names = BTreeSet::new();
    for rule in each_rule() {
        let name = rule["alert"].as_str().unwrap().to_owned();
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        for part in ["summary", "description", "runbook"] {
            assert!(
                rule["annotations"][part].as_str().is_some_and(|text| text.len() > 10),
                "{name}: {part}"
            );
        }
        assert!(names.insert(name.clone()), "{name} is there twice");
    }
}

#[test]
fn the_operator_s_rules_are_the_same() {
    let text = fs::read_to_string(monitoring().join("operator/rules.yaml")).unwrap();
    let resource: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(resource["kind"], "PrometheusRule");
    assert_eq!(resource["spec"], rules());
}

#[test]
fn promtool_takes_the_rules_and_their_examples() {
    let Some(promtool) = program("promtool") else { return };
    for arguments in [["check", "rules", "rules.yaml"], ["test", "rules", "rules-test.yaml"]] {
        let run =
            Command::new(&promtool).args(arguments).current_dir(monitoring()).output().unwrap();
        let said = [run.stdout, run.stderr].concat();
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn a_prometheus_gets_all_of_it() {
    let Some(program) = program("prometheus") else { return };
    let mut used = Used::start();
    let prometheus = Prometheus::start(&program, used.monitoring);
    let scrape = Scrape::of(&used.metrics());
    let has_all = |names: &Value| {
        let names: BTreeSet<&str> =
            names.as_array().unwrap().iter().flat_map(Value::as_str).collect();
        scrape.samples.keys().all(|name| names.contains(name.as_str()))
    };
    prometheus.until("/api/v1/label/__name__/values", |names| names.is_array() && has_all(names));
    let metadata = prometheus.until("/api/v1/metadata", |data| data["pilot_xds"].is_array());
    for (name, shown) in &scrape.metrics {
        let told = &metadata[name][0];
        assert_eq!(
            (&told["type"], &told["help"]),
            (&shown.kind.as_str().into(), &shown.help.as_str().into()),
            "{name}"
        );
    }
    let evaluated = |data: &Value| rules_of(data).iter().all(|rule| rule["health"] == "ok");
    let data =
        prometheus.until("/api/v1/rules", |data| data["groups"].is_array() && evaluated(data));
    assert_eq!(rules_of(&data).len(), each_rule().len());
    // The proxy that refuses its listeners is told of soon; nothing else is wrong.
    let wrong = |data: &Value| -> BTreeMap<String, String> {
        let active = rules_of(data).into_iter().filter(|rule| rule["state"] != "inactive");
        active.map(|r| (r["name"].as_str().unwrap().to_owned(), r["state"].to_string())).collect()
    };
    let expected =
        BTreeMap::from([("IstiodProxyRefusesConfiguration".to_owned(), "\"pending\"".to_owned())]);
    prometheus.until("/api/v1/rules", |data| wrong(data) == expected);
    for query in dashboard_queries() {
        prometheus.query(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
    }
    let connected = prometheus.query("sum(pilot_xds)").unwrap();
    assert_eq!(connected[0]["value"][1], "2");
}

fn rules_of(data: &Value) -> Vec<Value> {
    let groups = data["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

/// What Istio's own dashboards of the control plane read of it ("Istio Control Plane Dashboard" and "Istio Performance
/// Dashboard" of 1.30).
const READ_BY_ISTIO_S: &[&str] = &[
    "galley_validation_failed",
    "galley_validation_passed",
    "go_goroutines",
    "go_memstats_alloc_bytes",
    "go_memstats_heap_alloc_bytes",
    "go_memstats_heap_inuse_bytes",
    "go_memstats_heap_sys_bytes",
    "go_memstats_stack_inuse_bytes",
    "istio_build",
    "pilot_k8s_cfg_events",
    "pilot_k8s_reg_events",
    "pilot_push_triggers",
    "pilot_total_xds_internal_errors",
    "pilot_total_xds_rejects",
    "pilot_xds",
    "pilot_xds_config_size_bytes",
    "pilot_xds_push_time",
    "pilot_xds_pushes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "sidecar_injection_failure_total",
    "sidecar_injection_success_total",
];

#[test]
fn istio_s_dashboards_find_what_they_read() {
    let declared: BTreeSet<&str> = declared().iter().map(|shape| shape.name).collect();
    // Of parts of the project that come later, the list says so.
    let later = include_str!("../../src/metrics/reference.txt").lines();
    let later =
        later.filter(|line| line.contains("| with ")).flat_map(|line| line.split(' ').next());
    let later: BTreeSet<&str> = later.collect();
    for name in READ_BY_ISTIO_S {
        assert!(declared.contains(name) || later.contains(name), "{name}");
    }
}
