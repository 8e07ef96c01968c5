//! Messages from JSON, for tests.

use std::sync::Arc;

use prost::Message;
use serde_json::{Value, json};

use super::request::{Direction, Http, Payload, Request};
use super::served::Served;
use crate::api::{Kind, ObjectKey};
use crate::proto::json::from_json;
use crate::translate::{Resource, ResourceType};

/// A message of Envoy's configuration, such as `listener.v3.Listener`.
pub(super) fn message<M: Message + Default>(name: &str, json: Value) -> M {
    let bytes = from_json(&format!("envoy.config.{name}"), &json).expect("a message");
    M::decode(bytes).expect("a message of the type")
}

/// A resource from its JSON, made from the Service `shop/NAME`.
pub(super) fn resource(
    kind: ResourceType,
    name: &str,
    json: Value,
) -> (ResourceType, Arc<Resource>) {
    let body = from_json(kind.type_url(), &json).expect("a resource");
    let origin = ObjectKey::new(Kind::Service, "shop", name);
    (kind, Arc::new(Resource::new(name.into(), body, [origin])))
}

/// The resources of a proxy, with a cluster `web` that has an endpoint and a cluster `empty` that has none.
pub(super) fn served(resources: impl IntoIterator<Item = (ResourceType, Arc<Resource>)>) -> Served {
    let eds = json!({ "type": "EDS", "eds_cluster_config": { "eds_config": { "ads": {} } } });
    let cluster = |name: &str| {
        let mut json = eds.clone();
        json["name"] = name.into();
        resource(ResourceType::Cluster, name, json)
    };
    let web = json!({ "cluster_name": "web", "endpoints": [{ "lb_endpoints": [endpoint("10.0.0.9", 8080)] }] });
    let basic = [
        cluster("web"),
        cluster("empty"),
        resource(ResourceType::Endpoint, "web", web),
        resource(ResourceType::Endpoint, "empty", json!({ "cluster_name": "empty" })),
    ];
    Served::new(basic.into_iter().chain(resources))
}

/// An endpoint of an assignment.
pub(super) fn endpoint(address: &str, port: u16) -> Value {
    json!({ "endpoint": { "address": socket(address, port) } })
}

/// An address.
pub(super) fn socket(address: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": address, "port_value": port } })
}

/// A filter chain that proxies TCP to the cluster `web`.
pub(super) fn tcp_chain(name: &str, wanted: Value) -> Value {
    let proxy = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    json!({ "name": name, "filter_chain_match": wanted, "filters": [{
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": { "@type": proxy, "stat_prefix": name, "cluster": "web" },
    }] })
}

/// A filter chain that speaks HTTP, with these virtual hosts.
pub(super) fn http_chain(wanted: Value, virtual_hosts: Value) -> Value {
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    json!({ "filter_chain_match": wanted, "filters": [{
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": manager,
            "stat_prefix": "http",
            "normalize_path": true,
            "route_config": { "name": "inline", "virtual_hosts": virtual_hosts },
        },
    }] })
}

/// What a TLS server adds to a filter chain.
pub(super) fn tls_socket(certificate: bool) -> Value {
    let context =
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
    json!({ "name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": context, "require_client_certificate": certificate,
    } })
}

/// A gateway's listener on port 8080 with one filter chain of these virtual hosts.
pub(super) fn gateway(virtual_hosts: Value) -> Served {
    let listener = json!({
        "name": "gateway",
        "address": socket("0.0.0.0", 8080),
        "filter_chains": [http_chain(json!({}), virtual_hosts)],
    });
    served([resource(ResourceType::Listener, "gateway", listener)])
}

/// A GET at the port 8080 of a gateway.
pub(super) fn get(authority: &str, path: &str) -> Request {
    Request::http(Direction::Bound, "10.0.0.1:8080".parse().unwrap(), "GET", authority, path)
}

/// The HTTP in it, with these headers.
pub(super) fn http(path: &str, headers: &[(&str, &str)]) -> Http {
    let request = headers
        .iter()
        .fold(get("web.shop", path), |request, (name, value)| request.header(name, value));
    let Payload::Http(http) = request.payload else { unreachable!("made as HTTP") };
    http
}
