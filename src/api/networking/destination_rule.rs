//! DestinationRule: how clients speak to a host, once a route chose it.

pub mod validation;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{PortSelector, is_default};
use crate::api::config::{Config, Spec};
use crate::api::duration::GoDuration;
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::target::WorkloadSelector;
use crate::api::{Kind, Labels, Meta, Object, Str, schema};

/// The spec of a DestinationRule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["host"]))]
pub struct DestinationRule {
    /// The host, or a wildcard for several; a name without dots is of the namespace of the object.
    pub host: Str,
    /// For all ports and subsets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<TrafficPolicy>,
    /// Named parts of the endpoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subsets: Vec<Subset>,
    /// The namespaces whose proxies see it; empty for what the mesh says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub export_to: Vec<Str>,
    /// The client workloads, of the same namespace, that it is for; None for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<WorkloadSelector>,
}

/// A named part of a host's endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct Subset {
    /// Its name.
    pub name: Str,
    /// The labels of its endpoints; none takes all.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What is different for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<TrafficPolicy>,
}

/// How clients speak to endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficPolicy {
    /// How endpoints are chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// Limits of connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
    /// When endpoints are left out for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// How TLS is begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// What is different for single ports. Not within another port's settings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096))]
    pub port_level_settings: Vec<PortTrafficPolicy>,
    /// Connections are tunnelled through the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Tunnel>,
    /// The client's address is told before everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// How many retries there may be at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_budget: Option<RetryBudget>,
}

/// How clients speak to one port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortTrafficPolicy {
    /// The port of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<PortSelector>,
    /// See [`TrafficPolicy`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// See [`TrafficPolicy`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_pool: Option<ConnectionPool>,
    /// See [`TrafficPolicy`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// See [`TrafficPolicy`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
}

/// How endpoints are chosen. One of `simple` and `consistent_hash`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["simple", "consistentHash"])))]
pub struct LoadBalancer {
    /// By load or by turns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple: Option<SimpleBalancer>,
    /// By something that the request has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistent_hash: Option<ConsistentHash>,
    /// How localities count; None for what the mesh says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality_lb_setting: Option<LocalityLbSetting>,
    /// Old spelling of `warmup.duration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_duration_secs: Option<GoDuration>,
    /// How new endpoints are warmed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Warmup>,
}

enumeration! {
    /// By load or by turns.
    pub enum SimpleBalancer {
        /// Istio's choice: the fewer requests of two.
        #[default]
        Unspecified = 0 "UNSPECIFIED",
        /// Old spelling of LEAST_REQUEST.
        LeastConn = 1 "LEAST_CONN",
        /// By chance.
        Random = 2 "RANDOM",
        /// As the client chose.
        Passthrough = 3 "PASSTHROUGH",
        /// By turns.
        RoundRobin = 4 "ROUND_ROBIN",
        /// The one with fewer requests of two.
        LeastRequest = 5 "LEAST_REQUEST",
    }
}

/// What decides the endpoint. One of header, cookie, address and query parameter; one of `ring_hash` and `maglev`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("allOf" = schema::groups(&[&["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"], &["ringHash", "maglev"]])))]
pub struct ConsistentHash {
    /// A header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_header_name: Option<Str>,
    /// A cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_cookie: Option<HttpCookie>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_source_ip: Option<bool>,
    /// A query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_query_parameter_name: Option<Str>,
    /// By a ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_hash: Option<RingHash>,
    /// By Maglev's table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maglev: Option<Maglev>,
    /// Old spelling of `ring_hash.minimum_ring_size`.
    #[serde(skip_serializing_if = "is_default")]
    pub minimum_ring_size: u64,
}

/// A cookie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct HttpCookie {
    /// Its name.
    pub name: Str,
    /// Its path; empty for none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub path: Str,
    /// How long one that the proxy makes lives; None makes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub ttl: Option<GoDuration>,
    /// Further attributes of one that the proxy makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<CookieAttribute>,
}

/// An attribute of a cookie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct CookieAttribute {
    /// Such as `SameSite`.
    pub name: Str,
    /// Its value; empty for none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub value: Str,
}

/// A ring of hashes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RingHash {
    /// How many it has at least; 0 for 1024.
    #[serde(skip_serializing_if = "is_default")]
    pub minimum_ring_size: u64,
}

/// Maglev's table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Maglev {
    /// Its size, a prime; 0 for Envoy's 65537.
    #[serde(skip_serializing_if = "is_default")]
    pub table_size: u64,
}

/// How localities count. One of `distribute` and the two kinds of failover.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalityLbSetting {
    /// Shares by the client's locality.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distribute: Vec<Distribute>,
    /// Where a region's traffic goes when its endpoints fail.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failover: Vec<Failover>,
    /// Labels, or `LABEL=VALUE`, that endpoints should share with the client, the most important first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failover_priority: Vec<Str>,
    /// Whether localities count at all; true when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub enabled: Option<bool>,
}

/// Shares of a locality's traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Distribute {
    /// The client's locality, such as `region/zone/*`.
    pub from: Str,
    /// Percent by the endpoint's locality, 100 in all.
    pub to: BTreeMap<Str, u32>,
}

/// Where a region's traffic goes when its endpoints fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Failover {
    /// The region.
    pub from: Str,
    /// The other one.
    pub to: Str,
}

/// How new endpoints are warmed up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["duration"]))]
pub struct Warmup {
    /// How long.
    pub duration: Option<GoDuration>,
    /// The share that they begin with; 10 when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true), range(min = 0.0, max = 100.0))]
    pub minimum_percent: Option<f64>,
    /// How fast the share grows; 1 (evenly) when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true), range(min = 0.0))]
    pub aggression: Option<f64>,
}

/// Limits of connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectionPool {
    /// Of all connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpSettings>,
    /// Of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSettings>,
}

/// Limits of all connections. Numbers of 0 are not limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpSettings {
    /// How many.
    #[serde(skip_serializing_if = "is_default")]
    pub max_connections: i32,
    /// How long opening one may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<GoDuration>,
    /// Keepalive of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_keepalive: Option<Keepalive>,
    /// How long one may live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connection_duration: Option<GoDuration>,
    /// How long one may be idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub idle_timeout: Option<GoDuration>,
}

/// Keepalive of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Keepalive {
    /// Unanswered probes before the connection is dropped; 0 for the system's.
    #[serde(skip_serializing_if = "is_default")]
    pub probes: u32,
    /// Idle time before the first probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<GoDuration>,
    /// Between probes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
}

/// Limits of HTTP. Numbers of 0 are not limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpSettings {
    /// Requests that wait for a connection.
    #[serde(skip_serializing_if = "is_default")]
    pub http1_max_pending_requests: i32,
    /// Requests at once.
    #[serde(skip_serializing_if = "is_default")]
    pub http2_max_requests: i32,
    /// Requests of one connection's life.
    #[serde(skip_serializing_if = "is_default")]
    pub max_requests_per_connection: i32,
    /// Retries at once.
    #[serde(skip_serializing_if = "is_default")]
    pub max_retries: i32,
    /// How long a connection may be without requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<GoDuration>,
    /// Whether plain HTTP becomes HTTP/2.
    #[serde(skip_serializing_if = "is_default")]
    pub h2_upgrade_policy: H2UpgradePolicy,
    /// The version of HTTP that the client spoke is spoken on.
    #[serde(skip_serializing_if = "is_default")]
    pub use_client_protocol: bool,
    /// Requests of one HTTP/2 connection at once.
    #[serde(skip_serializing_if = "is_default")]
    pub max_concurrent_streams: i32,
}

enumeration! {
    /// Whether plain HTTP becomes HTTP/2.
    pub enum H2UpgradePolicy {
        /// As the mesh says.
        #[default]
        Default = 0 "DEFAULT",
        /// No.
        DoNotUpgrade = 1 "DO_NOT_UPGRADE",
        /// Yes.
        Upgrade = 2 "UPGRADE",
    }
}

/// When endpoints are left out for a while.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OutlierDetection {
    /// Old spelling of `consecutive_gateway_errors`; 0 when unset.
    #[serde(skip_serializing_if = "is_default")]
    pub consecutive_errors: i32,
    /// Errors that the proxy itself sees count apart.
    #[serde(skip_serializing_if = "is_default")]
    pub split_external_local_origin_errors: bool,
    /// Such errors in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub consecutive_local_origin_failures: Option<u32>,
    /// 502, 503 and 504 in a row; 0 for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub consecutive_gateway_errors: Option<u32>,
    /// 5xx in a row; 0 for never.
    #[serde(rename = "consecutive5xxErrors", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub consecutive_5xx_errors: Option<u32>,
    /// Between sweeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
    /// For how long at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_ejection_time: Option<GoDuration>,
    /// The share of endpoints that may be left out; 0 when unset.
    #[serde(skip_serializing_if = "is_default")]
    pub max_ejection_percent: i32,
    /// The share of healthy endpoints below which health is not looked at; 0 when unset.
    #[serde(skip_serializing_if = "is_default")]
    pub min_health_percent: i32,
}

/// How TLS is begun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTls {
    /// Whether, and with which certificate.
    pub mode: ClientTlsMode,
    /// A file with the client's certificate chain.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub client_certificate: Str,
    /// A file with its key.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub private_key: Str,
    /// A file with the roots of the server's certificate; empty for those of the system.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ca_certificates: Str,
    /// A secret with all that; for gateways, and for sidecars that the rule selects.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub credential_name: Str,
    /// The names that the server's certificate may have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subject_alt_names: Vec<Str>,
    /// The server name that is asked for.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub sni: Str,
    /// The server's certificate is not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub insecure_skip_verify: Option<bool>,
    /// A file with revoked server certificates.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ca_crl: Str,
}

enumeration! {
    /// Whether TLS is begun, and with which certificate.
    pub enum ClientTlsMode {
        /// It is not.
        #[default]
        Disable = 0 "DISABLE",
        /// With none.
        Simple = 1 "SIMPLE",
        /// With the one that the rule names.
        Mutual = 2 "MUTUAL",
        /// With the mesh's own.
        IstioMutual = 3 "ISTIO_MUTUAL",
    }
}

/// Connections are tunnelled through the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["targetHost", "targetPort"]))]
pub struct Tunnel {
    /// `CONNECT` or `POST`; empty for CONNECT.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub protocol: Str,
    /// Where the host connects to.
    pub target_host: Str,
    /// On which port.
    pub target_port: u32,
}

/// The client's address is told before everything else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyProtocol {
    /// In which form.
    #[serde(skip_serializing_if = "is_default")]
    pub version: ProxyProtocolVersion,
}

enumeration! {
    /// The form of the PROXY protocol.
    pub enum ProxyProtocolVersion {
        /// As text.
        #[default]
        V1 = 0 "V1",
        /// As bytes.
        V2 = 1 "V2",
    }
}

/// How many retries there may be at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryBudget {
    /// Percent of the requests; 20 when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true), range(min = 0.0, max = 100.0))]
    pub percent: Option<f64>,
    /// But at least this many; 0 when unset.
    #[serde(skip_serializing_if = "is_default")]
    pub min_retry_concurrency: u32,
}

impl Spec for DestinationRule {
    const KIND: Kind = Kind::DestinationRule;
    type Status = ();

    fn validate(&self, meta: &Meta, issues: &mut Issues) {
        validation::validate(self, meta, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::DestinationRule(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::DestinationRule(config) => Some(config),
            _ => None,
        }
    }
}
