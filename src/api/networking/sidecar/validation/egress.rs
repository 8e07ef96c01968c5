//! What the listeners through which a workload reaches others must satisfy.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::gateway::Port;
use crate::api::networking::sidecar::{CaptureMode, EgressListener};
use crate::api::rules::addresses::{self, UNIX};
use crate::api::rules::hosts::{self, Scoped};
use crate::api::rules::ports;
use crate::api::{Meta, Str};

pub(super) fn validate(
    listeners: &[EgressListener],
    meta: &Meta,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    let (mut numbers, mut sockets) = (BTreeSet::new(), BTreeSet::new());
    for (index, listener) in listeners.iter().enumerate() {
        let at = at.index(index);
        match &listener.port {
            None if index + 1 < listeners.len() => issues.error(
                at.key("port"),
                "only the last listener may be without a port: it takes all that no other listener names",
            ),
            None => {}
            Some(port) => {
                validate_port(port, listener, &at, issues);
                let port_at = at.key("port");
                let at = port_at.key("number");
                if port.number == 0 {
                    if !sockets.insert(&listener.bind) {
                        issues.error(at, format!("{} has a listener already: unix sockets must be unique", listener.bind));
                    }
                } else if !numbers.insert(port.number) {
                    issues.error(at, format!("port {} has a listener already: ports must be unique", port.number));
                }
            }
        }
        validate_hosts(&listener.hosts, &meta.namespace, &at.key("hosts"), issues);
    }
}

fn validate_port(port: &Port, listener: &EgressListener, at: &Place<'_>, issues: &mut Issues) {
    let port_at = at.key("port");
    if !port.name.is_empty() {
        ports::name(&port.name, &port_at.key("name"), issues);
    }
    ports::known(&port.protocol, &port_at.key("protocol"), issues);
    ports::no_target(port.target_port, &port_at.key("targetPort"), issues);
    let bind_at = at.key("bind");
    if port.number > 0 {
        ports::number(port.number, &port_at.key("number"), issues);
        if !listener.bind.is_empty() {
            addresses::ip(&listener.bind, &bind_at, issues);
        }
        return;
    }
    match listener.bind.strip_prefix(UNIX) {
        Some(path) => addresses::unix_path(path, &bind_at, issues),
        None => issues.error(
            bind_at,
            "a port of 0 needs a unix socket to bind to: give a port, or unix:///PATH",
        ),
    }
    if listener.capture_mode == CaptureMode::Iptables {
        issues.error(
            at.key("captureMode"),
            "nothing is redirected to a unix socket: captureMode must be DEFAULT or NONE",
        );
    }
}

fn validate_hosts(imports: &[Str], own: &str, at: &Place<'_>, issues: &mut Issues) {
    if imports.is_empty() {
        issues.error(
            *at,
            "an egress listener needs at least one host: write NAMESPACE/HOST, or ~/* for none",
        );
    }
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (index, import) in imports.iter().enumerate() {
        let at = at.index(index);
        hosts::scoped(import, Scoped::Sidecar, &at, issues);
        let Some((namespace, host)) = import.split_once('/') else { continue };
        let namespace = if namespace == "." { own } else { namespace };
        let before = seen.entry(namespace).or_default();
        let duplicate = match host {
            "*" => !before.is_empty(),
            host => before.contains("*") || before.contains(host),
        };
        if duplicate {
            issues.warn(
                at,
                format!("duplicate egress host: {import} is, or has, what another entry imports"),
            );
        }
        before.insert(host);
    }
    if seen.len() > 1 && seen.get("*").is_some_and(|hosts| hosts.contains("*")) {
        issues.warn(*at, "*/* imports everything: the other hosts have no effect");
    }
}
