//! What annotations may say. One that is wrong refuses the pod: a proxy that does something else than was asked for is
//! worse than none.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::mesh;
use crate::api::cidr::Cidr;
use crate::api::duration;
use crate::webhooks::schema::quantity;

type Check = fn(&str) -> Result<(), String>;

/// The longest name of an interface that Linux has.
const MAX_INTERFACE: usize = 15;

const CHECKS: &[(&str, Check)] = &[
    ("istio.io/reroute-virtual-interfaces", interfaces),
    ("prometheus.istio.io/merge-metrics", |text| {
        boolean(text).map(|_| ()).ok_or_else(|| format!("{text:?} is neither true nor false"))
    }),
    ("proxy.istio.io/config", proxy_config),
    ("readiness.status.sidecar.istio.io/failureThreshold", whole_number),
    ("readiness.status.sidecar.istio.io/initialDelaySeconds", whole_number),
    ("readiness.status.sidecar.istio.io/periodSeconds", whole_number),
    ("sidecar.istio.io/interceptionMode", |text| match text {
        "REDIRECT" | "TPROXY" | "NONE" => Ok(()),
        _ => Err(format!("interceptionMode invalid, use REDIRECT,TPROXY,NONE: {text}")),
    }),
    ("sidecar.istio.io/proxyCPU", amount),
    ("sidecar.istio.io/proxyCPULimit", amount),
    ("sidecar.istio.io/proxyMemory", amount),
    ("sidecar.istio.io/proxyMemoryLimit", amount),
    ("status.sidecar.istio.io/port", |text| port(text).map_err(named("status port"))),
    ("traffic.sidecar.istio.io/excludeInboundPorts", |text| {
        ports(text).map_err(named("excludeInboundPorts"))
    }),
    ("traffic.sidecar.istio.io/excludeInterfaces", interfaces),
    ("traffic.sidecar.istio.io/excludeOutboundIPRanges", |text| {
        ranges(text).map_err(named("excludeIPRanges"))
    }),
    ("traffic.sidecar.istio.io/excludeOutboundPorts", |text| {
        ports(text).map_err(named("excludeOutboundPorts"))
    }),
    ("traffic.sidecar.istio.io/includeInboundPorts", |text| match text {
        "*" => Ok(()),
        text => ports(text).map_err(named("includeInboundPorts")),
    }),
    ("traffic.sidecar.istio.io/includeOutboundIPRanges", |text| match text {
        "*" => Ok(()),
        text => ranges(text).map_err(named("includeIPRanges")),
    }),
    ("traffic.sidecar.istio.io/kubevirtInterfaces", interfaces),
];

fn named(name: &'static str) -> impl Fn(String) -> String {
    move |message| format!("{name} invalid: {message}")
}

/// Checks all annotations of a pod.
///
/// # Errors
/// What is wrong with which of them, all at once.
pub fn validate(annotations: &BTreeMap<String, String>) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (name, check) in CHECKS {
        if let Some(value) = annotations.get(*name)
            && let Err(message) = check(value)
        {
            wrong.push(format!("invalid value '{value}' for annotation '{name}': {message}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// What Go reads as a boolean.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Digits only: no sign.
fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn whole_number(text: &str) -> Result<(), String> {
    digits(text).map(|_| ()).ok_or_else(|| format!("{text:?} is no whole number"))
}

fn amount(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err("value contains control characters".into());
    }
    quantity::canonical(text).map(|_| ())
}

fn port(text: &str) -> Result<(), String> {
    match digits(text.trim()).is_some_and(|port| u16::try_from(port).is_ok()) {
        true => Ok(()),
        false => Err(format!("failed parsing port '{text}': not a number up to 65535")),
    }
}

fn ports(text: &str) -> Result<(), String> {
    match text.trim() {
        "" => Ok(()),
        text => text.split(',').try_for_each(port),
    }
}

fn ranges(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    text.split(',').try_for_each(|range| {
        let why = match range.split_once('/') {
            None => "no '/', as in 10.0.0.0/8",
            Some(_) if Cidr::parse(range).is_none() => "not an address and a length",
            Some(_) => return Ok(()),
        };
        Err(format!("failed parsing cidr '{range}': {why}"))
    })
}

fn interfaces(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    text.split(',').map(str::trim).try_for_each(|name| {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if name.is_empty() {
            Err("empty interface name".to_owned())
        } else if name.len() > MAX_INTERFACE {
            Err(format!("interface name {name:?} too long (max {MAX_INTERFACE} chars)"))
        } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(valid) {
            Err(format!("interface name {name:?} contains invalid characters"))
        } else {
            Ok(())
        }
    })
}

/// What a pod may say of its ProxyConfig.
fn proxy_config(text: &str) -> Result<(), String> {
    let config = mesh::overlay(text)?;
    let said = |key: &str| config.get(key).filter(|value| !value.is_null());
    for key in ["configPath", "binaryPath", "discoveryAddress"] {
        if said(key).and_then(Json::as_str) == Some("") {
            return Err(format!("{key} must be set"));
        }
    }
    for key in ["discoveryAddress", "statsdUdpAddress"] {
        if let Some(text) = said(key).and_then(Json::as_str).filter(|text| !text.is_empty()) {
            address(text).map_err(|message| format!("invalid {key}: {message}"))?;
        }
    }
    for key in ["proxyAdminPort", "statusPort"] {
        if let Some(port) = said(key).and_then(Json::as_i64)
            && !(1..=65535).contains(&port)
        {
            return Err(format!("invalid {key}: port number {port} must be in the range 1..65535"));
        }
    }
    if let Some(text) = said("drainDuration").and_then(Json::as_str) {
        let span = duration::parse(text).map_err(|error| error.to_string())?;
        if span.as_secs() == 0 || span.subsec_nanos() != 0 {
            return Err("invalid drainDuration: it must be whole seconds, at least one".into());
        }
    }
    Ok(())
}

/// A host and a port.
fn address(text: &str) -> Result<(), String> {
    let wrong = || format!("unable to split {text:?} into a host and a port");
    let (host, number) = text.rsplit_once(':').ok_or_else(wrong)?;
    if host.is_empty() {
        return Err(wrong());
    }
    match digits(number).is_some_and(|port| (1..=65535).contains(&port)) {
        true => Ok(()),
        false => Err(format!("port {number:?} must be in the range 1..65535")),
    }
}

#[cfg(test)]
mod tests;
