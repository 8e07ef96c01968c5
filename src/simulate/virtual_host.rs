//! The virtual host of a host name: an exact domain first, then the longest `*.suffix`, then the longest
//! `prefix.*`, then `*`. In any case of letters.

use super::explanation::{Passed, Step, StepKind};
use crate::proto::envoy::envoy::config::route::v3::{RouteConfiguration, VirtualHost};

/// How well a domain fits; a later variant, or a longer wildcard, is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Any,
    Prefix(usize),
    Suffix(usize),
    Exact,
}

/// Why a virtual host was chosen that takes every host: a user may have meant another one.
pub(super) const CATCH_ALL: &str = "takes every host, and none has a domain for this one";

/// The most domains that a reason names.
const SHOWN: usize = 4;

/// The virtual host of a host, and the step that tells of it.
///
/// # Errors
/// The virtual hosts, each with why it is not for the host.
pub(super) fn choose<'a>(
    config: &'a RouteConfiguration,
    authority: &str,
) -> Result<(&'a VirtualHost, Step), Vec<Passed>> {
    let host = host(config, authority);
    let mut best: Option<(Fit, &VirtualHost, &str)> = None;
    for candidate in &config.virtual_hosts {
        if let Some((fit, domain)) = best_domain(candidate, &host) {
            // Of equal ones the first counts, though an Envoy would refuse them.
            if best.is_none_or(|(known, ..)| fit > known) {
                best = Some((fit, candidate, domain));
            }
        }
    }
    let passed = |chosen: Option<&VirtualHost>| {
        let others = config
            .virtual_hosts
            .iter()
            .filter(|other| chosen.is_none_or(|chosen| !std::ptr::eq(chosen, *other)));
        others.map(|other| Passed::new(&other.name, why_not(other, &host))).collect::<Vec<_>>()
    };
    let Some((fit, chosen, domain)) = best else { return Err(passed(None)) };
    let reason = match fit {
        Fit::Exact => format!("has the domain {domain}"),
        Fit::Any => CATCH_ALL.to_owned(),
        Fit::Prefix(_) | Fit::Suffix(_) => {
            format!("has {domain}, the most specific domain for {host}")
        }
    };
    let mut step = Step::new(StepKind::VirtualHost, &chosen.name, reason);
    step.passed_over = passed(Some(chosen));
    Ok((chosen, step))
}

/// The host to look for.
fn host(config: &RouteConfiguration, authority: &str) -> String {
    let host = match config.ignore_port_in_host_matching {
        true => without_port(authority),
        false => authority,
    };
    host.to_ascii_lowercase()
}

/// The host without its port.
pub(super) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty()
                && port.bytes().all(|b| b.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => authority,
    }
}

fn best_domain<'a>(candidate: &'a VirtualHost, host: &str) -> Option<(Fit, &'a str)> {
    let fits = candidate.domains.iter();
    fits.filter_map(|domain| Some((fit(&domain.to_ascii_lowercase(), host)?, domain.as_str())))
        .max_by_key(|(fit, _)| *fit)
}

fn fit(domain: &str, host: &str) -> Option<Fit> {
    if domain == "*" {
        return Some(Fit::Any);
    }
    // A wildcard stands for at least one character.
    if let Some(suffix) = domain.strip_prefix('*') {
        let fits = host.len() > suffix.len() && host.ends_with(suffix);
        return fits.then_some(Fit::Suffix(suffix.len()));
    }
    if let Some(prefix) = domain.strip_suffix('*') {
        let fits = host.len() > prefix.len() && host.starts_with(prefix);
        return fits.then_some(Fit::Prefix(prefix.len()));
    }
    (domain == host).then_some(Fit::Exact)
}

fn why_not(other: &VirtualHost, host: &str) -> String {
    match best_domain(other, host) {
        Some((_, domain)) => format!("its domain {domain} is less specific"),
        None => {
            let shown: Vec<&str> = other.domains.iter().take(SHOWN).map(String::as_str).collect();
            let more = if other.domains.len() > SHOWN { ", …" } else { "" };
            format!("its domains are {}{more}", shown.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
