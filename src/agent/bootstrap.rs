//! Envoy's bootstrap: where its node, the control plane, the secret server and its own ports are.
//!
//! Pure: settings in, JSON out. The names of clusters are those that the served configuration refers to:
//! `xds-grpc` for ADS, `sds-grpc` for the secrets of mTLS, `agent` for the agent's own port.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

/// What besides the node shapes a bootstrap.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where ADS is.
    pub xds: Address,
    /// How ADS is reached over TLS; in plaintext without.
    pub xds_tls: Option<XdsTls>,
    /// What is said with each stream of ADS: names and values.
    pub xds_headers: Vec<(String, String)>,
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
    /// The port on loopback where an agent says whether the proxy is ready; 0 where Envoy itself says so.
    pub agent_port: u16,
}

/// TLS with the control plane, by secrets of the secret server: the workload's certificate shows who the proxy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XdsTls {
    /// The name that the control plane's certificate must have.
    pub server_name: String,
    /// The secret with the certificate that is shown to it.
    pub certificate: String,
    /// The secret with the roots that it is verified by.
    pub roots: String,
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
/// The name of the secret with the workload's certificate and key.
pub const WORKLOAD: &str = "default";
/// Where readiness is told.
const READY: &str = "/healthz/ready";
const ADMIN: &str = "prometheus_stats";
const AGENT: &str = "agent";
const SDS: &str = "sds-grpc";
const XDS: &str = "xds-grpc";
const CONNECTIONS: &str =
    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";

/// The bootstrap of a node.
pub fn bootstrap(node: &Value, settings: &Settings) -> Value {
    let admin = Address::Tcp("127.0.0.1".to_owned(), settings.admin_port);
    let ads = json!({ "ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s" });
    let (ready_from, ready_path) = match settings.agent_port {
        0 => (ADMIN, "/ready"),
        _ => (AGENT, READY),
    };
    let stats = "/stats/prometheus";
    let listeners = [
        (settings.stats_port, "prometheus", stats, ADMIN, stats),
        (settings.status_port, "agent", READY, ready_from, ready_path),
    ];
    let listeners: Vec<Value> = listeners
        .into_iter()
        .filter(|(port, ..)| *port != 0)
        .map(|(port, name, path, cluster, rewrite)| window(port, name, path, cluster, rewrite))
        .collect();
    let mut clusters = vec![
        cluster(ADMIN, &admin, false),
        cluster(SDS, &settings.sds, true),
        xds_cluster(settings),
    ];
    if settings.agent_port != 0 {
        let address = Address::Tcp("127.0.0.1".to_owned(), settings.agent_port);
        clusters.push(cluster(AGENT, &address, false));
    }
    let headers = settings.xds_headers.iter();
    let headers: Vec<Value> =
        headers.map(|(key, value)| json!({ "key": key, "value": value })).collect();
    let mut ads_service = json!({ "envoy_grpc": {
        "cluster_name": XDS,
        "retry_policy": { "retry_back_off": {
            "base_interval": RETRY_AFTER,
            "max_interval": RETRY_AT_MOST_AFTER,
        } },
    } });
    if let Some(service) = ads_service.as_object_mut().filter(|_| !headers.is_empty()) {
        service.insert("initial_metadata".to_owned(), headers.into());
    }
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
                "grpc_services": [ads_service],
            },
        },
        "static_resources": {
            "listeners": listeners,
            "clusters": clusters,
        },
    })
}

fn xds_cluster(settings: &Settings) -> Value {
    let mut cluster = cluster(XDS, &settings.xds, true);
    let (Some(fields), Some(tls)) = (cluster.as_object_mut(), &settings.xds_tls) else {
        return cluster;
    };
    let context = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    let socket = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("type.googleapis.com/{context}"),
            "sni": tls.server_name,
            "common_tls_context": {
                "alpn_protocols": ["h2"],
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_2",
                    // Envoy's clients stop at 1.2 by default.
                    "tls_maximum_protocol_version": "TLSv1_3",
                },
                "tls_certificate_sds_secret_configs": [secret(&tls.certificate)],
                "combined_validation_context": {
                    "default_validation_context": { "match_typed_subject_alt_names": [{
                        "san_type": san_type(&tls.server_name),
                        "matcher": { "exact": tls.server_name },
                    }] },
                    "validation_context_sds_secret_config": secret(&tls.roots),
                },
            },
        },
    });
    fields.insert("transport_socket".to_owned(), socket);
    cluster
}

/// A certificate for an address names it as such.
fn san_type(name: &str) -> &'static str {
    if name.parse::<std::net::IpAddr>().is_ok() { "IP_ADDRESS" } else { "DNS" }
}

/// A secret of the secret server. Envoy waits for it as long as it takes.
fn secret(name: &str) -> Value {
    json!({
        "name": name,
        "sds_config": {
            "resource_api_version": "V3",
            "initial_fetch_timeout": "0s",
            "api_config_source": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": true,
                "grpc_services": [{ "envoy_grpc": { "cluster_name": SDS } }],
            },
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

/// A listener that shows everybody one path of what only loopback sees.
fn window(port: u16, name: &str, path: &str, cluster: &str, rewrite: &str) -> Value {
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
                        "route": { "cluster": cluster, "prefix_rewrite": rewrite },
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
