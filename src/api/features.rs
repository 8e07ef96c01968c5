//! What the operator of the control plane decides for all proxies, beside the mesh configuration.
//!
//! Plain values with istiod's defaults; `settings` reads them from the environment. They hold for the life of
//! the process: what was built with them never has to be built anew because of them, so that no memo keys on
//! them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::Block;

/// The features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Features {
    /// Routes also answer to host names with a dot at the end.
    pub absolute_domains: bool,
    /// Proxies tell each other about their workloads.
    pub metadata_exchange: bool,
    /// Those that can agree in TLS to do so over TCP too.
    pub peer_alpn: bool,
    /// Outbound connection managers have Istio's ALPN filter.
    pub alpn_filter: bool,
    /// The MongoDB protocol is read.
    pub mongo_filter: bool,
    /// Proxies accept HTTP/1.0, whatever their node says.
    pub http10: bool,
    /// Proxies pass 100 Continue on.
    pub continue_100: bool,
    /// Sidecars append the address of their workload to X-Forwarded-For of what it sends.
    pub sidecar_remote_address: bool,
    /// Inbound mTLS accepts peers of any trust domain.
    pub any_trust_domain: bool,
    /// The share of requests that is traced when nobody asked for it.
    pub trace_sampling: Percent,
    /// Connections that a listener accepts in one turn of its event loop; 0 leaves it to Envoy.
    pub accept_per_event: u32,
    /// How long a handshake behind an outbound listener may take.
    pub handshake_timeout: Duration,
    /// Endpoints that are not ready are sent too, marked as unhealthy.
    pub send_unhealthy: bool,
    /// Clusters tell which services they are of, and endpoints whose they are, for metrics.
    pub telemetry: bool,
    /// Endpoints do so, provided that `telemetry` is set.
    pub endpoint_telemetry: bool,
    /// Clusters count how far they are from their limits.
    pub track_remaining: bool,
    /// Sidecars, too, are told the endpoints of headless services, and balance over them.
    pub headless_eds: bool,
    /// Selectors of ServiceEntries select pods too.
    pub select_pods: bool,
    /// Selectors of Kubernetes Services select WorkloadEntries too.
    pub select_workload_entries: bool,
    /// So do those of other clusters select WorkloadEntries there, and ServiceEntries too.
    pub remote_workload_entries: bool,
    /// Name tables list the endpoints of headless services in all clusters, not only in the client's.
    pub remote_headless: bool,
    /// WorkloadEntries whose health is checked count only while they are healthy.
    pub workload_health: bool,
    /// ServiceEntries without an address are given one.
    pub allocate_addresses: bool,
    /// Where IPv4 addresses are given from.
    pub allocate_v4: Block,
    /// Where IPv6 addresses are given from.
    pub allocate_v6: Block,
    /// How far apart in time proxies resolve one name again.
    pub dns_jitter: Duration,
    /// Queries on one UDP socket of a proxy's resolver.
    pub dns_udp_queries: u32,
    /// Gateways are served by proxies of their own namespace only.
    pub gateways_in_own_namespace: bool,
    /// Hosts of gateways that have the same routes share a virtual host.
    pub collapse_routes: bool,
    /// Of several DestinationRules for a host, those with the same visibility are merged; all of a namespace otherwise.
    pub merge_rules_by_visibility: bool,
    /// Where routes lead to a host of several other namespaces, the service of Kubernetes or else the oldest is
    /// meant, not that of the first namespace by name.
    pub best_service_namespace: bool,
    /// Ports that the ingress of a Sidecar does not describe are served as the services say.
    pub sidecar_ingress_merge: bool,
    /// Sidecars end the TLS that their ingress listeners ask for.
    pub sidecar_ingress_tls: bool,
    /// Clusters weigh localities even where nothing asks for it.
    pub weigh_localities: bool,
    /// For external services, what a DestinationRule says of TLS wins over a proxy's own certificates.
    pub external_tls_by_rule: bool,
    /// Gateways get only the clusters that they lead to.
    pub filter_gateway_clusters: bool,
    /// Gateways that end TLS for HTTP do so over QUIC too, where their services have the port in UDP.
    pub quic: bool,
    /// Every connection manager takes the address ranges of the mesh networks for internal, not only those that
    /// believe the address of their peer.
    pub internal_networks: bool,
    /// The labels that workloads tell each other beside those that all do, sorted.
    pub exchanged_labels: &'static [&'static str],
    /// Endpoints of external services tell the canonical names that the labels of their service say.
    pub external_canonical: bool,
    /// The MySQL protocol is read.
    pub mysql_filter: bool,
    /// The Redis protocol is spoken, so that keys are spread over the endpoints.
    pub redis_filter: bool,
    /// Proxies keep the sessions of clients with an endpoint, where services ask for it.
    pub session_filter: bool,
    /// How they ask.
    pub session_labels: SessionLabels,
    /// Several providers may decide over the requests of one workload.
    pub several_ext_authz: bool,
    /// Requests that are mirrored keep their host, without a mark.
    pub mirror_as_is: bool,
    /// What TLS of proxies is restricted to.
    pub compliance: Compliance,
    /// Who fetches the keys that RequestAuthentications name by URL.
    pub jwks_fetcher: JwksFetcher,
    /// Policies select gateways of the Gateway API by labels too, not only by naming them.
    pub select_gateways: bool,
}

impl Features {
    /// The default of `allocate_v4`.
    pub const ALLOCATE_V4: Block =
        Block { address: IpAddr::V4(Ipv4Addr::new(240, 240, 0, 0)), length: 16 };
    /// The default of `allocate_v6`.
    pub const ALLOCATE_V6: Block =
        Block { address: IpAddr::V6(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0)), length: 48 };
}

impl Default for Features {
    fn default() -> Features {
        Features {
            absolute_domains: true,
            metadata_exchange: true,
            peer_alpn: true,
            alpn_filter: true,
            mongo_filter: true,
            http10: false,
            continue_100: true,
            sidecar_remote_address: false,
            any_trust_domain: false,
            trace_sampling: Percent::ONE,
            accept_per_event: 1,
            handshake_timeout: Duration::from_secs(15),
            send_unhealthy: false,
            telemetry: true,
            endpoint_telemetry: true,
            track_remaining: false,
            headless_eds: false,
            select_pods: true,
            select_workload_entries: true,
            remote_workload_entries: true,
            remote_headless: true,
            workload_health: true,
            allocate_addresses: true,
            allocate_v4: Features::ALLOCATE_V4,
            allocate_v6: Features::ALLOCATE_V6,
            dns_jitter: Duration::from_millis(100),
            dns_udp_queries: 100,
            gateways_in_own_namespace: false,
            collapse_routes: true,
            merge_rules_by_visibility: true,
            best_service_namespace: true,
            sidecar_ingress_merge: false,
            sidecar_ingress_tls: false,
            weigh_localities: false,
            external_tls_by_rule: true,
            filter_gateway_clusters: false,
            quic: false,
            internal_networks: false,
            exchanged_labels: &[],
            external_canonical: false,
            mysql_filter: false,
            redis_filter: false,
            session_filter: false,
            session_labels: SessionLabels::default(),
            several_ext_authz: false,
            mirror_as_is: true,
            compliance: Compliance::None,
            jwks_fetcher: JwksFetcher::Istiod,
            select_gateways: true,
        }
    }
}

/// What TLS of proxies is restricted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compliance {
    /// Nothing.
    #[default]
    None,
    /// TLS 1.2 with the cipher suites of FIPS 140-2.
    Fips140v2,
    /// TLS 1.3 with keys that quantum computers do not break.
    Pqc,
}

impl Compliance {
    /// As the variable says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Compliance::None => "",
            Compliance::Fips140v2 => "fips-140-2",
            Compliance::Pqc => "pqc",
        }
    }
}

/// Whether injected sidecars are init containers that keep running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NativeSidecars {
    /// They are.
    Always,
    /// They are not.
    Never,
    /// Where the nodes know how.
    #[default]
    Auto,
}

/// Who fetches the keys that are named by URL. Issuers are always asked by the control plane where their keys are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JwksFetcher {
    /// The control plane.
    #[default]
    Istiod,
    /// Proxies where a service has the host, else the control plane.
    Hybrid,
    /// Proxies.
    Envoy,
}

/// The names of labels that are about sessions; one that is empty is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionLabels {
    /// Of services: the cookie that carries a session, and its path behind a `:`.
    pub cookie: &'static str,
    /// Of services: the header that carries one.
    pub header: &'static str,
    /// Of workloads: they take no new sessions.
    pub draining: &'static str,
}

impl Default for SessionLabels {
    fn default() -> SessionLabels {
        SessionLabels {
            cookie: "istio.io/persistent-session",
            header: "istio.io/persistent-session-header",
            draining: "istio.io/draining",
        }
    }
}

/// A share of 0 to 100 percent, in steps of a hundredth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Percent {
    hundredths: u32,
}

impl Percent {
    /// One percent.
    pub const ONE: Percent = Percent { hundredths: 100 };

    /// The nearest step; None for what is no share.
    pub fn new(percent: f64) -> Option<Percent> {
        let possible = (0.0..=100.0).contains(&percent);
        possible.then(|| Percent { hundredths: (percent * 100.0).round() as u32 })
    }

    /// As a number from 0 to 100.
    pub fn value(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }
}
