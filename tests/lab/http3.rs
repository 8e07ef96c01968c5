//! A client that speaks HTTP/3: an Envoy that takes plain HTTP on loopback and sends it on.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::namespace::Namespace;
use super::process::Process;

/// Where it takes requests.
const PORT: u16 = 10080;

/// The running client; dropping it ends it.
pub struct Http3 {
    _process: Process,
}

impl Http3 {
    /// What it is asked there, it asks the server.
    pub const AT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

    /// Starts it in a namespace, with a server for a host whose certificate the root in the file `root` vouches for.
    pub fn start(
        namespace: &Namespace,
        envoy: &Path,
        directory: &Path,
        to: SocketAddr,
        host: &str,
        root: &Path,
    ) -> Result<Http3> {
        let file = directory.join("http3.json");
        std::fs::write(&file, bootstrap(to, host, root).to_string())?;
        let file = file.display().to_string();
        let arguments = ["-c", &file, "--concurrency", "1", "--disable-hot-restart"];
        let arguments: Vec<String> = arguments.into_iter().map(String::from).collect();
        let log = directory.join("http3.log");
        let process = Process::start(namespace, "http3 client", envoy, &arguments, None, log)?;
        Ok(Http3 { _process: process })
    }
}

fn bootstrap(to: SocketAddr, host: &str, root: &Path) -> Value {
    json!({ "static_resources": {
        "listeners": [{
            "address": socket(Http3::AT),
            "filter_chains": [{ "filters": [extension(
                "envoy.filters.network.http_connection_manager",
                "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                json!({
                    "stat_prefix": "client",
                    "http_filters": [extension(
                        "envoy.filters.http.router",
                        "envoy.extensions.filters.http.router.v3.Router",
                        json!({}),
                    )],
                    "route_config": { "virtual_hosts": [{
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "server" } }],
                    }] },
                }),
            )] }],
        }],
        "clusters": [{
            "name": "server",
            "load_assignment": {
                "cluster_name": "server",
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(to) } }] }],
            },
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": url("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
                    "explicit_http_config": { "http3_protocol_options": {} },
                },
            },
            "transport_socket": extension(
                "envoy.transport_sockets.quic",
                "envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport",
                json!({ "upstream_tls_context": {
                    "sni": host,
                    "common_tls_context": {
                        "validation_context": { "trusted_ca": { "filename": root } },
                    },
                } }),
            ),
        }],
    } })
}

fn socket(to: SocketAddr) -> Value {
    json!({ "socket_address": { "address": to.ip(), "port_value": to.port() } })
}

fn url(message: &str) -> String {
    format!("type.googleapis.com/{message}")
}

fn extension(name: &str, message: &str, mut config: Value) -> Value {
    if let Value::Object(fields) = &mut config {
        fields.insert("@type".into(), url(message).into());
    }
    json!({ "name": name, "typed_config": config })
}
