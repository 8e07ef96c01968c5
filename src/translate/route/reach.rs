//! Which VirtualService is for which of the services that one egress listener reaches.
//!
//! A VirtualService is for a service that it names. One that names it by a wildcard is for it where no other names it
//! better. Who comes first counts where several name it alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::api::host::{is_wildcard, overlap};
use crate::model::{Routing, Service};

/// See the module.
#[derive(Debug)]
pub struct Reach<'a> {
    /// The services, the first of each host name.
    pub services: &'a [Arc<Service>],
    /// The VirtualServices, in the order in which they count.
    pub routing: &'a [Arc<Routing>],
    by_host: HashMap<&'a str, usize, rapidhash::fast::RandomState>,
    /// The services on each port, whatever they speak.
    by_port: BTreeMap<u16, Vec<usize>>,
    /// For each VirtualService, the services that it is for.
    matched: Vec<Vec<usize>>,
    /// The VirtualServices that are for a service on a port.
    routed: BTreeMap<u16, BTreeSet<usize>>,
}

impl<'a> Reach<'a> {
    /// Of these services and VirtualServices.
    pub fn new(services: &'a [Arc<Service>], routing: &'a [Arc<Routing>]) -> Reach<'a> {
        let mut by_port = BTreeMap::<u16, Vec<usize>>::new();
        let mut by_host = HashMap::with_capacity_and_hasher(services.len(), Default::default());
        for (index, service) in services.iter().enumerate() {
            by_host.entry(&*service.key.hostname).or_insert(index);
            for port in &service.ports {
                by_port.entry(port.number).or_default().push(index);
            }
        }
        let mut reach = Reach {
            services,
            routing,
            by_host,
            by_port,
            matched: Vec::new(),
            routed: BTreeMap::new(),
        };
        reach.matched = reach.find();
        for (vs, matched) in reach.matched.iter().enumerate() {
            for service in matched.iter().filter_map(|index| services.get(*index)) {
                for port in &service.ports {
                    reach.routed.entry(port.number).or_default().insert(vs);
                }
            }
        }
        reach
    }

    fn find(&self) -> Vec<Vec<usize>> {
        let best = Best::of(self.routing);
        let mut by_wildcard: HashMap<usize, Vec<usize>> = HashMap::new();
        if !best.wildcards.is_empty() {
            for (index, service) in self.services.iter().enumerate() {
                if let Some(vs) = best.find(&service.key.hostname) {
                    by_wildcard.entry(vs).or_default().push(index);
                }
            }
        }
        let of = |(vs, routing): (usize, &Arc<Routing>)| {
            let mut matched: Vec<usize> = Vec::new();
            for host in &routing.spec.hosts {
                let found = match is_wildcard(host) {
                    false => self.by_host.get(&**host).into_iter().copied().collect(),
                    true => {
                        let candidates = by_wildcard.get(&vs).map_or(&[][..], Vec::as_slice);
                        let host_of =
                            |index: usize| self.services.get(index).map(|s| &*s.key.hostname);
                        let covered = candidates.iter().copied();
                        covered
                            .filter(|i| host_of(*i).is_some_and(|name| overlap(host, name)))
                            .collect::<Vec<usize>>()
                    }
                };
                for index in found {
                    if !matched.contains(&index) {
                        matched.push(index);
                    }
                }
            }
            matched
        };
        self.routing.iter().enumerate().map(of).collect()
    }

    /// The VirtualServices that may have something for a port, in order. All may for port 80, on which they are for
    /// hosts that no service has, too.
    pub fn routing_on(&self, port: Option<u16>) -> Vec<usize> {
        match port {
            Some(80) => (0..self.routing.len()).collect(),
            Some(port) => {
                self.routed.get(&port).map_or_else(Vec::new, |all| all.iter().copied().collect())
            }
            None => {
                let all = self.matched.iter().enumerate();
                all.filter(|(_, matched)| !matched.is_empty()).map(|(index, _)| index).collect()
            }
        }
    }

    /// The services that a VirtualService is for.
    pub fn matched(&self, routing: usize) -> impl Iterator<Item = usize> {
        self.matched.get(routing).into_iter().flatten().copied()
    }

    /// Indexes of the services on a port, or of all.
    pub fn services_on(&self, port: Option<u16>) -> Vec<usize> {
        match port {
            Some(port) => self.by_port.get(&port).cloned().unwrap_or_default(),
            None => (0..self.services.len()).collect(),
        }
    }

    /// Whether a service on the port, or on any, has a host name that a VirtualService's host stands for.
    pub fn is_service(&self, host: &str, port: Option<u16>) -> bool {
        let on_port = |service: &Service| port.is_none_or(|port| service.port(port).is_some());
        if is_wildcard(host) {
            return self.services.iter().any(|s| on_port(s) && overlap(host, &s.key.hostname));
        }
        let found = self.by_host.get(host).and_then(|index| self.services.get(*index));
        found.is_some_and(|service| on_port(service))
    }
}

/// The first VirtualService for each host that one of them names.
struct Best<'a> {
    exact: HashMap<&'a str, usize>,
    /// By what follows the `*`.
    wildcards: HashMap<&'a str, usize>,
}

impl<'a> Best<'a> {
    fn of(routing: &'a [Arc<Routing>]) -> Best<'a> {
        let mut best = Best { exact: HashMap::new(), wildcards: HashMap::new() };
        for (index, routing) in routing.iter().enumerate() {
            for host in &routing.spec.hosts {
                match host.strip_prefix('*') {
                    Some(suffix) => best.wildcards.entry(suffix).or_insert(index),
                    None => best.exact.entry(host).or_insert(index),
                };
            }
        }
        best
    }

    /// The one that names a service best: by its name, else by the longest wildcard.
    fn find(&self, hostname: &str) -> Option<usize> {
        let name = hostname.strip_prefix('*').unwrap_or(hostname);
        let exact = (!is_wildcard(hostname)).then(|| self.exact.get(hostname)).flatten();
        let suffixes = || name.char_indices().filter_map(|(at, _)| name.get(at..)).chain([""]);
        exact.or_else(|| suffixes().find_map(|suffix| self.wildcards.get(suffix))).copied()
    }
}
