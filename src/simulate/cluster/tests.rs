use serde_json::{Value, json};

use super::super::fixture::{endpoint, resource, served};
use super::resolve;
use crate::simulate::Backend;
use crate::translate::ResourceType;

/// A cluster called `c` with an assignment of its name.
fn cluster(mut cluster: Value, assignment: Value) -> Backend {
    cluster["name"] = "c".into();
    let served = served([
        resource(ResourceType::Cluster, "c", cluster),
        resource(ResourceType::Endpoint, "c", assignment),
    ]);
    resolve(&served, "c", 100.0, "10.9.9.9:90".parse().unwrap())
}

fn addresses(backend: &Backend) -> Vec<&str> {
    backend.endpoints.iter().map(|endpoint| endpoint.address.as_str()).collect()
}

#[test]
fn endpoints_come_by_priority_with_locality_and_health() {
    let mut sick = endpoint("10.0.0.2", 80);
    sick["health_status"] = "UNHEALTHY".into();
    let far = json!({ "priority": 1, "locality": { "region": "r", "zone": "z" },
        "lb_endpoints": [endpoint("10.0.0.1", 80)] });
    let near = json!({ "lb_endpoints": [sick] });
    let got = cluster(json!({ "type": "EDS" }), json!({ "endpoints": [far, near] }));
    assert_eq!(addresses(&got), ["10.0.0.2:80", "10.0.0.1:80"]);
    let [sick, far] = got.endpoints.as_slice() else { panic!("{got:?}") };
    assert_eq!((sick.healthy, far.healthy), (false, true));
    assert_eq!((far.priority, far.locality.as_str()), (1, "r/z"));
    assert_eq!(got.flaw, None);
    let only = cluster(json!({ "type": "EDS" }), json!({ "endpoints": [near] }));
    assert_eq!(only.flaw.as_deref(), Some("the cluster has no healthy endpoints"));
}

#[test]
fn an_assignment_may_have_another_name() {
    let got = cluster(
        json!({ "type": "EDS", "eds_cluster_config": { "service_name": "web" } }),
        json!({}),
    );
    assert_eq!(addresses(&got), ["10.0.0.9:8080"]);
    let origins: Vec<String> = got.cluster.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["Service shop/c", "Service shop/web"]);
}

#[test]
fn each_type_has_its_endpoints() {
    let inline = json!({ "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": {
        "socket_address": { "address": "example.com", "port_value": 443 },
    } } }] }] });
    let dns = cluster(json!({ "type": "STRICT_DNS", "load_assignment": inline }), json!({}));
    assert_eq!(
        (addresses(&dns), dns.cluster.reason.as_str()),
        (vec!["example.com:443"], "STRICT_DNS")
    );
    let original = cluster(json!({ "type": "ORIGINAL_DST" }), json!({}));
    assert_eq!(addresses(&original), ["10.9.9.9:90"]);
    let nothing = cluster(json!({ "type": "STATIC" }), json!({}));
    assert_eq!(nothing.flaw.as_deref(), Some("the cluster has no endpoints"));
    let custom =
        cluster(json!({ "cluster_type": { "name": "envoy.clusters.aggregate" } }), json!({}));
    let flaw = "clusters of type envoy.clusters.aggregate are not simulated";
    assert_eq!(custom.flaw.as_deref(), Some(flaw));
}

#[test]
fn an_endpoint_is_spoken_to_by_the_first_transport_that_it_meets() {
    let choice = |name: &str, criteria: Value| json!({ "name": name, "match": criteria });
    let choices =
        json!([choice("mtls", json!({ "tlsMode": "istio" })), choice("plain", json!({})),]);
    let mut meshed = endpoint("10.0.0.1", 80);
    meshed["metadata"] =
        json!({ "filter_metadata": { "envoy.transport_socket_match": { "tlsMode": "istio" } } });
    let group = json!({ "lb_endpoints": [meshed, endpoint("10.0.0.2", 80)] });
    let transports = |cluster_of: Value| -> Vec<String> {
        let got = cluster(cluster_of, json!({ "endpoints": [group] }));
        got.endpoints.into_iter().map(|endpoint| endpoint.transport).collect()
    };
    let choosing = json!({ "type": "EDS", "transport_socket_matches": choices });
    assert_eq!(transports(choosing), ["mtls", "plain"]);
    assert_eq!(transports(json!({ "type": "EDS" })), ["", ""]);
}

#[test]
fn the_rule_that_shaped_a_cluster_is_told() {
    let config = "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/web";
    let metadata = json!({ "filter_metadata": { "istio": { "config": config } } });
    let got = cluster(json!({ "type": "ORIGINAL_DST", "metadata": metadata }), json!({}));
    let rule = got.cluster.decided_by.map(|key| key.to_string());
    assert_eq!(rule.as_deref(), Some("DestinationRule shop/web"));
}
