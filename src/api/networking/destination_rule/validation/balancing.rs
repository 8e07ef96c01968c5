//! What the choice of endpoints must satisfy.

use std::collections::BTreeSet;

use super::locality;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::destination_rule::{ConsistentHash, HttpCookie, LoadBalancer, Warmup};
use crate::api::rules::{at_most_one, durations};

/// Envoy's largest table of Maglev is below this.
const MAGLEV_LIMIT: u64 = 5_000_011;

/// How endpoints are chosen; `ejects` when outlier detection leaves some out.
pub(super) fn validate(balancer: &LoadBalancer, ejects: bool, at: &Place<'_>, issues: &mut Issues) {
    let set = [
        ("simple", balancer.simple.is_some()),
        ("consistentHash", balancer.consistent_hash.is_some()),
    ];
    at_most_one(&set, at, issues);
    if let Some(hash) = &balancer.consistent_hash {
        validate_hash(hash, &at.key("consistentHash"), issues);
    }
    if let Some(locality) = &balancer.locality_lb_setting {
        locality::validate(locality, ejects, &at.key("localityLbSetting"), issues);
    }
    if let Some(warmup) = &balancer.warmup {
        validate_warmup(warmup, &at.key("warmup"), issues);
    }
}

fn validate_hash(hash: &ConsistentHash, at: &Place<'_>, issues: &mut Issues) {
    let keys = [
        ("httpHeaderName", hash.http_header_name.is_some()),
        ("httpCookie", hash.http_cookie.is_some()),
        ("useSourceIp", hash.use_source_ip.is_some()),
        ("httpQueryParameterName", hash.http_query_parameter_name.is_some()),
    ];
    at_most_one(&keys, at, issues);
    at_most_one(
        &[("ringHash", hash.ring_hash.is_some()), ("maglev", hash.maglev.is_some())],
        at,
        issues,
    );
    if let Some(cookie) = &hash.http_cookie {
        validate_cookie(cookie, &at.key("httpCookie"), issues);
    }
    if hash.minimum_ring_size != 0 {
        let at = at.key("minimumRingSize");
        issues.warn(at, "is deprecated: use ringHash.minimumRingSize");
        if hash.ring_hash.is_some() || hash.maglev.is_some() {
            issues.error(
                at,
                "only one of minimumRingSize, ringHash and maglev can be given: remove it",
            );
        }
    }
    if let Some(maglev) = &hash.maglev {
        let at = at.key("maglev");
        let at = at.key("tableSize");
        match maglev.table_size {
            0 => {
                issues.error(at, "the table size of maglev is required: give a prime such as 65537")
            }
            MAGLEV_LIMIT.. => {
                issues.error(at, format!("the table size must be less than {MAGLEV_LIMIT}"))
            }
            size if !is_prime(size) => {
                issues.error(
                    at,
                    format!("{size} is not prime: the table size of maglev must be a prime number"),
                );
            }
            _ => {}
        }
    }
}

/// Of numbers below [`MAGLEV_LIMIT`].
fn is_prime(number: u64) -> bool {
    number > 1
        && (2..)
            .take_while(|factor| factor * factor <= number)
            .all(|factor| !number.is_multiple_of(factor))
}

fn validate_cookie(cookie: &HttpCookie, at: &Place<'_>, issues: &mut Issues) {
    if cookie.name.is_empty() {
        issues.error(at.key("name"), "the name of the cookie is required");
    }
    let at = at.key("attributes");
    let mut names = BTreeSet::new();
    for (index, attribute) in cookie.attributes.iter().enumerate() {
        let at = at.index(index);
        let at = at.key("name");
        if attribute.name.is_empty() {
            issues.error(at, "the name of a cookie's attribute is required");
        } else if !names.insert(&attribute.name) {
            issues
                .error(at, format!("duplicate attribute {:?}: remove one of them", attribute.name));
        }
    }
}

fn validate_warmup(warmup: &Warmup, at: &Place<'_>, issues: &mut Issues) {
    if warmup.duration.is_none() {
        issues.error(
            at.key("duration"),
            "the duration is required: say how long endpoints are warmed up",
        );
    }
    durations::positive(warmup.duration, &at.key("duration"), issues);
    if let Some(percent) = warmup.minimum_percent.filter(|percent| !(0.0..=100.0).contains(percent))
    {
        let message = format!("minimumPercent {percent} is not in the range 0..100");
        issues.error(at.key("minimumPercent"), message);
    }
    if let Some(aggression) =
        warmup.aggression.filter(|aggression| aggression.is_nan() || *aggression < 1.0)
    {
        let message = format!("aggression {aggression} must be greater than or equal to 1");
        issues.error(at.key("aggression"), message);
    }
}
