//! What of the mesh, the scope and the node shapes every listener of a proxy, but for what names its workload.
//!
//! Workloads by the thousand have one profile. Equal profiles are one `Arc`, so that listeners are looked up by
//! its pointer.

use std::time::Duration;

use crate::api::cidr::Cidr;
use crate::api::mesh::{MeshMtls, OutboundPolicy, PathNormalization};
use crate::api::{Features, Str, duration};
use crate::model::ProxyKind;
use crate::proto::envoy::google::protobuf::UInt32Value;
use crate::translate::capability::Capabilities;
use crate::translate::capability::Capability;
use crate::translate::common::value::uint32;
use crate::translate::proxy_config::ProxyConfig;
use crate::translate::scope::{Families, Interception, ListenerTraits, SecretSources};
use crate::translate::translator::Context;

/// The provider of metrics that the filter istio.stats stands for.
const PROMETHEUS: &str = "prometheus";

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// The address families of the proxy.
    pub families: Families,
    /// What its Envoy has.
    pub capabilities: Capabilities,
    /// How traffic reaches it.
    pub interception: Interception,
    /// What happens to traffic for unknown destinations.
    pub outbound_policy: OutboundPolicy,
    /// Where such traffic goes, if it is let through, instead of where it was meant to.
    pub egress_proxy: Option<Str>,
    /// Connections and requests are counted by istio.stats.
    pub stats: bool,
    /// How long the proxy waits for the bytes that tell a protocol; zero waits for ever.
    pub detection_timeout: Duration,
    /// Where outbound traffic is redirected to.
    pub outbound_port: u16,
    /// Where inbound traffic is redirected to.
    pub inbound_port: u16,
    /// What the operator of the control plane decided.
    pub features: Features,
    /// See [`Scope::peer_alpn`](crate::translate::Scope::peer_alpn).
    pub peer_alpn: bool,
    /// See [`Scope::secrets`](crate::translate::Scope::secrets).
    pub secrets: SecretSources,
    /// The port for explicit HTTP proxying; 0 for none.
    pub http_proxy_port: u16,
    /// Where the proxy answers whether it is ready; 0 for nowhere.
    pub status_port: u16,
    /// Where it shows its metrics; 0 for nowhere.
    pub prometheus_port: u16,
    /// Requests are traced.
    pub tracing: bool,
    /// How paths are normalised.
    pub path_normalization: PathNormalization,
    /// The trust domains whose workloads may call, that of the mesh first; all if empty.
    pub trust_domains: Vec<Str>,
    /// What mTLS of the mesh accepts.
    pub mtls: MeshMtls,
    /// What its ProxyConfig says.
    pub proxy_config: ProxyConfig,
    /// HTTP/1.0 is accepted.
    pub http10: bool,
    /// How long a connection may be idle; None leaves it to Envoy.
    pub idle_timeout: Option<Duration>,
    /// The proxy may not bind ports below 1024.
    pub unprivileged: bool,
    /// Inbound connections are spread over Envoy's workers exactly.
    pub inbound_exact_balance: bool,
    /// Outbound connections are.
    pub outbound_exact_balance: bool,
    /// The address ranges of the mesh networks, for the connection managers that take them for internal; empty where
    /// none of the proxy does.
    pub internal_addresses: Vec<Cidr>,
}

impl Profile {
    /// Of the proxies of a scope that have these traits. An idle timeout that is no duration is ignored, as
    /// Istio does: a proxy without one works.
    pub fn of(context: &Context<'_>, traits: &ListenerTraits) -> Profile {
        let (mesh, scope) = (&context.snapshot.mesh, context.scope);
        let counted = mesh.metrics_providers.iter().any(|p| **p == *PROMETHEUS);
        let by_peer = scope.kind == ProxyKind::Router || scope.features.sidecar_remote_address;
        Profile {
            families: scope.families,
            capabilities: scope.capabilities,
            interception: scope.interception,
            outbound_policy: scope.outbound_policy,
            egress_proxy: scope.egress_proxy.clone(),
            stats: counted && scope.capabilities.has(Capability::Stats),
            detection_timeout: mesh.protocol_detection_timeout,
            outbound_port: mesh.proxy_listen_port,
            inbound_port: mesh.proxy_inbound_listen_port,
            http_proxy_port: match traits.http_proxy_port {
                0 => mesh.proxy_http_port,
                port => port,
            },
            status_port: traits.status_port,
            prometheus_port: traits.prometheus_port,
            tracing: mesh.enable_tracing,
            path_normalization: mesh.path_normalization,
            trust_domains: match scope.features.any_trust_domain {
                true => Vec::new(),
                false => mesh.accepted_trust_domains(),
            },
            features: scope.features,
            peer_alpn: scope.peer_alpn(),
            secrets: scope.secrets.clone(),
            mtls: mesh.mesh_mtls.clone(),
            proxy_config: traits.proxy_config.clone(),
            http10: traits.http10 || scope.features.http10,
            idle_timeout: duration::parse(&traits.idle_timeout).ok(),
            unprivileged: traits.unprivileged,
            inbound_exact_balance: traits.inbound_exact_balance,
            outbound_exact_balance: traits.outbound_exact_balance,
            internal_addresses: if by_peer || scope.features.internal_networks {
                mesh.networks.ranges()
            } else {
                Vec::new()
            },
        }
    }

    /// Whether the proxy itself listens on a port of the wildcard address.
    pub fn is_own_port(&self, port: u16) -> bool {
        let own = [self.outbound_port, self.inbound_port, self.status_port, self.prometheus_port];
        port != 0 && own.contains(&port)
    }

    /// How many connections a worker takes from a bound port at once: with more than one, those that happen to
    /// wake up first would take all.
    pub fn accept_per_event(&self) -> Option<UInt32Value> {
        Some(self.features.accept_per_event).filter(|limit| *limit != 0).map(uint32)
    }

    /// The protocols that tell plain HTTP from other plain traffic.
    pub fn plaintext_http_alpn(&self) -> &'static [&'static str] {
        if self.http10 { &["http/1.0", "http/1.1", "h2c"] } else { &["http/1.1", "h2c"] }
    }
}
