//! What a Gateway must satisfy.

mod tls;

use std::collections::BTreeSet;

pub(in crate::api::networking) use self::tls::server_tls;
use super::{Gateway, Port, Server, TlsMode};
use crate::api::Meta;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::addresses::{self, UNIX};
use crate::api::rules::hosts::{self, Scoped};
use crate::api::rules::ports;

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &Gateway, meta: &Meta, issues: &mut Issues) {
    if !hosts::is_label(&meta.name) {
        let message = format!(
            "invalid gateway name {:?}: VirtualServices name it by one DNS label, without dots",
            meta.name
        );
        issues.error(Place::of("metadata").key("name"), message);
    }
    let at = Place::of("spec");
    let at = at.key("servers");
    if spec.servers.is_empty() {
        issues.error(at, "a gateway needs at least one server");
    }
    let mut names = BTreeSet::new();
    for (index, server) in spec.servers.iter().enumerate() {
        let at = at.index(index);
        validate_server(server, &at, issues);
        let name = &*server.port.name;
        if !name.is_empty() && !names.insert(name) {
            let message = format!("duplicate name {name:?}: port names of servers must be unique");
            issues.error(at.key("port").key("name"), message);
        }
    }
}

fn validate_server(server: &Server, at: &Place<'_>, issues: &mut Issues) {
    let hosts_at = at.key("hosts");
    if server.hosts.is_empty() {
        issues.error(hosts_at, "a server needs at least one host");
    }
    for (index, host) in server.hosts.iter().enumerate() {
        hosts::scoped(host, Scoped::Gateway, &hosts_at.index(index), issues);
    }
    addresses::bind(&server.bind, &at.key("bind"), issues);
    validate_port(&server.port, &server.bind, &at.key("port"), issues);
    if !server.default_endpoint.is_empty() {
        let message = "has no effect: traffic goes where VirtualServices lead it; remove it";
        issues.warn(at.key("defaultEndpoint"), message);
    }
    if let Some(tls) = &server.tls {
        server_tls(tls, &at.key("tls"), issues);
    }
    validate_use_of_tls(server, &at.key("tls"), issues);
}

fn validate_port(port: &Port, bind: &str, at: &Place<'_>, issues: &mut Issues) {
    if *port == Port::default() {
        issues.error(*at, "the port is required: give number, name and protocol");
        return;
    }
    if ports::protocol(&port.protocol).is_none() {
        issues.error(at.key("protocol"), ports::unsupported(&port.protocol));
    }
    match (bind.starts_with(UNIX), port.number) {
        (true, 0) => {}
        (true, _) => issues.error(at.key("number"), "the port number of a unix socket must be 0"),
        (false, number) => ports::number(number, &at.key("number"), issues),
    }
    ports::no_target(port.target_port, &at.key("targetPort"), issues);
    if port.name.is_empty() {
        issues.error(at.key("name"), "the port name is required: name it, such as http");
    }
}

/// Whether TLS is there where the protocol asks for it, and only there.
fn validate_use_of_tls(server: &Server, at: &Place<'_>, issues: &mut Issues) {
    let Some(protocol) = ports::protocol(&server.port.protocol) else { return };
    let name = protocol.name();
    let Some(tls) = &server.tls else {
        if protocol.is_tls() {
            issues.error(*at, format!("TLS settings are required for {name}: give a mode"));
        }
        return;
    };
    if !protocol.is_http() && tls.https_redirect {
        issues.warn(
            at.key("httpsRedirect"),
            format!("has no effect for {name}: only HTTP can be redirected"),
        );
    }
    let passes = matches!(tls.mode, TlsMode::Passthrough | TlsMode::AutoPassthrough);
    let files = [&tls.ca_certificates, &tls.private_key, &tls.server_certificate];
    let redirects_only = passes && files.iter().all(|file| file.is_empty());
    if !(protocol.is_tls() || protocol.is_http() && redirects_only) {
        let message = format!(
            "a server of plain {name} cannot have TLS settings: use HTTPS or TLS, or remove them"
        );
        issues.error(*at, message);
    }
}

#[cfg(test)]
mod tests;
