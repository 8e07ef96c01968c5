//! Clusters (CDS).
//!
//! A cluster depends on its service, on what its endpoints have in common (identities, mTLS), on the mesh's
//! [`Policy`](policy::Policy) and on very little of the proxy: scopes of different namespaces share their
//! clusters. Endpoints' addresses are the assignments' business.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto>

pub mod attached;
pub mod balance;
pub mod base;
pub mod discovery;
pub mod dns;
pub mod inbound;
pub mod origination;
pub mod outbound;
pub mod outlier;
pub mod passthrough;
pub mod policy;
pub mod pool;
pub mod protocol;
pub mod sni_dnat;
pub mod stat_name;
pub mod tls;
pub mod transport;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use self::attached::Attached;
use self::discovery::Discovery;
use self::dns::Names;
use self::passthrough::Special;
use self::policy::{Policies, Policy};
use super::common::name::Purpose;
use super::each::{Inputs, Lists};
use super::endpoint::{self, select::Audience};
use super::ingress::{self, Application, Ingress};
use super::memo::{Counts, Memo, Recent, ResourceMemo, Same};
use super::resource::Resource;
use super::scope::Scope;
use super::translator::{Built, Context};
use crate::api::core::TargetPort;
use crate::api::{Code, Diagnostic, Features, MeshConfig, ObjectKey, Severity, Str};
use crate::model::policy::peer::Refusing;
use crate::model::{
    EndpointTraits, MergedRule, Port, ProxyKind, Registry, Service, ServiceKey, ServiceTarget,
    Visibility,
};
use crate::snapshot::Snapshot;

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {
    policies: Policies,
    /// Stands for the endpoints of services that have none.
    no_endpoints: Arc<EndpointTraits>,
    lists: Lists<Arc<Settings>>,
    /// Lists with the clusters for what is no service.
    all: Recent<(Same<Built>, Vec<Same<Resource>>), Built>,
    outbound: ResourceMemo<outbound::Key>,
    inbound: ResourceMemo<inbound::Key>,
    /// Services that stand for Sidecars.
    stand_ins: Memo<(ServiceKey, ObjectKey), Service>,
    special: ResourceMemo<passthrough::Key>,
}

/// What the clusters of all services depend on alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Settings {
    policy: Same<Policy>,
    client: outbound::Client,
    /// Where a gateway leads that gets no other clusters.
    attached: Option<Attached>,
    /// See [`sni_dnat::is_needed`].
    sni_dnat: bool,
    /// Who is told the endpoints of clusters that resolve names, and how localities count for these.
    audience: Audience,
    mesh: Same<MeshConfig>,
    /// Where mTLS is not taken.
    refusing: Same<Refusing>,
}

impl Memos {
    /// See [`Memo::sweep`](super::memo::Memo::sweep).
    pub fn sweep(&mut self) {
        self.all.sweep();
        self.lists.sweep();
        self.outbound.sweep();
        self.inbound.sweep();
        // Behind the clusters, whose keys hold them.
        self.stand_ins.sweep();
        self.special.sweep();
    }

    /// How many clusters of services were built, and how many were found.
    pub fn counts(&self) -> Counts {
        self.outbound.counts() + self.inbound.counts()
    }

    fn special(&mut self, policy: &Arc<Policy>, cluster: Special) -> Arc<Resource> {
        let key = passthrough::Key { policy: Same(policy.clone()), cluster };
        self.special.get(key, passthrough::resource)
    }
}

/// The clusters of all services that the scope sees, and those for what is no service.
pub fn outbound(context: &Context<'_>, memos: &mut Memos) -> Arc<Built> {
    let snapshot = context.snapshot;
    let policy = memos.policies.get(snapshot);
    let client = outbound::Client::of(context.scope);
    let mut special = vec![memos.special(&policy, Special::BlackHole)];
    if client.kind == ProxyKind::Sidecar {
        let outbound::Client { metadata_exchange, preserve_case, .. } = client;
        let passthrough = Special::Passthrough { metadata_exchange, preserve_case };
        special.push(memos.special(&policy, passthrough));
    }
    if client.secrets.credential_server {
        special.push(memos.special(&policy, Special::Credentials));
    }
    let settings = Arc::new(Settings {
        policy: Same(policy),
        client,
        attached: Attached::of(context.scope, snapshot),
        sni_dnat: sni_dnat::is_needed(context.scope),
        audience: Audience::of(context.scope, snapshot),
        mesh: Same(snapshot.mesh.clone()),
        refusing: Same(snapshot.peers.refusing.clone()),
    });
    let Memos { lists, all, outbound, no_endpoints, .. } = memos;
    let services = lists.get(Inputs::of(context), settings.clone(), |service| {
        of_service(context, &settings, service, no_endpoints, outbound)
    });
    let key = (Same(services), special.into_iter().map(Same).collect());
    all.get(key, |(Same(services), special)| {
        let mut built = (**services).clone();
        built.resources.extend(special.iter().map(|Same(resource)| resource.clone()));
        built
    })
}

/// The clusters of a service.
fn of_service(
    context: &Context<'_>,
    settings: &Settings,
    service: &Arc<Service>,
    no_endpoints: &Arc<EndpointTraits>,
    memo: &mut ResourceMemo<outbound::Key>,
) -> Built {
    let snapshot = context.snapshot;
    let mut built = Built::default();
    let endpoints = snapshot.endpoints(&service.key).map_or(no_endpoints, |e| &e.traits);
    let attached = settings.attached.as_ref().is_none_or(|attached| attached.has(&service.key));
    let purposes = sni_dnat::purposes(service, settings.sni_dnat).iter().copied();
    let purposes = purposes.filter(|purpose| attached || *purpose != Purpose::Outbound);
    let rule = context.rules.key(&service.key);
    let Same(refusing) = &settings.refusing;
    let refusal = refusing.generally(&service.key.namespace).filter(|_| !service.mesh_external);
    for (index, port, discovery) in ports(service, settings.client.kind, &snapshot.features) {
        let forward = discovery == Discovery::Forward;
        if forward && !settings.client.forwards {
            continue;
        }
        // A cluster that resolves what it is asked for knows no endpoints to choose among.
        let rules = rule.iter().filter(|_| !forward);
        let subsets = rules.flat_map(|Same(rule)| named_subsets(rule)).map(Some);
        for subset in [None].into_iter().chain(subsets) {
            for purpose in purposes.clone() {
                let mut key = outbound::Key {
                    service: Same(service.clone()),
                    port: index,
                    endpoints: Same(endpoints.clone()),
                    rule: rule.clone(),
                    subset,
                    purpose,
                    policy: settings.policy.clone(),
                    client: settings.client.clone(),
                    refusal: refusal.clone(),
                    names: None,
                };
                if let Discovery::Dns { .. } = discovery {
                    key.names = names(snapshot, &settings.audience, &key, port);
                    if key.names.is_none() {
                        built.diagnostics.push(without_endpoints(service, index, port));
                        continue;
                    }
                }
                let cluster = |key: &_| outbound::resource(key, port, discovery);
                built.resources.push(memo.get(key, cluster));
            }
        }
    }
    built.diagnostics.extend(duplicate_ports(service, &snapshot.features));
    built
}

/// The endpoints that the cluster of a port resolves; None when there are none.
fn names(
    snapshot: &Snapshot,
    audience: &Audience,
    key: &outbound::Key,
    port: &Port,
) -> Option<Arc<Names>> {
    let rule = key.rule.as_ref().map(|Same(rule)| &**rule);
    let subset = rule.zip(key.subset).and_then(|(rule, index)| rule.spec.subsets.get(index));
    let Same(service) = &key.service;
    let client = endpoint::Client::new(snapshot, audience, service, rule, &Arc::default());
    let assignment = client.key(key.port, port, subset, key.purpose);
    let served = !assignment.localities().is_empty();
    served.then(|| Arc::new(Names { assignment, families: audience.families }))
}

/// A cluster that resolves names has none.
fn without_endpoints(service: &Service, index: usize, port: &Port) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(service.origin.clone()),
        path: format!("spec.ports[{index}]"),
        message: format!(
            "nothing serves port {} of {}, or a subset of it, so that proxies get no cluster for it; \
             list endpoints, or let the selector select some",
            port.number, service.key.hostname
        ),
        code: Code::NoEndpoints,
    }
}

/// The subsets of a rule that have a cluster, by index. The empty name is that of all endpoints.
pub fn named_subsets(rule: &MergedRule) -> impl Iterator<Item = usize> {
    let named = rule.spec.subsets.iter().enumerate().filter(|(_, subset)| !subset.name.is_empty());
    named.map(|(index, _)| index)
}

/// The ports of a service that have a cluster, with their index. Where two have one number, and thus one
/// name, the first counts.
pub fn ports<'a>(
    service: &'a Service,
    proxy: ProxyKind,
    features: &'a Features,
) -> impl Iterator<Item = (usize, &'a Port, Discovery)> {
    let with_cluster = move |port: &Port| {
        Discovery::of(service, port, proxy, features).map(|found| (port.number, found))
    };
    service.ports.iter().enumerate().filter_map(move |(index, port)| {
        let (number, discovery) = with_cluster(port)?;
        let taken = service.ports.iter().take(index).filter_map(with_cluster);
        taken.map(|(number, _)| number).all(|n| n != number).then_some((index, port, discovery))
    })
}

fn duplicate_ports(service: &Service, features: &Features) -> impl Iterator<Item = Diagnostic> {
    let tcp = |port: &&Port| Discovery::of(service, port, ProxyKind::Router, features).is_some();
    let ports = service.ports.iter().enumerate().filter(move |(_, port)| tcp(port));
    ports.filter_map(move |(index, port)| {
        let first =
            service.ports.iter().take(index).filter(tcp).find(|p| p.number == port.number)?;
        Some(Diagnostic {
            severity: Severity::Warning,
            location: None,
            object: Some(service.origin.clone()),
            path: format!("spec.ports[{index}].port"),
            message: format!(
                "port {} is already that of {:?} and is ignored here; give it another number",
                port.number, first.name
            ),
            code: Code::Other,
        })
    })
}

/// The clusters behind a sidecar's inbound listener.
pub fn inbound(
    context: &Context<'_>,
    ips: &[IpAddr],
    targets: &[ServiceTarget],
    memos: &mut Memos,
) -> Built {
    let Scope { families, preserve_case, .. } = *context.scope;
    let policy = memos.policies.get(context.snapshot);
    let mut built = Built::default();
    built
        .resources
        .push(memos.special(&policy, Special::InboundPassthrough { families, preserve_case }));
    let mut by_port: BTreeMap<u16, Vec<(&ServiceTarget, &Port)>> = BTreeMap::new();
    for target in ingress::of_services(context.scope, targets) {
        if let Some(port) = target.service.ports.get(target.port) {
            by_port.entry(target.target_port).or_default().push((target, port));
        }
    }
    for (target_port, targets) in by_port {
        let Some((&(first, port), others)) = targets.split_first() else { continue };
        let mut services = vec![Same(first.service.clone())];
        for (target, other) in others {
            let service = Same(target.service.clone());
            if !services.contains(&service) {
                services.push(service);
            }
            if other.protocol != port.protocol {
                built.diagnostics.push(protocol_conflict(first, port, target, other));
            }
        }
        let key = inbound::Key {
            target_port,
            services,
            port: (port.number, port.protocol),
            application: Application::AsMesh,
            sidecar: None,
            rule: inbound_rule(context, &first.service).cloned().map(Same),
            pool: ingress::pool(context.scope, target_port),
            policy: Same(policy.clone()),
            families,
            preserve_case,
        };
        built.resources.push(memos.inbound.get(key, |key| inbound::resource(key, port)));
    }
    for ingress in ingress::of(context.scope, ips).unwrap_or_default() {
        let Some(service) = ingress_service(context, &ingress, targets, memos) else { continue };
        let Ingress { port: number, protocol, .. } = ingress;
        let key = inbound::Key {
            target_port: number,
            rule: inbound_rule(context, &service).cloned().map(Same),
            services: vec![Same(service)],
            port: (number, protocol),
            application: ingress.application,
            sidecar: context.scope.sidecar.as_ref().map(|Same(sidecar)| sidecar.key()),
            pool: ingress::pool(context.scope, number),
            policy: Same(policy.clone()),
            families,
            preserve_case,
        };
        let target = TargetPort::Number(number);
        let port = Port { name: Str::default(), number, protocol, target };
        built.resources.push(memos.inbound.get(key, |key| inbound::resource(key, &port)));
    }
    built
}

/// The service that leads to a port that a Sidecar describes, or one that stands for the Sidecar.
fn ingress_service(
    context: &Context<'_>,
    ingress: &Ingress,
    targets: &[ServiceTarget],
    memos: &mut Memos,
) -> Option<Arc<Service>> {
    if let Some(target) = targets.iter().find(|target| target.target_port == ingress.port) {
        return Some(target.service.clone());
    }
    let Same(sidecar) = context.scope.sidecar.as_ref()?;
    let key = ServiceKey {
        hostname: ingress::name(context.scope)?,
        namespace: context.scope.namespace.clone(),
    };
    let key = (key, sidecar.key());
    Some(memos.stand_ins.get(key, |(key, origin)| stand_in(key, origin)))
}

/// A service that nobody defined, for the workloads of a Sidecar. None of the mesh's clients know it.
fn stand_in(key: &ServiceKey, origin: &ObjectKey) -> Service {
    Service {
        visibility: Visibility::Namespaces(Vec::new()),
        mesh_external: true,
        ..Service::new(key.clone(), Registry::External, origin.clone())
    }
}

/// The rule that a server follows for traffic to a service: that of its clients, as far as it sees the service itself.
fn inbound_rule<'a>(context: &Context<'a>, service: &Service) -> Option<&'a Arc<MergedRule>> {
    let seen = context.hosts.find(&service.key.hostname)?;
    context.snapshot.destination_rules.find_inbound(&context.scope.namespace, &seen.key)
}

/// Two services that lead to one port of a workload disagree on what is spoken there.
fn protocol_conflict(
    first: &ServiceTarget,
    port: &Port,
    target: &ServiceTarget,
    other: &Port,
) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(target.service.origin.clone()),
        path: format!("spec.ports[{}]", target.port),
        message: format!(
            "leads to port {} as {}, which the older {} declares as {}; the older one counts: \
             declare the same protocol in both",
            target.target_port,
            other.protocol.name(),
            first.service.origin,
            port.protocol.name(),
        ),
        code: Code::InboundListener,
    }
}
