//! What the real istiod sent to six proxies of a cluster without any Istio configuration (scenario 01 of the
//! recordings beside the repository) is what the translator makes of the same objects.
//!
//! Without sockets: the daemon is held to the same by tools/parity.py of the recordings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use istiod::api::{Change, MeshConfig};
use istiod::model::Proxy;
use istiod::proto::json::{Names, from_json, to_json};
use istiod::serve::node::Nodes;
use istiod::sources::yaml;
use istiod::store::{Config, Store};
use istiod::translate::{ResourceType, Translator, View};
use serde_json::{Map, Value};

use crate::skip::skipped;

/// The order of these lists has no meaning to Envoy.
const UNORDERED: [&str; 7] = [
    "domains",
    "virtual_hosts",
    "filter_chains",
    "lb_endpoints",
    "prefix_ranges",
    "endpoints",
    "server_names",
];

/// The most differences that a failure shows.
const SHOWN: usize = 20;

#[test]
fn plain_services_are_translated_as_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference");
    if !root.exists() {
        skipped("the recordings are not beside the repository");
        return;
    }
    let scenario = root.join("01-services-only");
    let mut store = Store::new(Config {
        cluster: "Kubernetes".into(),
        domain: "cluster.local".into(),
        system_namespace: "istio-system".into(),
        ..Config::default()
    });
    store.set_mesh(Arc::new(MeshConfig {
        metrics_providers: vec!["prometheus".into()],
        ..MeshConfig::default()
    }));
    let (objects, problems) =
        yaml::load(&[root.join("cluster.yaml"), scenario.join("config.yaml")]);
    assert_eq!(problems, []);
    store.apply(objects.into_iter().map(Change::Apply));
    let snapshot = store.snapshot();

    let mut translator = Translator::default();
    let (mut compared, mut differences) = (0, Vec::new());
    for proxy in proxies(&root.join("nodes.yaml")) {
        let view = translator.view(&snapshot, &Arc::new(proxy.clone()));
        assert!(view.diagnostics.iter().all(|layer| layer.is_empty()), "{:?}", view.diagnostics);
        let node = proxy.workload_id.clone();
        for (kind, file) in FILES {
            let path = scenario.join("expected").join(recorded_name(&node)).join(file);
            if !path.exists() {
                continue;
            }
            let expected: Map<String, Value> = read(&path);
            let got = resources(&view, kind, &expected);
            let names: BTreeSet<&String> = expected.keys().chain(got.keys()).collect();
            for name in names {
                compared += 1;
                let (want, got) = (expected.get(name), got.get(name));
                let context = format!("{node} {file} {name}");
                compare(&context, want.map(canonical), got.map(canonical), &mut differences);
            }
        }
    }
    assert!(compared > 500, "only {compared} resources were recorded");
    let shown: Vec<&String> = differences.iter().take(SHOWN).collect();
    assert!(differences.is_empty(), "{} differences: {shown:#?}", differences.len());
}

/// Where the resources of each type are, in the folder of a recorded proxy.
pub const FILES: [(ResourceType, &str); 5] = [
    (ResourceType::Cluster, "cds.json"),
    (ResourceType::Endpoint, "eds.json"),
    (ResourceType::Listener, "lds.json"),
    (ResourceType::Route, "rds.json"),
    (ResourceType::NameTable, "nds.json"),
];

/// What is served, by name. Types that are asked for by name are compared by the names that were.
fn resources(
    view: &View,
    kind: ResourceType,
    expected: &Map<String, Value>,
) -> BTreeMap<String, Value> {
    view.items(kind)
        .filter(|r| kind.is_wildcard() || expected.contains_key(&*r.name))
        .map(|r| {
            let name = if r.name.is_empty() { "NameTable" } else { &r.name };
            (name.to_owned(), to_json(kind.type_url(), &r.body, Names::Proto).unwrap())
        })
        .collect()
}

fn compare(path: &str, want: Option<Value>, got: Option<Value>, differences: &mut Vec<String>) {
    match (want, got) {
        (want, got) if want == got => {}
        (Some(Value::Object(mut want)), Some(Value::Object(mut got))) => {
            let keys: BTreeSet<String> = want.keys().chain(got.keys()).cloned().collect();
            for key in keys {
                compare(&format!("{path}.{key}"), want.remove(&key), got.remove(&key), differences);
            }
        }
        (Some(Value::Array(want)), Some(Value::Array(got))) if want.len() == got.len() => {
            for (index, (want, got)) in want.into_iter().zip(got).enumerate() {
                compare(&format!("{path}[{index}]"), Some(want), Some(got), differences);
            }
        }
        (want, got) => {
            let text = |value: Option<Value>| value.map_or("nothing".into(), |v| v.to_string());
            differences.push(format!("{path}: want {} got {}", text(want), text(got)));
        }
    }
}

/// The same with lists that have no order sorted, and 64-bit numbers as protobuf's JSON spells them.
fn canonical(value: &Value) -> Value {
    fn walk(key: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(k, v)| (k.clone(), walk(k, v))).collect())
            }
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(|v| walk("", v)).collect();
                if UNORDERED.contains(&key) {
                    items.sort_by_key(Value::to_string);
                }
                Value::Array(items)
            }
            Value::Number(number) => Value::from(number.as_f64()),
            other => other.clone(),
        }
    }
    walk("", value)
}

/// The folder of a proxy's recordings is the name of its workload.
fn recorded_name(workload_id: &str) -> String {
    let pod = workload_id.split('.').next().unwrap();
    match pod.split_once("-v1-").or_else(|| pod.split_once("-5d4f8c7b9-")) {
        Some((name, _)) => name.to_owned(),
        None => pod.trim_end_matches("-0").to_owned(),
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &PathBuf) -> T {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The recorded nodes, as the server reads them.
fn proxies(path: &Path) -> Vec<Proxy> {
    let nodes: Vec<Value> = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    nodes.iter().map(proxy).collect()
}

fn proxy(node: &Value) -> Proxy {
    let mut node = node.clone();
    node.as_object_mut().unwrap().remove("name");
    let bytes = from_json("envoy.config.core.v3.Node", &node).unwrap();
    Nodes::default().proxy(Some(&bytes)).unwrap()
}
