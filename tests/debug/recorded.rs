//! What the reference answered with scenarios 02 and 06 applied, against ours on the same objects.

use std::collections::BTreeMap;
use std::path::PathBuf;

use istiod::debug;
use istiod::translate::ResourceType;
use serde_json::Value;

use super::world::{World, node, nodes};
use super::{Answer, LOOPBACK, ask};
use crate::skip::skipped;

/// Paths that differ, with all below them, and the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("debug_adsz/clients[]/metadata", "all that the proxy told is shown"),
    ("debug_clusterz[]/previousInUse", "ours"),
    ("debug_clusterz[]/refusal", "ours"),
    ("debug_clusterz[]/staleSince", "ours"),
    ("debug_clusterz[]/state", "ours"),
    ("debug_clusterz[]/waitingFor", "ours"),
    ("debug_configz[]/metadata/creationTimestamp", "files have none"),
    ("debug_configz[]/metadata/generation", "files have none"),
    ("debug_configz[]/metadata/uid", "files have none"),
    (
        "debug_configz[]/metadata/resourceVersion",
        "it changes without the object, so it is not kept",
    ),
    (
        "debug_configz[]/spec/controllerName",
        "of GatewayClasses, which istiod makes in the API server",
    ),
    ("debug_configz[]/spec/description", "of GatewayClasses"),
    ("debug_configz[]/status", "of GatewayClasses"),
];

/// What the proxies of the recording asked for.
const ASKED: [ResourceType; 4] =
    [ResourceType::Cluster, ResourceType::Endpoint, ResourceType::Listener, ResourceType::Route];

fn shared() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared")
}

#[tokio::test]
async fn answers_have_the_keys_and_types_of_the_reference() {
    let reference = shared().join("reference");
    if !reference.is_dir() {
        skipped(format_args!("no recorded answers at {}", shared().display()));
        return;
    }
    let nodes = nodes(&reference.join("nodes.yaml"));
    let paths = ["cluster.yaml", "02-http-routing/config.yaml", "06-security/config.yaml"];
    let world = World::read(&paths.map(|path| reference.join(path)), &nodes).run(&ASKED);
    let router = debug::debug_routes(world.state.clone());
    let mut differences = Vec::new();
    for (golden, path) in [
        ("debug_adsz", "adsz"),
        ("debug_clusterz", "clusterz"),
        ("debug_configz", "configz"),
        ("debug_connections", "connections"),
        ("debug_ecdsz_proxyID", "ecdsz?proxyID=mysql-0.data"),
        ("debug_endpointShardz", "endpointShardz"),
        ("debug_endpointz", "endpointz"),
        ("debug_instancesz", "instancesz"),
        ("debug_mesh", "mesh"),
        ("debug_ndsz_proxyID", "ndsz?proxyID=mysql-0.data"),
        ("debug_push_status", "push_status"),
        ("debug_registryz", "registryz"),
        ("debug_syncz", "syncz"),
    ] {
        let recorded = shared().join("goldens/debug").join(golden);
        let recorded = std::fs::read_to_string(&recorded).unwrap();
        let Answer(_, _, ours) = ask(&router, &format!("/debug/{path}"), LOOPBACK).await;
        let [recorded, ours] = [recorded, ours].map(|text| {
            let mut shape = BTreeMap::new();
            collect(&serde_json::from_str(&text).unwrap(), String::new(), &mut shape);
            shape
        });
        for path in recorded.keys().chain(ours.keys()) {
            let (want, got) = (recorded.get(path), ours.get(path));
            let line = format!("{golden}{path}: {want:?}, ours {got:?}");
            if want != got && !excepted(golden, path) && !differences.contains(&line) {
                differences.push(line);
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn excepted(golden: &str, path: &str) -> bool {
    let full = format!("{golden}{path}");
    EXCEPTIONS.iter().any(|(exception, _)| {
        full.strip_prefix(exception)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']))
    })
}

/// The types of values by path; the places in a list count as one.
fn collect(
    value: &Value,
    path: String,
    into: &mut BTreeMap<String, std::collections::BTreeSet<&'static str>>,
) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(list) => {
            for item in list {
                collect(item, format!("{path}[]"), into);
            }
            "list"
        }
        Value::Object(object) => {
            for (key, value) in object {
                collect(value, format!("{path}/{}", key.replace('/', "|")), into);
            }
            "object"
        }
    };
    into.entry(path).or_default().insert(kind);
}

/// Sections of a dump: the list in it, where a resource stands in an entry, and what holds its name.
const SECTIONS: [(ResourceType, &str, &str, &str); 4] = [
    (ResourceType::Cluster, "dynamicActiveClusters", "/cluster", "name"),
    (ResourceType::Endpoint, "dynamicEndpointConfigs", "/endpointConfig", "clusterName"),
    (ResourceType::Listener, "dynamicListeners", "/activeState/listener", "name"),
    (ResourceType::Route, "dynamicRouteConfigs", "/routeConfig", "name"),
];

/// The resources of the recorded dump, served by us, give the recorded dump.
#[tokio::test]
async fn a_dump_is_that_of_the_reference() {
    let golden = shared().join("goldens/debug/debug_config_dump_include_eds");
    let Ok(text) = std::fs::read_to_string(&golden) else {
        skipped(format_args!("no recorded dump at {}", golden.display()));
        return;
    };
    let mut recorded: Value = serde_json::from_str(&text).unwrap();
    let sections = recorded["configs"].as_array().unwrap().clone();
    let mut resources = Vec::new();
    for (kind, list, place, name) in SECTIONS {
        let entries = sections.iter().filter_map(|section| section[list].as_array()).flatten();
        for entry in entries {
            let mut resource = entry.pointer(place).unwrap().clone();
            resource.as_object_mut().unwrap().remove("@type");
            resources.push((kind, resource[name].as_str().unwrap().to_owned(), resource));
        }
    }
    assert!(resources.len() > 100, "only {} resources were found", resources.len());
    let resources: Vec<_> =
        resources.iter().map(|(kind, name, json)| (*kind, name.as_str(), json.clone())).collect();
    let node = node("cart-1", "shop", "10.1.0.5");
    let world = World::read(&[], &[node]).serving(&resources).run(&ASKED);
    let router = debug::debug_routes(world.state.clone());
    let path = "/debug/config_dump?include_eds&proxyID=cart-1.shop";
    let Answer(_, _, ours) = ask(&router, path, LOOPBACK).await;
    let mut ours: Value = serde_json::from_str(&ours).unwrap();
    for dump in [&mut recorded, &mut ours] {
        without_versions(dump);
        for section in dump["configs"].as_array_mut().unwrap() {
            for list in
                section.as_object_mut().unwrap().values_mut().filter_map(Value::as_array_mut)
            {
                list.sort_by_key(ToString::to_string);
            }
        }
    }
    let count = recorded["configs"].as_array().unwrap().len();
    assert_eq!(ours["configs"].as_array().unwrap().len(), count);
    for index in 0..count {
        let [want, got] = [&recorded, &ours].map(|dump| &dump["configs"][index]);
        assert!(want == got, "{} differs", want["@type"]);
    }
}

/// Ours count from 1; the reference tells times.
fn without_versions(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(version) = object.get_mut("versionInfo") {
                *version = "".into();
            }
            object.values_mut().for_each(without_versions);
        }
        Value::Array(list) => list.iter_mut().for_each(without_versions),
        _ => {}
    }
}
