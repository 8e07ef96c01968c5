//! The cluster of a service's port.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::balance::is_passthrough;
use super::base::{Facts, metadata_exchange_filter, service_cluster};
use super::discovery::Discovery;
use super::dns::{self, Names};
use super::policy::Policy;
use super::pool::{Limits, upgraded};
use super::protocol::{HttpOptions, HttpVersion};
use super::stat_name::of_pattern;
use super::tls::expand;
use super::transport::{Peer, secure};
use super::{balance, outlier};
use crate::api::ObjectKey;
use crate::api::core::TargetPort;
use crate::api::networking::destination_rule::{ClientTlsMode, Subset, TrafficPolicy};
use crate::model::{
    EndpointTraits, MergedRule, Port, Protocol, ProxyKind, Registry, Resolution, Service,
};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::{
    DiscoveryType, EdsClusterConfig, LbConfig, LbPolicy, OriginalDstLbConfig,
};
use crate::translate::capability::Capability;
use crate::translate::common::config_source::ads;
use crate::translate::common::name::{Purpose, sni};
use crate::translate::common::value::uint32;
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::scope::{Scope, SecretSources};

/// What an outbound cluster is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The service.
    pub service: Same<Service>,
    /// Index of the port in `service.ports`.
    pub port: usize,
    /// What of the service's endpoints the cluster depends on.
    pub endpoints: Same<EndpointTraits>,
    /// The rule that the client follows for the service.
    pub rule: Option<Same<MergedRule>>,
    /// Index of the subset in the rule; None for all endpoints.
    pub subset: Option<usize>,
    /// What it is for.
    pub purpose: Purpose,
    /// What the mesh decides.
    pub policy: Same<Policy>,
    /// What of the proxy the cluster depends on.
    pub client: Client,
    /// The PeerAuthentication by which the service's workloads take no mTLS in general.
    pub refusal: Option<ObjectKey>,
    /// The endpoints that the cluster itself names, and who resolves them; None unless it resolves names.
    pub names: Option<Arc<Names>>,
}

/// What of a proxy shapes its outbound clusters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// What it is for.
    pub kind: ProxyKind,
    /// It can exchange metadata over TCP.
    pub metadata_exchange: bool,
    /// See [`Scope::peer_alpn`].
    pub peer_alpn: bool,
    /// See [`Scope::secrets`].
    pub secrets: SecretSources,
    /// It resolves names with c-ares.
    pub cares: bool,
    /// It speaks the Redis protocol.
    pub redis: bool,
    /// It can resolve the names that requests ask for.
    pub forwards: bool,
    /// See [`Scope::preserve_case`].
    pub preserve_case: bool,
}

impl Client {
    /// Of the proxies of a scope.
    pub fn of(scope: &Scope) -> Client {
        Client {
            kind: scope.kind,
            metadata_exchange: scope.capabilities.has(Capability::TcpMetadataExchange),
            peer_alpn: scope.peer_alpn(),
            secrets: scope.secrets.clone(),
            redis: scope.capabilities.has(Capability::RedisProxy),
            forwards: scope.capabilities.has(Capability::ForwardCluster),
            preserve_case: scope.preserve_case,
            cares: scope.capabilities.has(Capability::CaresResolver),
        }
    }
}

impl Key {
    fn rule(&self) -> Option<&MergedRule> {
        self.rule.as_ref().map(|Same(rule)| &**rule)
    }

    fn subset(&self) -> Option<&Subset> {
        self.rule()?.spec.subsets.get(self.subset?)
    }

    /// What the rule says of the subset apart from the rest, or of all where no subset is meant.
    fn own_policy(&self) -> Option<&TrafficPolicy> {
        match self.subset {
            Some(_) => self.subset()?.traffic_policy.as_ref(),
            None => self.rule()?.spec.traffic_policy.as_ref(),
        }
    }
}

/// The cluster of a port, as a resource.
pub fn resource(key: &Key, port: &Port, discovery: Discovery) -> Resource {
    let service = &key.service.0;
    let subset = key.subset().map_or("", |subset| &subset.name);
    let name = key.purpose.name(port.number, subset, &service.key.hostname);
    let cluster = cluster(key, port, discovery, &name);
    let origins = key.rule().into_iter().flat_map(MergedRule::origins);
    let inline = key.names.iter().flat_map(|names| names.assignment.origins.iter().cloned());
    let refusal = key.refusal.iter().cloned();
    let origins = [service.origin.clone()].into_iter().chain(origins).chain(inline).chain(refusal);
    Resource::new(name.into(), encode::encode(&cluster), origins)
}

fn cluster(key: &Key, port: &Port, discovery: Discovery, name: &str) -> Cluster {
    let Key { service: Same(service), policy: Same(policy), client, .. } = key;
    let subset = key.subset().map(|subset| &*subset.name);
    let settings = key.rule().map(|rule| rule.policy(port.number, subset)).unwrap_or_default();
    // A subset finds its endpoints as its service does, whatever it says of choosing among them.
    let whole = key.rule().map(|rule| rule.policy(port.number, None)).unwrap_or_default();
    let passthrough = [whole, settings].iter().any(|s| is_passthrough(s.load_balancer));
    let discovery = match passthrough && discovery != Discovery::Forward {
        true => Discovery::OriginalDst,
        false => discovery,
    };
    let kind = match discovery {
        Discovery::Eds => DiscoveryType::Eds,
        Discovery::OriginalDst => DiscoveryType::OriginalDst,
        Discovery::Dns { first: false } => DiscoveryType::StrictDns,
        Discovery::Dns { first: true } => DiscoveryType::LogicalDns,
        // Replaced below: it is an extension.
        Discovery::Forward => DiscoveryType::Static,
    };
    let own_tls = settings.tls.map(|tls| tls.mode);
    let facts = Facts {
        rule: key.rule(),
        subset,
        own_alpn: key.purpose == Purpose::Outbound
            && matches!(own_tls, Some(ClientTlsMode::Simple | ClientTlsMode::Mutual)),
    };
    let mut cluster = service_cluster(name, kind, policy, [&**service], facts);
    if !policy.outbound_stat_name.is_empty() {
        let pattern = &policy.outbound_stat_name;
        cluster.alt_stat_name = of_pattern(pattern, service, subset.unwrap_or_default(), port, 0);
    }
    if client.metadata_exchange {
        cluster.filters.push(metadata_exchange_filter(policy));
    }
    let version = HttpVersion::of(port.protocol, client.kind == ProxyKind::Sidecar);
    let version = upgraded(version, port.protocol, settings.connection_pool, policy);
    let preserve_case = client.preserve_case && version.has_case(port.protocol);
    let mut http = HttpOptions { version, preserve_case, ..HttpOptions::default() };
    let limits = Limits { pool: settings.connection_pool, retry_budget: settings.retry_budget };
    limits.apply(policy, &mut cluster, &mut http);
    cluster.outlier_detection = settings.outlier_detection.map(outlier::detection);
    let by_key = client.redis && port.protocol == Protocol::Redis;
    let choose = |cluster: &mut Cluster| match by_key {
        true => cluster.lb_policy = LbPolicy::Maglev.into(),
        false => balance::choose(cluster, settings.load_balancer),
    };
    let mut common = balance::common(service, settings, policy);
    if subset.is_none() && service.has_sessions(&policy.session_labels) {
        common.override_host_status = Some(balance::session_health());
    }
    cluster.common_lb_config = Some(common);
    match discovery {
        Discovery::Eds => {
            choose(&mut cluster);
            cluster.eds_cluster_config =
                Some(EdsClusterConfig { eds_config: Some(ads()), service_name: name.into() });
        }
        Discovery::OriginalDst => cluster.lb_config = port_override(service, port),
        Discovery::Dns { .. } => {
            choose(&mut cluster);
            dns::resolve(&mut cluster, key);
        }
        Discovery::Forward => {}
    }
    if key.purpose == Purpose::Outbound {
        let peer = peer(key, port, discovery == Discovery::OriginalDst);
        secure(&mut cluster, &mut http, &peer, settings);
    }
    if discovery == Discovery::Forward {
        dns::forward(&mut cluster, &mut http, service, settings.tls);
    }
    http.apply(&mut cluster);
    cluster
}

/// The port that a ServiceEntry asks for instead of the client's.
fn port_override(service: &Service, port: &Port) -> Option<LbConfig> {
    let target = match port.target {
        TargetPort::Number(target) if service.registry == Registry::External => target,
        _ => return None,
    };
    (target != 0).then(|| {
        LbConfig::OriginalDstLbConfig(OriginalDstLbConfig {
            upstream_port_override: Some(uint32(target.into())),
            ..OriginalDstLbConfig::default()
        })
    })
}

/// Who is spoken to. Where clients choose the address, be it the service's way or the rule's, mTLS is spoken only if all
/// endpoints take it. Endpoints whose own policies refuse it say so themselves.
fn peer<'a>(key: &'a Key, port: &Port, original_dst: bool) -> Peer<'a> {
    let Key { service: Same(service), policy: Same(policy), client, .. } = key;
    let identities: BTreeSet<_> =
        key.endpoints.0.identities.iter().chain(&service.service_accounts).cloned().collect();
    let balancer = key.own_policy().and_then(|policy| policy.load_balancer.as_ref());
    let chosen = service.resolution == Resolution::Passthrough || is_passthrough(balancer);
    let all = (!chosen || key.endpoints.0.all_mtls) && key.refusal.is_none();
    Peer {
        service,
        client,
        policy,
        sni: sni(port.number, key.subset().map_or("", |s| &s.name), &service.key.hostname),
        identities: expand(&identities, &policy.trust_domain_aliases),
        auto_mtls: policy.auto_mtls && !service.mesh_external && all,
        original_dst,
        selected: key.rule().is_some_and(MergedRule::has_selector),
    }
}
