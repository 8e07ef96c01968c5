//! MeshConfig: the settings of the whole mesh.
//!
//! Typed are the fields that the project acts on; `raw` keeps all of them, merged over the defaults, in proto
//! JSON, for those who show it. Parsing and merging live beside the sources; here are the values only.

pub mod defaults;
pub mod ext_authz;
pub mod roots;

use std::time::Duration;

pub use self::ext_authz::ExtAuthz;
pub use self::roots::{CaCertificates, RootsFrom};

use super::networking::destination_rule::LocalityLbSetting;
use super::networking::virtual_service::HttpRetry;
use super::{LabelSelector, MeshNetworks, Str};

/// The merged mesh configuration. `Default` gives istiod's defaults (istio.io, MeshConfig).
#[derive(Clone, Debug, PartialEq)]
pub struct MeshConfig {
    /// Where a sidecar's outbound traffic is redirected to.
    pub proxy_listen_port: u16,
    /// Where a sidecar's inbound traffic is redirected to.
    pub proxy_inbound_listen_port: u16,
    /// Port of an explicit HTTP proxy listener; 0 for none.
    pub proxy_http_port: u16,
    /// Of every cluster.
    pub connect_timeout: Duration,
    /// How long protocol detection waits; zero waits for ever.
    pub protocol_detection_timeout: Duration,
    /// How often DNS clusters resolve.
    pub dns_refresh_rate: Duration,
    /// Sidecars speak mTLS to workloads that can.
    pub enable_auto_mtls: bool,
    /// HTTP connection managers trace.
    pub enable_tracing: bool,
    /// What happens to traffic for unknown destinations.
    pub outbound_traffic_policy: OutboundPolicy,
    /// How inbound clusters reach the application.
    pub inbound_traffic_policy: InboundPolicy,
    /// How paths are normalised.
    pub path_normalization: PathNormalization,
    /// The namespace whose configuration applies to all.
    pub root_namespace: Str,
    /// The trust domain of the mesh's identities.
    pub trust_domain: Str,
    /// Other trust domains that mean the same.
    pub trust_domain_aliases: Vec<Str>,
    /// Roots beside those of the CA, and whom they are for.
    pub ca_certificates: Vec<CaCertificates>,
    /// `defaultProviders.metrics`, in order.
    pub metrics_providers: Vec<Str>,
    /// Those of `extensionProviders` that decide over requests, in order.
    pub ext_authz: Vec<ExtAuthz>,
    /// `defaultServiceExportTo`; `*` when unset.
    pub default_service_export_to: Vec<Str>,
    /// `defaultVirtualServiceExportTo`; `*` when unset.
    pub default_virtual_service_export_to: Vec<Str>,
    /// `defaultDestinationRuleExportTo`; `*` when unset.
    pub default_destination_rule_export_to: Vec<Str>,
    /// How localities count where no DestinationRule says.
    pub locality_lb_setting: LocalityLbSetting,
    /// What is retried where no VirtualService says; None for Istio's own default.
    pub default_http_retry_policy: Option<HttpRetry>,
    /// The pattern of the name under which outbound clusters keep statistics; empty for their own.
    pub outbound_cluster_stat_name: Str,
    /// The same of inbound clusters.
    pub inbound_cluster_stat_name: Str,
    /// What TLS that is not mTLS of the mesh offers.
    pub tls_defaults: TlsDefaults,
    /// What mTLS of the mesh accepts.
    pub mesh_mtls: MeshMtls,
    /// TCP keepalive of upstream connections; None leaves it to the system.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Whether plain HTTP ports are upgraded to HTTP/2 between sidecars.
    pub h2_upgrade: bool,
    /// Which namespaces belong to the mesh, any of these; none for all namespaces.
    pub discovery_selectors: Vec<LabelSelector>,
    /// Whether hosts are reached only inside their own cluster (`serviceSettings`): of equal ones the last counts.
    pub cluster_local: Vec<(Str, bool)>,
    /// The host at which proxies find the control plane (`defaultConfig.discoveryAddress`).
    pub discovery_host: Str,
    /// The networks that the mesh spans. They stand in a document of their own.
    pub networks: MeshNetworks,
    /// Everything, in proto JSON (camelCase), defaults included.
    pub raw: serde_json::Value,
}

impl Default for MeshConfig {
    fn default() -> Self {
        MeshConfig {
            proxy_listen_port: 15001,
            proxy_inbound_listen_port: 15006,
            proxy_http_port: 0,
            connect_timeout: Duration::from_secs(10),
            protocol_detection_timeout: Duration::ZERO,
            dns_refresh_rate: Duration::from_secs(60),
            enable_auto_mtls: true,
            enable_tracing: true,
            outbound_traffic_policy: OutboundPolicy::AllowAny,
            inbound_traffic_policy: InboundPolicy::Passthrough,
            path_normalization: PathNormalization::Base,
            root_namespace: "istio-system".into(),
            trust_domain: "cluster.local".into(),
            trust_domain_aliases: Vec::new(),
            ca_certificates: Vec::new(),
            metrics_providers: Vec::new(),
            ext_authz: Vec::new(),
            default_service_export_to: vec!["*".into()],
            default_virtual_service_export_to: vec!["*".into()],
            default_destination_rule_export_to: vec!["*".into()],
            locality_lb_setting: LocalityLbSetting {
                enabled: Some(true),
                ..LocalityLbSetting::default()
            },
            default_http_retry_policy: None,
            outbound_cluster_stat_name: Str::default(),
            inbound_cluster_stat_name: Str::default(),
            tls_defaults: TlsDefaults::default(),
            mesh_mtls: MeshMtls::default(),
            tcp_keepalive: None,
            h2_upgrade: false,
            discovery_selectors: Vec::new(),
            cluster_local: Vec::new(),
            discovery_host: "istiod.istio-system.svc".into(),
            networks: MeshNetworks::default(),
            raw: serde_json::Value::Null,
        }
    }
}

impl MeshConfig {
    /// The trust domain of the mesh's own identities, and its aliases.
    pub fn own_trust_domains(&self) -> impl Iterator<Item = &Str> {
        std::iter::once(&self.trust_domain).chain(&self.trust_domain_aliases)
    }

    /// The trust domains whose workloads may call those of the mesh, each once, that of the mesh first.
    pub fn accepted_trust_domains(&self) -> Vec<Str> {
        let rooted = self.ca_certificates.iter().flat_map(|roots| &roots.trust_domains);
        let mut accepted: Vec<Str> = Vec::new();
        for domain in self.own_trust_domains().chain(rooted) {
            if !domain.is_empty() && !accepted.contains(domain) {
                accepted.push(domain.clone());
            }
        }
        accepted
    }
}

/// `outboundTrafficPolicy.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutboundPolicy {
    /// It is let through.
    #[default]
    AllowAny,
    /// It is refused.
    RegistryOnly,
}

/// `inboundTrafficPolicy.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InboundPolicy {
    /// To the address that the client used.
    #[default]
    Passthrough,
    /// To 127.0.0.1.
    Localhost,
}

/// `pathNormalization.normalization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the API's own names")]
pub enum PathNormalization {
    None,
    #[default]
    Base,
    MergeSlashes,
    DecodeAndMergeSlashes,
}

/// `tcpKeepalive`; unset fields are left to the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpKeepalive {
    /// Unanswered probes before the connection is dropped.
    pub probes: Option<u32>,
    /// Idle time before the first probe.
    pub time: Option<Duration>,
    /// Between probes.
    pub interval: Option<Duration>,
}

/// `tlsDefaults`; what is empty is left to Envoy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsDefaults {
    /// Curves of key exchange.
    pub ecdh_curves: Vec<Str>,
    /// Cipher suites of TLS 1.2.
    pub cipher_suites: Vec<Str>,
}

/// `meshMTLS`. Its curves have no effect in istiod either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeshMtls {
    /// `minProtocolVersion: TLSV1_3`: nothing older than TLS 1.3; else than 1.2.
    pub only_tls13: bool,
    /// Cipher suites of TLS 1.2; empty for Istio's own.
    pub cipher_suites: Vec<Str>,
}
