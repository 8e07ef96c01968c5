use serde_json::json;

use super::*;
use crate::api::Severity;
use crate::api::fixture::object;

fn told(apply_to: &str, patch: Value) -> Vec<String> {
    let spec = json!({"configPatches": [{"applyTo": apply_to, "patch": patch}]}).to_string();
    check(&object::<EnvoyFilter>(&spec).spec)
        .0
        .into_iter()
        .map(|issue| {
            let mark = if issue.severity == Severity::Error { "!" } else { "" };
            format!("{mark}{}: {}", issue.path, issue.message)
        })
        .collect()
}

const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

#[test]
fn values_are_what_envoy_takes() {
    for (apply_to, patch) in [
        (
            "CLUSTER",
            json!({"operation": "ADD", "value": {"name": "a", "connect_timeout": "10s", "type": "STATIC"}}),
        ),
        ("CLUSTER", json!({"operation": "REMOVE"})),
        ("LISTENER", json!({"operation": "MERGE", "value": {"perConnectionBufferLimitBytes": 5}})),
        (
            "HTTP_FILTER",
            json!({"operation": "ADD", "value": {"name": "r", "typed_config": {"@type": ROUTER, "dynamic_stats": true}}}),
        ),
        (
            "HTTP_FILTER",
            json!({"operation": "ADD", "value": {"name": "r", "typedConfig": {
                "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
                "type_url": "anything", "value": {"any": {"thing": [1]}}}}}),
        ),
        (
            "HTTP_FILTER",
            json!({"operation": "ADD", "value": {"name": "go", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.Config",
                "library_id": "a"}}}),
        ),
        (
            "EXTENSION_CONFIG",
            json!({"operation": "ADD", "value": {"name": "a", "typed_config": {"@type": ROUTER}}}),
        ),
        ("BOOTSTRAP", json!({"operation": "MERGE", "value": {"stats_flush_interval": "5s"}})),
    ] {
        assert_eq!(told(apply_to, patch.clone()), Vec::<String>::new(), "{patch}");
    }
}

#[test]
fn what_no_envoy_could_take_is_an_error() {
    let value = "spec.configPatches[0].patch.value";
    for (apply_to, patch, begins) in [
        (
            "CLUSTER",
            json!({"value": {"connect_timeout": "soon"}}),
            format!("!{value}.connect_timeout: no envoy.config.cluster.v3.Cluster: a duration"),
        ),
        ("CLUSTER", json!({"value": {"type": "NONE"}}), format!("!{value}.type: ")),
        (
            "CLUSTER",
            json!({"value": {"transport_socket": {"name": "x", "typed_config": {
                "@type": "type.googleapis.com/envoy.api.v2.auth.UpstreamTlsContext"}}}}),
            format!("!{value}.transport_socket.typed_config[\"@type\"]: the referenced type "),
        ),
        (
            "HTTP_FILTER",
            json!({"value": {"typed_config": {"@type": "type.googleapis.com/a.B"}}}),
            format!(
                "!{value}.typed_config[\"@type\"]: the referenced type type.googleapis.com/a.B is unknown"
            ),
        ),
    ] {
        let told = told(apply_to, patch.clone());
        assert!(told.len() == 1 && told[0].starts_with(&begins), "{patch}: {told:?}");
    }
}

#[test]
fn what_another_envoy_could_take_is_a_warning() {
    let value = "spec.configPatches[0].patch.value";
    assert_eq!(
        told(
            "NETWORK_FILTER",
            json!({"operation": "MERGE", "value": {"typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "stat_prefixes": "a", "access_log": [{"nam": "x", "typed_config": {"@type": ROUTER}}]}}})
        ),
        [format!(
            "{value}: unknown fields: typed_config.access_log[0].nam (name may be meant), \
             typed_config.stat_prefixes (stat_prefix may be meant)"
        )]
    );
    assert_eq!(
        told("CLUSTER", json!({"operation": "MERGE", "value": {"connectTimeouts": "1s"}})),
        [format!("{value}.connectTimeouts: unknown field: connect_timeout may be meant")]
    );
    let told = told("HTTP_FILTER", json!({"operation": "ADD", "value": {"name": "envoy.router"}}));
    assert!(
        told.len() == 1 && told[0].contains("envoy.router by name without typed_config"),
        "{told:?}"
    );
}
