//! The listener that takes a connection.
//!
//! Redirected connections of the application arrive at the listener that restores original destinations, which
//! hands them to the listener of that address: the address itself first, then the wildcard of its family, and if
//! there is none it keeps them. Redirected connections to the application stay with the one listener for them.

use std::net::{IpAddr, SocketAddr};

use super::address::tcp_socket;
use super::explanation::{Outcome, Passed, Step, StepKind, Trail};
use super::request::{Direction, Request};
use super::served::{Part, Served};
use crate::proto::envoy::envoy::config::core::v3::TrafficDirection;
use crate::proto::envoy::envoy::config::listener::v3::Listener;

/// The listener filter that restores where a redirected connection was going.
const ORIGINAL_DST: &str = "envoy.filters.listener.original_dst";

/// Chooses the listener.
pub(super) fn choose<'a>(
    served: &'a Served,
    request: &Request,
    trail: &mut Trail,
) -> Result<&'a Part<Listener>, Outcome> {
    let to = request.destination;
    let (part, reason) = match request.direction {
        Direction::Outbound if !to.ip().is_loopback() => outbound(served, to)?,
        // Redirection spares loopback addresses: an application that talks to one reaches what is bound there.
        Direction::Outbound => bound(served, to)?,
        Direction::Inbound => inbound(served, to)?,
        Direction::Bound => bound(served, to)?,
    };
    let mut step = Step::new(StepKind::Listener, &part.message.name, reason);
    step.origins = part.resource.origins.to_vec();
    step.passed_over = passed_over(served, to, part);
    trail.push(step);
    Ok(part)
}

type Choice<'a> = Result<(&'a Part<Listener>, String), Outcome>;

fn outbound(served: &Served, to: SocketAddr) -> Choice<'_> {
    let takes = |l: &Listener| l.use_original_dst.as_ref().is_some_and(|flag| flag.value);
    let Some(first) = served.listeners().iter().find(|part| takes(&part.message)) else {
        return bound(served, to);
    };
    Ok(by_address(served, to, |_| true).unwrap_or_else(|| {
        let why = format!("no listener has the address {to} or the wildcard of its port");
        (first, why)
    }))
}

fn inbound(served: &Served, to: SocketAddr) -> Choice<'_> {
    let is_inbound = |l: &Listener| l.traffic_direction() == TrafficDirection::Inbound;
    if let Some(own) = by_address(served, to, |l| is_inbound(l) && binds(l)) {
        return Ok(own);
    }
    let redirected = |l: &Listener| {
        is_inbound(l) && l.listener_filters.iter().any(|filter| filter.name == ORIGINAL_DST)
    };
    let found = served.listeners().iter().find(|part| redirected(&part.message));
    found
        .map(|part| (part, "takes every connection to the workload".to_owned()))
        .ok_or_else(|| Outcome::refused("the proxy takes no connections to the workload"))
}

fn bound(served: &Served, to: SocketAddr) -> Choice<'_> {
    by_address(served, to, binds).ok_or_else(|| {
        let mut ports: Vec<u16> = served
            .listeners()
            .iter()
            .filter(|part| binds(&part.message))
            .flat_map(|part| addresses(&part.message))
            .map(|address| address.port())
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let ports = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
        Outcome::refused(format!(
            "the proxy does not listen on {to}; the ports that it is bound to: {ports}"
        ))
    })
}

/// The listener of the address itself, else that of the wildcard of its port.
fn by_address(
    served: &Served,
    to: SocketAddr,
    allowed: impl Fn(&Listener) -> bool,
) -> Option<(&Part<Listener>, String)> {
    let wildcard = |address: &SocketAddr| {
        let v4 = address.ip() == IpAddr::from([0, 0, 0, 0]) && to.is_ipv4();
        // A socket of `::` takes both families.
        (v4 || address.ip() == IpAddr::from([0u16; 8])) && address.port() == to.port()
    };
    let find = |matches: &dyn Fn(&SocketAddr) -> bool| {
        served
            .listeners()
            .iter()
            .filter(|part| allowed(&part.message))
            .find(|part| addresses(&part.message).any(|address| matches(&address)))
    };
    let exact = find(&|address| *address == to).map(|part| (part, format!("has the address {to}")));
    exact.or_else(|| {
        let part = find(&wildcard)?;
        Some((part, format!("has the wildcard of port {}", to.port())))
    })
}

/// The other listeners of the port, which a user may have expected.
fn passed_over(served: &Served, to: SocketAddr, chosen: &Part<Listener>) -> Vec<Passed> {
    let others = served.listeners().iter().filter(|part| part.message.name != chosen.message.name);
    others
        .filter_map(|part| {
            let address = addresses(&part.message).find(|a| a.port() == to.port())?;
            let why = if address.ip() == to.ip() || address.ip().is_unspecified() {
                "less specific, or for another direction".to_owned()
            } else {
                format!("has the address {address}")
            };
            Some(Passed::new(&part.message.name, why))
        })
        .collect()
}

fn addresses(listener: &Listener) -> impl Iterator<Item = SocketAddr> + '_ {
    let first = tcp_socket(listener.address.as_ref());
    let more = listener.additional_addresses.iter();
    first.into_iter().chain(more.filter_map(|more| tcp_socket(more.address.as_ref())))
}

fn binds(listener: &Listener) -> bool {
    listener.bind_to_port.as_ref().is_none_or(|flag| flag.value)
}
