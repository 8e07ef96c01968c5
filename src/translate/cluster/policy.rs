//! What the mesh decides for every cluster.
//!
//! Clusters are built from a policy, not from the mesh configuration: a change of the configuration that does
//! not concern clusters must not rebuild them. Policies are compared by pointer, so equal ones are one.

use std::sync::Arc;
use std::time::Duration;

use crate::api::features::{Compliance, SessionLabels};
use crate::api::mesh::{InboundPolicy, TcpKeepalive, TlsDefaults};
use crate::api::networking::destination_rule::LocalityLbSetting;
use crate::api::{Features, MeshConfig, Str};
use crate::snapshot::Snapshot;
use crate::translate::memo::Same;

/// The settings of a cluster that do not come from its service.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// Keepalive of connections; None leaves it to the system.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Plain HTTP is spoken as HTTP/2.
    pub h2_upgrade: bool,
    /// Endpoints that take mTLS are spoken to in mTLS.
    pub auto_mtls: bool,
    /// Trust domains under which every identity is accepted too.
    pub trust_domain_aliases: Vec<Str>,
    /// How inbound clusters reach the application.
    pub inbound: InboundPolicy,
    /// Clusters tell which services they are of.
    pub telemetry: bool,
    /// How often names are resolved again.
    pub dns_refresh_rate: Duration,
    /// How far apart in time proxies do so.
    pub dns_jitter: Duration,
    /// Queries on one UDP socket of the resolver.
    pub dns_udp_queries: u32,
    /// Clusters count how far they are from their limits.
    pub track_remaining: bool,
    /// How localities count where no rule says.
    pub localities: LocalityLbSetting,
    /// Localities are weighed even where nothing asks for it.
    pub weigh_localities: bool,
    /// See [`Features::exchanged_labels`].
    pub exchanged_labels: &'static [&'static str],
    /// The labels by which services ask for sessions.
    pub session_labels: SessionLabels,
    /// Endpoints that are not ready are sent too.
    pub send_unhealthy: bool,
    /// What TLS that a rule begins offers.
    pub tls: TlsDefaults,
    /// What TLS is restricted to.
    pub compliance: Compliance,
    /// For external services, what a rule says of TLS wins over a proxy's own certificates.
    pub external_tls_by_rule: bool,
    /// The pattern of the name under which outbound clusters keep statistics; empty for their own.
    pub outbound_stat_name: Str,
    /// The same of inbound clusters.
    pub inbound_stat_name: Str,
}

impl Policy {
    /// As the mesh configuration says, and the operator of the control plane.
    pub fn of(mesh: &MeshConfig, features: &Features) -> Policy {
        Policy {
            connect_timeout: mesh.connect_timeout,
            tcp_keepalive: mesh.tcp_keepalive,
            h2_upgrade: mesh.h2_upgrade,
            auto_mtls: mesh.enable_auto_mtls,
            trust_domain_aliases: mesh.trust_domain_aliases.clone(),
            inbound: mesh.inbound_traffic_policy,
            telemetry: features.telemetry,
            dns_refresh_rate: mesh.dns_refresh_rate,
            dns_jitter: features.dns_jitter,
            dns_udp_queries: features.dns_udp_queries,
            track_remaining: features.track_remaining,
            localities: mesh.locality_lb_setting.clone(),
            weigh_localities: features.weigh_localities,
            send_unhealthy: features.send_unhealthy,
            exchanged_labels: features.exchanged_labels,
            session_labels: features.session_labels,
            tls: mesh.tls_defaults.clone(),
            compliance: features.compliance,
            external_tls_by_rule: features.external_tls_by_rule,
            outbound_stat_name: mesh.outbound_cluster_stat_name.clone(),
            inbound_stat_name: mesh.inbound_cluster_stat_name.clone(),
        }
    }
}

/// The policy of the newest mesh configuration.
#[derive(Debug, Default)]
pub struct Policies(Option<(Same<MeshConfig>, Arc<Policy>)>);

impl Policies {
    /// The policy of a snapshot; the one before if they are equal.
    pub fn get(&mut self, snapshot: &Snapshot) -> Arc<Policy> {
        let mesh = Same(snapshot.mesh.clone());
        let newest = match self.0.take() {
            Some((seen, policy)) if seen == mesh => policy,
            before => {
                let policy = Policy::of(&mesh.0, &snapshot.features);
                match before {
                    Some((_, same)) if *same == policy => same,
                    _ => Arc::new(policy),
                }
            }
        };
        self.0 = Some((mesh, newest.clone()));
        newest
    }
}
