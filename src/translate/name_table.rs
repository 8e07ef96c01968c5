//! The name table (NDS) of istio-agent's DNS proxy: addresses by host name.
//!
//! A service is found under its full name with its virtual addresses, a headless one with those of its
//! endpoints, each of which has a name of its own too if its pod has a host name. Short names are the agent's
//! business. There is one table, without a name.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::listener::bind::{direct_addresses, in_cluster, reachable_addresses};
use super::memo::{Counts, Recent, ResourceMemo, Same};
use super::resource::Resource;
use super::scope::Families;
use super::translator::{Built, Context};
use super::visible::Egress;
use crate::api::{ObjectKey, Str};
use crate::model::{Endpoint, Health, Registry, Resolution, Service, ServiceEndpoints, ServiceKey};
use crate::proto::encode::encode;
use crate::proto::nds::NameTable;
use crate::proto::nds::name_table::NameInfo;

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {
    headless: Recent<Same<[Egress]>, Vec<Arc<Service>>>,
    built: Recent<Inputs, Built>,
    tables: ResourceMemo<Inputs>,
}

impl Memos {
    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        self.built.sweep();
        self.tables.sweep();
        self.headless.sweep();
    }

    /// How many resources were built, and how many were found, since the start.
    pub fn counts(&self) -> Counts {
        self.tables.counts()
    }
}

/// What the table of a scope depends on. Endpoints matter for headless services only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Inputs {
    egress: Same<[Egress]>,
    headless: Vec<(ServiceKey, Same<ServiceEndpoints>)>,
    cluster: Str,
    network: Str,
    families: Families,
    dns_capture: bool,
}

/// The table of all host names that the scope sees.
pub fn build(context: &Context<'_>, memos: &mut Memos) -> Arc<Built> {
    let Context { snapshot, scope, visible, .. } = *context;
    let Memos { headless, built, tables } = memos;
    let headless = headless.get(Same(visible.egress.clone()), |_| {
        listed(context).filter(|service| service.is_at_endpoints()).cloned().collect()
    });
    let headless = headless.iter().filter_map(|service| {
        Some((service.key.clone(), Same(snapshot.endpoints(&service.key)?.clone())))
    });
    let inputs = Inputs {
        egress: Same(visible.egress.clone()),
        headless: headless.collect(),
        cluster: scope.cluster.clone(),
        network: scope.network.clone(),
        families: scope.families,
        dns_capture: scope.dns_capture,
    };
    built.get(inputs, |inputs| {
        let resource = tables.get(inputs.clone(), |_| {
            let (table, origins) = table(context);
            Resource::new("".into(), encode(&table), origins)
        });
        Built { resources: vec![resource], ..Built::default() }
    })
}

/// The services that the scope imports itself. Those that VirtualServices lead to are nobody's to ask for.
fn listed<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a Arc<Service>> + use<'a> {
    let mut seen = HashSet::new();
    let listeners = context.visible.egress.iter();
    listeners.flat_map(|egress| egress.services.0.iter()).filter(move |s| seen.insert(&s.key))
}

fn table(context: &Context<'_>) -> (NameTable, Vec<ObjectKey>) {
    let mut table: BTreeMap<String, NameInfo> = BTreeMap::new();
    let mut origins = Vec::new();
    for service in listed(context).filter(|s| s.resolution != Resolution::Alias) {
        let entries = if service.is_at_endpoints() {
            headless_entries(context, service)
        } else {
            let ips = reachable_addresses(service, context.scope);
            vec![(service.key.hostname.to_string(), info(service, &service.name, &ips))]
        };
        let mut told = false;
        for (host, entry) in entries.into_iter().filter(|(_, entry)| !entry.ips.is_empty()) {
            // Kubernetes' word stands against that of other registries, whose addresses add up.
            let external = Registry::External.name();
            match table.get_mut(&host) {
                Some(known) if known.registry == external && entry.registry == external => {
                    known.ips.extend(entry.ips);
                }
                Some(known) if known.registry != external => continue,
                _ => {
                    table.insert(host, entry);
                }
            }
            told = true;
        }
        if told {
            origins.push(service.origin.clone());
        }
    }
    (NameTable { table }, origins)
}

/// The service with the addresses of all its endpoints, and each endpoint that has a host name.
fn headless_entries(context: &Context<'_>, service: &Service) -> Vec<(String, NameInfo)> {
    let Some(endpoints) = context.snapshot.endpoints(&service.key) else { return Vec::new() };
    let reached: Vec<(&Endpoint, IpAddr)> = endpoints
        .by_port
        .values()
        .flat_map(|list| list.iter())
        .filter(|endpoint| endpoint.health == Health::Healthy)
        .flat_map(|endpoint| {
            direct_addresses(endpoint, context.scope).map(move |ip| (endpoint, ip))
        })
        .collect();
    let mut all: Vec<IpAddr> = Vec::new();
    let mut pods: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    let mut far_pods: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for (endpoint, ip) in reached {
        let near = in_cluster(endpoint, context.scope);
        let named = if near { &mut pods } else { &mut far_pods };
        let pod = pod_name(endpoint, service).map(|name| named.entry(name).or_default());
        let whole = (near || context.scope.features.remote_headless).then_some(&mut all);
        for list in [whole, pod].into_iter().flatten() {
            if !list.contains(&ip) {
                list.push(ip);
            }
        }
    }
    // A pod's name means the one in the client's own cluster, if there is one.
    for (name, ips) in far_pods {
        pods.entry(name).or_insert(ips);
    }
    let domain = service.key.hostname.split_once('.').map_or("", |(_, domain)| domain);
    let mut entries = vec![(service.key.hostname.to_string(), info(service, &service.name, &all))];
    entries.extend(pods.into_iter().map(|(short_name, ips)| {
        (format!("{short_name}.{domain}"), info(service, &short_name, &ips))
    }));
    entries
}

/// `HOSTNAME.SUBDOMAIN` of the endpoint's pod. The subdomain of a pod that does not tell it is the service.
fn pod_name(endpoint: &Endpoint, service: &Service) -> Option<String> {
    let workload = endpoint.workload.as_deref();
    let hostname = Some(&endpoint.hostname)
        .filter(|h| !h.is_empty())
        .or_else(|| workload.map(|w| &w.hostname).filter(|h| !h.is_empty()))?;
    let subdomain = workload.map(|w| &w.subdomain).filter(|s| !s.is_empty());
    Some(format!("{hostname}.{}", subdomain.unwrap_or(&service.name)))
}

fn info(service: &Service, short_name: &str, ips: &[IpAddr]) -> NameInfo {
    let ips = ips.iter().map(IpAddr::to_string).collect();
    let registry = service.registry.name().to_owned();
    match service.registry {
        Registry::Kubernetes => NameInfo {
            ips,
            registry,
            shortname: short_name.to_owned(),
            namespace: service.key.namespace.to_string(),
            alt_hosts: Vec::new(),
        },
        Registry::External => NameInfo { ips, registry, ..NameInfo::default() },
    }
}
