//! Envoy's bootstrap: where its node, the control plane, the secret server and its own ports are.
//!
//! Pure: settings in, JSON out. The names of clusters are those that the served configuration refers to:
//! `xds-grpc` for ADS and `sds-grpc` for the secrets of mTLS.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

/// What besides the node shapes a bootstrap.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where ADS is.
    pub xds: Address,
    /// Ask for incremental instead of state-of-the-world updates.
    pub delta: bool,
    /// Where secrets are.
    pub sds: Address,
    /// The port of the admin interface on loopback.
    pub admin_port: u16,
    /// The port that serves statistics to everybody; 0 for none.
    pub stats_port: u16,
    /// The port that tells everybody whether the proxy is ready; 0 for none.
    pub status_port: u16,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host name or an IP address, and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Address::Unix(path.to_owned()));
        }
        let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match parts {
            Some((host, port)) if !host.is_empty() && port != 0 => {
                Ok(Address::Tcp(host.trim_matches(['[', ']']).to_owned(), port))
            }
            _ => Err("HOST:PORT or unix:PATH is needed".to_owned()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// The longest time at first between two attempts to reach the control plane: Envoy's default.
const RETRY_AFTER: &str = "0.5s";
/// To which that time grows while the control plane is away. Envoy's default of 30 s would leave proxies alone for
/// so long after it is back.
const RETRY_AT_MOST_AFTER: &str = "5s";
const CONNECTIONS: &str =
    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";

/// The bootstrap of a node.
pub fn bootstrap(node: &Value, settings: &Settings) -> Value {
    let admin = Address::Tcp("127.0.0.1".to_owned(), settings.admin_port);
    let ads = json!({ "ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s" });
    let listeners = [
        (settings.stats_port, "prometheus", "/stats/prometheus", "/stats/prometheus"),
        (settings.status_port, "agent", "/healthz/ready", "/ready"),
    ];
    let listeners: Vec<Value> = listeners
        .into_iter()
        .filter(|(port, ..)| *port != 0)
        .map(|(port, name, path, rewrite)| window(port, name, path, rewrite))
        .collect();
    json!({
        "node": node,
        "admin": { "address": socket(&admin) },
        "overload_manager": { "resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": format!("type.googleapis.com/{CONNECTIONS}"),
                // Envoy asks for a limit; a sidecar's is what the pod may use.
                "max_active_downstream_connections": i32::MAX,
            },
        }] },
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                "api_type": if settings.delta { "DELTA_GRPC" } else { "GRPC" },
                "set_node_on_first_message_only": true,
                "transport_api_version": "V3",
                "grpc_services": [{ "envoy_grpc": {
                    "cluster_name": "xds-grpc",
                    "retry_policy": { "retry_back_off": {
                        "base_interval": RETRY_AFTER,
                        "max_interval": RETRY_AT_MOST_AFTER,
                    } },
                } }],
            },
        },
        "static_resources": {
            "listeners": listeners,
            "clusters": [
                cluster("prometheus_stats", &admin, false),
                cluster("sds-grpc", &settings.sds, true),
                cluster("xds-grpc", &settings.xds, true),
            ],
        },
    })
}

fn cluster(name: &str, address: &Address, http2: bool) -> Value {
    let by_name =
        matches!(address, Address::Tcp(host, _) if host.parse::<std::net::IpAddr>().is_err());
    let mut cluster = json!({
        "name": name,
        "type": if by_name { "STRICT_DNS" } else { "STATIC" },
        "connect_timeout": "1s",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [{
            "endpoint": { "address": socket(address) },
        }] }] },
    });
    if let Some(cluster) = cluster.as_object_mut().filter(|_| http2) {
        let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
        let value = json!({ options: {
            "@type": format!("type.googleapis.com/{options}"),
            "explicit_http_config": { "http2_protocol_options": {} },
        } });
        cluster.insert("typed_extension_protocol_options".to_owned(), value);
    }
    cluster
}

/// A listener that shows one path of the admin interface to everybody.
fn window(port: u16, name: &str, path: &str, rewrite: &str) -> Value {
    let manager =
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let router = "envoy.extensions.filters.http.router.v3.Router";
    json!({
        "name": name,
        "address": socket(&Address::Tcp("0.0.0.0".to_owned(), port)),
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": format!("type.googleapis.com/{manager}"),
                "stat_prefix": name,
                "route_config": { "virtual_hosts": [{
                    "name": name,
                    "domains": ["*"],
                    "routes": [{
                        "match": { "path": path },
                        "route": { "cluster": "prometheus_stats", "prefix_rewrite": rewrite },
                    }],
                }] },
                "http_filters": [{
                    "name": "envoy.filters.http.router",
                    "typed_config": { "@type": format!("type.googleapis.com/{router}") },
                }],
            },
        }] }],
    })
}

fn socket(address: &Address) -> Value {
    match address {
        Address::Tcp(host, port) => {
            json!({ "socket_address": { "address": host, "port_value": port } })
        }
        Address::Unix(path) => json!({ "pipe": { "path": path } }),
    }
}

#[cfg(test)]
mod tests;
