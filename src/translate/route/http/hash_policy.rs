//! By what requests are hashed, so that those that are alike go to the same endpoint: as the DestinationRule says.

use super::text;
use crate::api::networking::DestinationRule;
use crate::api::networking::common::Destination;
use crate::api::networking::destination_rule::{
    ConsistentHash, HttpCookie, LoadBalancer, PortTrafficPolicy, TrafficPolicy,
};
use crate::model::MergedRule;
use crate::proto::envoy::envoy::config::route::v3::route_action::HashPolicy;
use crate::proto::envoy::envoy::config::route::v3::route_action::hash_policy::{
    ConnectionProperties, Cookie, CookieAttribute, Header, PolicySpecifier, QueryParameter,
};
use crate::translate::common::value::duration;

/// Whether a rule asks for hashing anywhere.
pub fn is_in(rule: &MergedRule) -> bool {
    let in_policy = |policy: &TrafficPolicy| {
        let ports = policy.port_level_settings.iter().any(|port| of_port(port).is_some());
        ports || of_balancer(policy.load_balancer.as_ref()).is_some()
    };
    let subsets = rule.spec.subsets.iter().filter_map(|subset| subset.traffic_policy.as_ref());
    rule.spec.traffic_policy.iter().chain(subsets).any(in_policy)
}

/// For requests to a port of a service that no VirtualService routes.
pub fn of_service(rule: &DestinationRule, port: u16) -> Option<HashPolicy> {
    let policy = rule.traffic_policy.as_ref()?;
    let ports = &policy.port_level_settings;
    let own = ports.iter().find(|settings| is_port(settings, u32::from(port))).and_then(of_port);
    convert(own.or_else(|| of_balancer(policy.load_balancer.as_ref()))?)
}

/// For requests to a destination.
pub(super) fn of_destination(rule: &DestinationRule, to: &Destination) -> Option<HashPolicy> {
    find(rule, to).and_then(convert)
}

/// Whether requests to a destination are hashed, be it by something or not.
pub(super) fn asks(rule: &DestinationRule, to: &Destination) -> bool {
    find(rule, to).is_some()
}

/// The settings for a destination: of its port in its subset, of its subset, of its port, of all. A port counts only
/// where the destination names it.
fn find<'a>(rule: &'a DestinationRule, to: &Destination) -> Option<&'a ConsistentHash> {
    let subset = rule.subsets.iter().find(|subset| subset.name == to.subset);
    let subset = subset.and_then(|subset| subset.traffic_policy.as_ref());
    let of_named_port = |policy: &'a TrafficPolicy| {
        let number = to.port.as_ref()?.number;
        let settings = policy.port_level_settings.iter().find(|port| is_port(port, number))?;
        of_port(settings)
    };
    let of_all = |policy: &'a TrafficPolicy| of_balancer(policy.load_balancer.as_ref());
    let top = rule.traffic_policy.as_ref();
    subset
        .and_then(of_named_port)
        .or_else(|| subset.and_then(of_all))
        .or_else(|| top.and_then(of_named_port))
        .or_else(|| top.and_then(of_all))
}

fn is_port(settings: &PortTrafficPolicy, number: u32) -> bool {
    settings.port.as_ref().is_some_and(|port| port.number == number)
}

fn of_port(settings: &PortTrafficPolicy) -> Option<&ConsistentHash> {
    of_balancer(settings.load_balancer.as_ref())
}

fn of_balancer(balancer: Option<&LoadBalancer>) -> Option<&ConsistentHash> {
    balancer?.consistent_hash.as_ref()
}

fn convert(hash: &ConsistentHash) -> Option<HashPolicy> {
    let specifier = if let Some(name) = &hash.http_header_name {
        if !text::is_header_name(name) {
            return None;
        }
        PolicySpecifier::Header(Header { header_name: name.to_string(), ..Header::default() })
    } else if let Some(cookie) = &hash.http_cookie {
        PolicySpecifier::Cookie(of_cookie(cookie)?)
    } else if let Some(source_ip) = hash.use_source_ip {
        PolicySpecifier::ConnectionProperties(ConnectionProperties { source_ip })
    } else {
        let name = hash.http_query_parameter_name.as_ref().filter(|name| !name.is_empty())?;
        PolicySpecifier::QueryParameter(QueryParameter { name: name.to_string() })
    };
    Some(HashPolicy { terminal: false, policy_specifier: Some(specifier) })
}

fn of_cookie(cookie: &HttpCookie) -> Option<Cookie> {
    let attributes = cookie.attributes.iter().map(|attribute| CookieAttribute {
        name: attribute.name.to_string(),
        value: attribute.value.to_string(),
    });
    (!cookie.name.is_empty()).then(|| Cookie {
        name: cookie.name.to_string(),
        ttl: cookie.ttl.map(|ttl| duration(ttl.0)),
        path: cookie.path.to_string(),
        attributes: attributes.collect(),
    })
}
