//! Destinations: which cluster one means, and the rule that its service has.

use std::collections::BTreeMap;

use super::{Audience, hash_policy};
use crate::api::networking::common::Destination;
use crate::api::networking::virtual_service::{HttpDestination, HttpRoute};
use crate::api::{ObjectKey, Str};
use crate::model::MergedRule;
use crate::proto::envoy::envoy::config::route::v3::route_action::HashPolicy;
use crate::translate::capability::Capability;
use crate::translate::common::name::outbound_cluster;
use crate::translate::memo::Same;
use crate::translate::session::Session;

/// The cluster of a destination without a host: there is none of this name.
pub(super) const UNKNOWN_CLUSTER: &str = "UnknownService";

/// What is known of the hosts that some rules name. Hosts of which nothing is known are not listed: requests to them
/// fail in Envoy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Destinations(BTreeMap<Str, Known>);

/// What matters of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Known {
    /// The host that it is another name for.
    alias_of: Option<Str>,
    /// Its port, if it has no other.
    only_port: Option<u16>,
    /// Its rule, if that says by what requests are hashed.
    rule: Option<Same<MergedRule>>,
    /// How sessions stay with its endpoints, where they do.
    session: Option<Session>,
}

impl Destinations {
    /// Of the hosts that these rules name.
    pub(super) fn of<'a>(
        rules: impl Iterator<Item = &'a HttpRoute>,
        audience: &Audience<'_>,
    ) -> Destinations {
        let mut all = BTreeMap::new();
        for rule in rules {
            let routes = rule.route.iter().map(|to| &to.destination);
            let mirrors = rule.mirrors.iter().map(|to| &to.destination);
            for destination in routes.chain(&rule.mirror).chain(mirrors) {
                if all.contains_key(&destination.host) {
                    continue;
                }
                let known = Known::of(&destination.host, audience);
                if known != Known::default() {
                    all.insert(destination.host.clone(), known);
                }
            }
        }
        Destinations(all)
    }

    /// The DestinationRules among what is known.
    pub(super) fn origins(&self) -> impl Iterator<Item = ObjectKey> {
        let rules = self.0.values().filter_map(|known| known.rule.as_ref());
        rules.flat_map(|Same(rule)| rule.sources.iter().map(|source| source.key()))
    }
}

impl Known {
    fn of(host: &str, audience: &Audience<'_>) -> Known {
        let Some(service) = audience.hosts.find(host) else { return Known::default() };
        let rule = audience.rules.of(&service.key).filter(|rule| hash_policy::is_in(rule));
        let rule = rule.cloned().map(Same);
        // A sidecar's listener knows services by the port that they have in common with it.
        let by_port = audience.is_port_of_mesh();
        if by_port && service.port(audience.port).is_none() {
            return Known { rule, ..Known::default() };
        }
        let able = audience.capabilities.has(Capability::StatefulSession);
        let session = able.then(|| Session::of(service, audience.session_labels)).flatten();
        let alias_of = Some(&service.external_name).filter(|name| !name.is_empty()).cloned();
        let only_port = match service.ports.as_slice() {
            [port] if !by_port => Some(port.number),
            _ => None,
        };
        Known { alias_of, only_port, rule, session }
    }
}

/// Finds clusters for the routes of one port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver<'a> {
    /// What is known of hosts.
    pub destinations: &'a Destinations,
    /// The port of a destination that neither says nor has but one.
    pub port: u16,
}

impl<'a> Resolver<'a> {
    /// The host and port that a destination means; None where it names no host.
    pub(super) fn address(&self, destination: &'a Destination) -> Option<(&'a str, u16)> {
        if destination.host.is_empty() {
            return None;
        }
        let known = self.destinations.0.get(&destination.host);
        let host = known.and_then(|known| known.alias_of.as_ref()).unwrap_or(&destination.host);
        let written = destination.port.as_ref().and_then(|port| u16::try_from(port.number).ok());
        let only = || known.and_then(|known| known.only_port);
        Some((host, written.or_else(only).unwrap_or(self.port)))
    }

    /// The cluster of a destination.
    pub(super) fn cluster(&self, destination: &'a Destination) -> String {
        match self.address(destination) {
            Some((host, port)) => outbound_cluster(port, &destination.subset, host),
            None => UNKNOWN_CLUSTER.to_owned(),
        }
    }

    /// How sessions stay with an endpoint: as the first destination wants that wants it at all.
    pub(super) fn session(&self, destinations: &[HttpDestination]) -> Option<&'a Session> {
        let several = destinations.len() > 1;
        let used = destinations.iter().filter(|to| !several || to.weight != 0);
        let mut known = used.filter_map(|to| self.destinations.0.get(&to.destination.host));
        known.find_map(|known| known.session.as_ref())
    }

    /// By what requests to a destination are hashed.
    pub(super) fn hash_policy(&self, to: &HttpDestination) -> Option<HashPolicy> {
        let known = self.destinations.0.get(&to.destination.host)?;
        let Same(rule) = known.rule.as_ref()?;
        hash_policy::of_destination(&rule.spec, &to.destination)
    }

    /// Whether the destination's rule asks for hashing, by whatever.
    pub(super) fn is_hashed(&self, to: &HttpDestination) -> bool {
        let known = self.destinations.0.get(&to.destination.host);
        let rule = known.and_then(|known| known.rule.as_ref());
        rule.is_some_and(|Same(rule)| hash_policy::asks(&rule.spec, &to.destination))
    }
}
