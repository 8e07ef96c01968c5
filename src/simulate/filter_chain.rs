//! The filter chain of a connection.
//!
//! Envoy looks at one property after another, in a fixed order. At each, the chains that name the most specific
//! value that fits stay, and the others are out for good: there is no way back to a chain that was less specific at
//! an earlier property. Where none is left, the default chain takes the connection.

use super::address::{longest_prefix, ranges};
use super::explanation::{Outcome, Passed, Step, StepKind, Trail};
use super::inspect::{Seen, Unseen};
use crate::proto::envoy::envoy::config::listener::v3::filter_chain_match::ConnectionSourceType;
use crate::proto::envoy::envoy::config::listener::v3::{FilterChain, FilterChainMatch, Listener};

/// How specific a chain is at a property: None when it does not fit, 0 when it does not ask.
type Rank = Option<u32>;

/// A property: its rank, and what the chain wants, for people.
struct Property {
    rank: fn(&FilterChainMatch, &Seen) -> Rank,
    wants: fn(&FilterChainMatch) -> String,
    has: fn(&Seen) -> String,
}

/// In the order in which Envoy looks at them.
const PROPERTIES: [Property; 9] = [
    Property {
        rank: |m, seen| match &m.destination_port {
            Some(port) => (port.value == u32::from(seen.destination.port())).then_some(1),
            None => Some(0),
        },
        wants: |m| format!("port {}", m.destination_port.as_ref().map_or(0, |port| port.value)),
        has: |seen| format!("the port is {}", seen.destination.port()),
    },
    Property {
        rank: |m, seen| match m.prefix_ranges.as_slice() {
            [] => Some(0),
            prefixes => longest_prefix(prefixes, seen.destination.ip()),
        },
        wants: |m| format!("addresses {}", ranges(&m.prefix_ranges)),
        has: |seen| format!("the address is {}", seen.destination.ip()),
    },
    Property {
        rank: |m, seen| match m.server_names.as_slice() {
            [] => Some(0),
            names => names.iter().filter_map(|name| server_name(name, &seen.server_name)).max(),
        },
        wants: |m| format!("server names {}", m.server_names.join(", ")),
        has: |seen| match (&*seen.server_name, seen.unseen) {
            ("", Some(why @ Unseen::Tls)) => format!("no server name is known: {why}"),
            ("", _) => "there is no server name".to_owned(),
            (name, _) => format!("the server name is {name}"),
        },
    },
    Property {
        rank: |m, seen| match &*m.transport_protocol {
            "" => Some(0),
            protocol => (protocol == seen.transport).then_some(1),
        },
        wants: |m| format!("transport protocol {}", m.transport_protocol),
        has: |seen| match seen.unseen {
            Some(why @ Unseen::Tls) => format!("it counts as {}: {why}", seen.transport),
            _ => format!("it is {}", seen.transport),
        },
    },
    Property {
        // The client's order decides between chains, so an earlier protocol of it ranks higher.
        rank: |m, seen| match m.application_protocols.as_slice() {
            [] => Some(0),
            wanted => {
                let at = seen.protocols.iter().position(|protocol| wanted.contains(protocol))?;
                u32::try_from(at).ok().map(|at| u32::MAX - at)
            }
        },
        wants: |m| format!("application protocols {}", m.application_protocols.join(", ")),
        has: |seen| match (seen.protocols.as_slice(), seen.unseen) {
            ([], Some(why)) => format!("none is known: {why}"),
            ([], None) => "there is none".to_owned(),
            (known, _) => format!("it offers {}", known.join(", ")),
        },
    },
    Property {
        rank: |m, seen| match m.direct_source_prefix_ranges.as_slice() {
            [] => Some(0),
            prefixes => longest_prefix(prefixes, seen.source.ip()),
        },
        wants: |m| format!("direct sources {}", ranges(&m.direct_source_prefix_ranges)),
        has: |seen| format!("the source is {}", seen.source.ip()),
    },
    Property {
        rank: |m, seen| {
            let local = seen.source.ip() == seen.destination.ip() || seen.source.ip().is_loopback();
            match m.source_type() {
                ConnectionSourceType::Any => Some(0),
                ConnectionSourceType::SameIpOrLoopback => local.then_some(1),
                ConnectionSourceType::External => (!local).then_some(1),
            }
        },
        wants: |m| format!("sources of type {}", m.source_type().as_str_name()),
        has: |seen| format!("the source is {}", seen.source.ip()),
    },
    Property {
        rank: |m, seen| match m.source_prefix_ranges.as_slice() {
            [] => Some(0),
            prefixes => longest_prefix(prefixes, seen.source.ip()),
        },
        wants: |m| format!("sources {}", ranges(&m.source_prefix_ranges)),
        has: |seen| format!("the source is {}", seen.source.ip()),
    },
    Property {
        rank: |m, seen| match m.source_ports.as_slice() {
            [] => Some(0),
            ports => ports.contains(&u32::from(seen.source.port())).then_some(1),
        },
        wants: |m| format!("source ports {:?}", m.source_ports),
        has: |seen| format!("the source port is {}", seen.source.port()),
    },
];

/// Chooses the filter chain.
pub(super) fn choose<'a>(
    listener: &'a Listener,
    seen: &Seen,
    trail: &mut Trail,
) -> Result<&'a FilterChain, Outcome> {
    if listener.filter_chain_matcher.is_some() {
        return Err(Outcome::unknown("the listener chooses filter chains by a matcher tree"));
    }
    let mut left: Vec<(usize, &FilterChain)> = listener.filter_chains.iter().enumerate().collect();
    let mut passed = Vec::new();
    let everything = FilterChainMatch::default();
    for property in &PROPERTIES {
        let ranked: Vec<((usize, &FilterChain), Rank)> = left
            .iter()
            .map(|&(at, chain)| {
                let wanted = chain.filter_chain_match.as_ref().unwrap_or(&everything);
                ((at, chain), (property.rank)(wanted, seen))
            })
            .collect();
        let best = ranked.iter().filter_map(|(_, rank)| *rank).max();
        left = Vec::new();
        for ((at, chain), rank) in ranked {
            let wanted = chain.filter_chain_match.as_ref().unwrap_or(&everything);
            match rank {
                rank if rank.is_some() && rank == best => left.push((at, chain)),
                None => {
                    let (wants, has) = ((property.wants)(wanted), (property.has)(seen));
                    passed
                        .push((at, Passed::new(label(at, chain), format!("wants {wants}; {has}"))));
                }
                Some(_) => {
                    let why = format!("another chain is more specific: {}", (property.has)(seen));
                    passed.push((at, Passed::new(label(at, chain), why)));
                }
            }
        }
    }
    passed.sort_by_key(|(at, _)| *at);
    let (name, reason, chain) = match (left.first(), &listener.default_filter_chain) {
        (Some((at, chain)), _) => (label(*at, chain), reason(chain), *chain),
        (None, Some(default)) => {
            let name = format!("default {:?}", default.name);
            (name, "no other matches".to_owned(), default)
        }
        (None, None) => {
            let all: Vec<String> =
                passed.iter().map(|(_, p)| format!("{}: {}", p.name, p.reason)).collect();
            return Err(Outcome::refused(format!(
                "no filter chain of the listener matches ({})",
                if all.is_empty() { "it has none".to_owned() } else { all.join("; ") }
            )));
        }
    };
    let mut step = Step::new(StepKind::FilterChain, name, reason);
    step.passed_over = passed.into_iter().map(|(_, passed)| passed).collect();
    trail.push(step);
    Ok(chain)
}

/// `NUMBER "NAME"`: several chains of a listener may have one name.
fn label(at: usize, chain: &FilterChain) -> String {
    match &*chain.name {
        "" => at.to_string(),
        name => format!("{at} {name:?}"),
    }
}

/// What the chosen chain asked for.
fn reason(chain: &FilterChain) -> String {
    let everything = FilterChainMatch::default();
    let wanted = chain.filter_chain_match.as_ref().unwrap_or(&everything);
    let asked = [
        wanted.destination_port.is_some(),
        !wanted.prefix_ranges.is_empty(),
        !wanted.server_names.is_empty(),
        !wanted.transport_protocol.is_empty(),
        !wanted.application_protocols.is_empty(),
        !wanted.direct_source_prefix_ranges.is_empty(),
        wanted.source_type() != ConnectionSourceType::Any,
        !wanted.source_prefix_ranges.is_empty(),
        !wanted.source_ports.is_empty(),
    ];
    let told: Vec<String> = PROPERTIES
        .iter()
        .zip(asked)
        .filter(|(_, asks)| *asks)
        .map(|(property, _)| (property.wants)(wanted))
        .collect();
    if told.is_empty() { "takes everything".to_owned() } else { told.join(", ") }
}

/// An exact name before wildcards, a longer wildcard before shorter ones. `*.x` stands for names below `x`.
fn server_name(pattern: &str, name: &str) -> Rank {
    let pattern = pattern.to_ascii_lowercase();
    if name.is_empty() {
        return None;
    }
    match pattern.strip_prefix('*') {
        Some(suffix) => (name.len() > suffix.len() && name.ends_with(suffix))
            .then(|| u32::try_from(suffix.len()).unwrap_or(u32::MAX - 1)),
        None => (pattern == name).then_some(u32::MAX),
    }
}

#[cfg(test)]
mod tests;
