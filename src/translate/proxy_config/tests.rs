use serde_json::json;

use super::*;
use crate::model::ProxyKind;
use crate::translate::fixture;

fn of(node: Json, mesh: Json) -> ProxyConfig {
    let proxy =
        Proxy { metadata: node, ..fixture::proxy(ProxyKind::Router, "gw.edge", "10.0.0.1") };
    ProxyConfig::of(&proxy, &MeshConfig { raw: mesh, ..MeshConfig::default() })
}

#[test]
fn a_node_that_says_anything_says_everything() {
    let mesh = json!({ "defaultConfig": { "gatewayTopology": { "numTrustedProxies": 2 } } });
    assert_eq!(of(json!({}), mesh.clone()).gateway_topology.num_trusted_proxies, 2);
    let own = json!({ "PROXY_CONFIG": { "statusPort": 15020 } });
    assert_eq!(of(own, mesh), ProxyConfig::default());
}

#[test]
fn fields_are_read_as_the_api_spells_them() {
    let config = json!({ "PROXY_CONFIG": {
        "gatewayTopology": { "forwardClientCertDetails": "APPEND_FORWARD", "proxyProtocol": {} },
        "proxyHeaders": {
            "server": { "value": "edge" },
            "requestId": { "disabled": true },
            "metadataExchangeHeaders": { "mode": "IN_MESH" },
            "xForwardedPort": { "enabled": true },
        },
    } });
    let ProxyConfig { gateway_topology: topology, proxy_headers: headers, .. } =
        of(config, json!({}));
    assert_eq!(topology.forward_client_cert_details, ForwardClientCert::AppendForward);
    assert!(topology.proxy_protocol.is_some());
    assert_eq!(&*headers.server.value, "edge");
    assert!(headers.request_id.disabled && !headers.attempt_count.disabled);
    assert_eq!(headers.metadata_exchange_headers.mode, ExchangeMode::InMesh);
    assert!(headers.x_forwarded_port.enabled);
}

#[test]
fn what_is_wrong_costs_its_part_only() {
    let config = json!({ "PROXY_CONFIG": {
        "gatewayTopology": { "numTrustedProxies": "many" },
        "proxyHeaders": { "attemptCount": { "disabled": true } },
    } });
    let got = of(config, json!({}));
    assert_eq!(got.gateway_topology, Topology::default());
    assert!(got.proxy_headers.attempt_count.disabled);
}
