//! What routes lead to: hosts, ports and subsets of destinations.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::near::Near;
use super::{World, only_as_written, owners, seen_by};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::common::Destination;
use crate::api::{Diagnostic, Str};
use crate::model::virtual_service::MESH;
use crate::model::{Resolution, Routing, Service, ServiceKey, Visibility};

/// See the module.
pub(super) fn check<'a>(world: World<'a>, near: &mut Near<'a>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for routing in world.virtual_services.all() {
        let mut check = Check { world, near: &mut *near, routing };
        check.http(&mut told);
        check.streams(&mut told);
    }
    told
}

/// One VirtualService, with what it delegates to.
struct Check<'a, 'n> {
    world: World<'a>,
    near: &'n mut Near<'a>,
    routing: &'a Routing,
}

impl Check<'_, '_> {
    fn http(&mut self, told: &mut Vec<Diagnostic>) {
        let routing = self.routing;
        for (index, rule) in routing.spec.http.iter().enumerate() {
            let mut tell = |path: FieldPath, destination: &Destination| {
                if let Some((field, message)) = self.destination(destination) {
                    let issue = Issue::warning(field.below(&path), message);
                    told.push(routing.diagnose(index, issue));
                }
            };
            let to = |list: &str, at: usize| FieldPath::of(list).index(at).key("destination");
            for (at, one) in rule.route.iter().enumerate() {
                tell(to("route", at), &one.destination);
            }
            if let Some(mirror) = &rule.mirror {
                tell(FieldPath::of("mirror"), mirror);
            }
            for (at, one) in rule.mirrors.iter().enumerate() {
                tell(to("mirrors", at), &one.destination);
            }
        }
    }

    fn streams(&mut self, told: &mut Vec<Diagnostic>) {
        let spec = &self.routing.spec;
        let tls = spec.tls.iter().enumerate().map(|(at, rule)| ("tls", at, &rule.route));
        let tcp = spec.tcp.iter().enumerate().map(|(at, rule)| ("tcp", at, &rule.route));
        for (kind, rule, route) in tls.chain(tcp) {
            for (at, one) in route.iter().enumerate() {
                let Some((field, message)) = self.destination(&one.destination) else { continue };
                let path = FieldPath::of("spec").key(kind).index(rule);
                let path = path.key("route").index(at).key("destination");
                let issue = Issue::warning(field.below(&path), message);
                told.push(issue.of(&self.routing.config.key()));
            }
        }
    }

    /// What is wrong with a destination, and in which of its fields.
    fn destination(&mut self, to: &Destination) -> Option<(FieldPath, String)> {
        if to.host.is_empty() {
            return None;
        }
        let all = self.world.hosts.of(&to.host);
        if all.is_empty() {
            return Some((FieldPath::of("host"), self.unknown(&to.host)));
        }
        let mut seen = all.iter().filter(|service| self.sees(&service.visibility)).peekable();
        if seen.peek().is_none() {
            return Some((FieldPath::of("host"), self.unseen(all)));
        }
        let seen: Vec<&Arc<Service>> = seen.collect();
        if let Some(port) = to.port.as_ref().filter(|port| port.number != 0)
            && seen.iter().all(|service| lacks_port(service, port.number))
        {
            let path = FieldPath::of("port").key("number");
            return Some((path, unknown_port(&to.host, port.number, &seen)));
        }
        let subset = &*to.subset;
        if subset.is_empty() || seen.iter().any(|s| self.has_subset(&s.key, subset)) {
            return None;
        }
        Some((FieldPath::of("subset"), self.unknown_subset(to, &seen)))
    }

    /// Its own namespace is the one whose sidecars follow it.
    fn own_namespace(&self) -> Option<&Str> {
        let namespace = &self.routing.config.meta.namespace;
        let gateways = &self.routing.spec.gateways;
        let mesh = gateways.is_empty() || gateways.iter().any(|gateway| **gateway == *MESH);
        let own = mesh && self.routing.visibility.includes(namespace);
        (own && namespace != self.world.root_namespace).then_some(namespace)
    }

    /// Whether those who follow it can see what is seen so: its own namespace, or any that sees both.
    fn sees(&self, what: &Visibility) -> bool {
        match self.own_namespace() {
            Some(own) => what.includes(own),
            None => self.routing.visibility.meets(what),
        }
    }

    fn has_subset(&self, service: &ServiceKey, subset: &str) -> bool {
        let rules = self.world.rules;
        let own = rules.candidates(&self.routing.config.meta.namespace, service);
        own.iter().any(|rule| rule.subset(subset).is_some())
            || self.own_namespace().is_none()
                && rules.everywhere(service).any(|rule| rule.subset(subset).is_some())
    }

    fn unknown(&mut self, host: &Str) -> String {
        let nobody = format!("no service has the host {host}, so that what is sent there fails");
        match self.world.hosts.over(host) {
            Some(service) => format!("{nobody}; {}", only_as_written(host, service)),
            None => format!("{nobody}; {}", self.near.remedy(host)),
        }
    }

    fn unseen(&self, services: &[Arc<Service>]) -> String {
        let namespace = &self.routing.config.meta.namespace;
        let seen = seen_by(services).unwrap_or_default();
        format!(
            "{} has this host, but is exported to {seen} only: what clients of the namespace {namespace} send there \
             fails; add the namespace to its exportTo",
            owners(services)
        )
    }

    fn unknown_subset(&self, to: &Destination, seen: &[&Arc<Service>]) -> String {
        let namespace = &self.routing.config.meta.namespace;
        let rules = seen.iter().flat_map(|s| self.world.rules.candidates(namespace, &s.key));
        let mut applying = BTreeSet::new();
        let mut subsets = BTreeSet::new();
        for rule in rules {
            applying.extend(rule.origins().map(|key| key.to_string()));
            subsets.extend(rule.spec.subsets.iter().map(|subset| &*subset.name));
        }
        let fails = "so that what is sent there fails";
        let (subset, host) = (&to.subset, &to.host);
        if applying.is_empty() {
            return format!(
                "no DestinationRule of {host} applies here that defines the subset {subset:?}, {fails}; create one in \
                 the namespace of the service, or leave the subset out"
            );
        }
        let defined = match subsets.len() {
            0 => "no subsets".to_owned(),
            _ => subsets.into_iter().collect::<Vec<_>>().join(", "),
        };
        let applying = applying.into_iter().collect::<Vec<_>>().join(", ");
        format!(
            "{applying} does not define the subset {subset:?} of {host}, {fails}; it defines {defined}: name one of \
             these, or add it there"
        )
    }
}

/// An alias has the ports of what it stands for.
fn lacks_port(service: &Service, number: u32) -> bool {
    let has = u16::try_from(number).is_ok_and(|number| service.port(number).is_some());
    !has && service.resolution != Resolution::Alias
}

fn unknown_port(host: &str, number: u32, services: &[&Arc<Service>]) -> String {
    let ports: BTreeSet<u16> =
        services.iter().flat_map(|s| &s.ports).map(|port| port.number).collect();
    let ports: Vec<String> = ports.into_iter().map(|port| port.to_string()).collect();
    let ports = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
    format!("{host} has no port {number}, so that what is sent there fails; its ports are: {ports}")
}
