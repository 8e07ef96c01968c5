use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::skip::skipped;

const NODE: &str = "envoy.config.core.v3.Node";

/// JSON to bytes and back is the same JSON.
fn round_trip(type_url: &str, json: &Value) -> Result<(), String> {
    let bytes = from_json(type_url, json).map_err(|error| error.to_string())?;
    let back = to_json(type_url, &bytes, Names::Proto).map_err(|error| error.to_string())?;
    difference(json, &back).map_or(Ok(()), Err)
}

/// Where two values differ first.
fn difference(want: &Value, got: &Value) -> Option<String> {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            let names: std::collections::BTreeSet<_> = want.keys().chain(got.keys()).collect();
            names.into_iter().find_map(|name| {
                let [want, got] = [want, got].map(|o| o.get(name).unwrap_or(&Value::Null));
                difference(want, got).map(|text| format!("{name}.{text}"))
            })
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            want.iter().zip(got).find_map(|(want, got)| difference(want, got))
        }
        // The recorder wrote 100.0 where protobuf's mapping has 100.
        (Value::Number(want), Value::Number(got)) if want.as_f64() == got.as_f64() => None,
        _ => (want != got).then(|| format!(": {want} comes back as {got}")),
    }
}

#[test]
fn recorded_resources_come_back_as_they_were() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference");
    let Ok(scenarios) = std::fs::read_dir(&reference) else {
        skipped(format_args!("no recorded resources at {}", reference.display()));
        return;
    };
    // Most resources are the same in many scenarios.
    let mut seen = std::collections::HashSet::new();
    for scenario in scenarios.flatten() {
        let Ok(nodes) = std::fs::read_dir(scenario.path().join("expected")) else { continue };
        for file in nodes.flatten().flat_map(|n| std::fs::read_dir(n.path()).unwrap().flatten()) {
            let type_url = match file.file_name().to_str().unwrap() {
                "cds.json" => "envoy.config.cluster.v3.Cluster",
                "eds.json" => "envoy.config.endpoint.v3.ClusterLoadAssignment",
                "lds.json" => "envoy.config.listener.v3.Listener",
                "rds.json" => "envoy.config.route.v3.RouteConfiguration",
                "ecds.json" => "envoy.config.core.v3.TypedExtensionConfig",
                "sds.json" => "envoy.extensions.transport_sockets.tls.v3.Secret",
                "nds.json" => "istio.networking.nds.v1.NameTable",
                other => {
                    println!("skipped: {other} is of a type that the project does not have");
                    continue;
                }
            };
            let text = std::fs::read_to_string(file.path()).unwrap();
            let resources: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
            for (name, resource) in resources {
                if !seen.insert(resource.to_string()) {
                    continue;
                }
                round_trip(type_url, &resource)
                    .unwrap_or_else(|error| panic!("{}: {name}: {error}", file.path().display()));
            }
        }
    }
    assert!(seen.len() > 500, "only {} resources were found", seen.len());
}

#[test]
fn both_spellings_are_read_and_either_is_written() {
    let bytes =
        from_json(NODE, &json!({ "userAgentName": "e", "client_features": ["x"] })).unwrap();
    let proto = json!({ "user_agent_name": "e", "client_features": ["x"] });
    assert_eq!(to_json(NODE, &bytes, Names::Proto).unwrap(), proto);
    let camel = json!({ "userAgentName": "e", "clientFeatures": ["x"] });
    assert_eq!(to_json(NODE, &bytes, Names::Camel).unwrap(), camel);
}

#[test]
fn an_any_of_an_unknown_type_is_kept_as_bytes() {
    let any = json!({ "@type": "type.googleapis.com/nobody.Knows", "value": "CgFh" });
    let json = json!({ "name": "x", "typed_config": any });
    round_trip("envoy.config.core.v3.TypedExtensionConfig", &json).unwrap();
    assert_eq!(any_to_json("type.googleapis.com/nobody.Knows", b"\n\x01a", Names::Camel), any);
}

#[test]
fn an_any_of_a_well_known_type_has_its_value_apart() {
    let any = json!({ "@type": "type.googleapis.com/google.protobuf.Duration", "value": "1.500s" });
    round_trip("envoy.config.core.v3.TypedExtensionConfig", &json!({ "typed_config": any }))
        .unwrap();
}

#[test]
fn durations_of_go_are_read() {
    let name = "envoy.config.cluster.v3.Cluster";
    let bytes = from_json(name, &json!({ "connectTimeout": "1h30m" })).unwrap();
    let back = to_json(name, &bytes, Names::Proto).unwrap();
    assert_eq!(back, json!({ "connect_timeout": "5400s" }));
}

#[test]
fn null_is_a_value_in_a_struct_only() {
    let json = json!({ "id": null, "metadata": { "a": null, "b": [null, 1, 0.5] } });
    let back = to_json(NODE, &from_json(NODE, &json).unwrap(), Names::Proto).unwrap();
    assert_eq!(back, json!({ "metadata": { "a": null, "b": [null, 1, 0.5] } }));
}

#[test]
fn errors_tell_the_path() {
    let check = |name: &str, json: Value, want: &str| {
        let error = from_json(name, &json).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    };
    check(NODE, json!({ "locality": { "sity": "x" } }), "locality.sity: unknown field");
    check(NODE, json!({ "clientFeatures": [1] }), "clientFeatures[0]: a string is expected, not 1");
    check(NODE, json!([]), "an object is expected");
    check("nobody.Knows", json!({}), "no message type \"nobody.Knows\"");
    let cluster = "envoy.config.cluster.v3.Cluster";
    check(cluster, json!({ "lbPolicy": "BEST" }), "lbPolicy: \"BEST\" is none of ROUND_ROBIN, ");
    check(cluster, json!({ "connectTimeout": 5 }), "connectTimeout: a duration such as");
    let limits = json!({ "perConnectionBufferLimitBytes": -1 });
    check(cluster, limits, "perConnectionBufferLimitBytes: -1 is out of range");
    let twice = json!({ "type": "EDS", "clusterType": { "name": "x" } });
    check(cluster, twice, "type: only one of this and clusterType may be set");
    let inside = json!({ "typedExtensionProtocolOptions": { "a.b": {
        "@type": "type.googleapis.com/envoy.config.core.v3.Node", "idd": "" } } });
    check(cluster, inside, "typedExtensionProtocolOptions[\"a.b\"].idd: unknown field");
    let unknown = json!({ "typedConfig": { "@type": "x/y.Z", "a": 1 } });
    check(
        "envoy.config.core.v3.TypedExtensionConfig",
        unknown,
        "typedConfig.@type: no message type",
    );
}

#[test]
fn nesting_is_bounded() {
    let mut json = json!({});
    for _ in 0..200 {
        json = json!({ "a": json });
    }
    let error = from_json("google.protobuf.Struct", &json).unwrap_err();
    assert_eq!(error.message, "nested too deeply");
}

#[test]
fn the_same_json_is_always_the_same_bytes() {
    let filters: serde_json::Map<_, _> =
        (0..50).map(|i| (format!("f{i}"), json!({ "b": 1, "a": { "y": 1, "x": 2 } }))).collect();
    let json = json!({ "filter_metadata": filters });
    let name = "envoy.config.core.v3.Metadata";
    let first = from_json(name, &json).unwrap();
    for _ in 0..4 {
        assert!(from_json(name, &json).unwrap() == first);
    }
}

/// JSON that is often a part of a cluster.
fn plausible() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9+/=.-]{0,6}".prop_map(Value::from),
        prop::sample::select(vec![
            "5s",
            "-1.5s",
            "EDS",
            "RANDOM",
            "type.googleapis.com/envoy.config.core.v3.Node",
            "type.googleapis.com/google.protobuf.Duration",
            "type.googleapis.com/nobody.Knows",
        ])
        .prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "name",
        "type",
        "lbPolicy",
        "connect_timeout",
        "metadata",
        "filterMetadata",
        "typedFilterMetadata",
        "typed_extension_protocol_options",
        "perConnectionBufferLimitBytes",
        "loadAssignment",
        "endpoints",
        "transportSocket",
        "typedConfig",
        "@type",
        "value",
        "id",
    ]);
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec((names.clone(), inner.clone()), 0..4).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_read_comes_back_the_same(json in plausible()) {
        // Few are a cluster, but every object is a struct.
        for name in ["envoy.config.cluster.v3.Cluster", "google.protobuf.Struct"] {
            let Ok(bytes) = from_json(name, &json) else { continue };
            for names in [Names::Proto, Names::Camel] {
                let written = to_json(name, &bytes, names).unwrap();
                prop_assert_eq!(from_json(name, &written), Ok(bytes.clone()), "{}", written);
            }
        }
    }

    #[test]
    fn any_bytes_are_shown(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let shown = any_to_json("type.googleapis.com/envoy.config.core.v3.Metadata", &bytes, Names::Camel);
        prop_assert!(shown.get("@type").is_some());
    }
}
