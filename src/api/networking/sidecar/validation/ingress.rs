//! What the ports that a workload serves must satisfy.

use std::collections::BTreeSet;

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::destination_rule::validation::connection_pool;
use crate::api::networking::gateway::validation::server_tls;
use crate::api::networking::gateway::{Port, ServerTls, TlsMode};
use crate::api::networking::sidecar::IngressListener;
use crate::api::rules::addresses::{self, UNIX};
use crate::api::rules::ports;

/// The hosts of a default endpoint: the workload itself, by loopback or by its address.
const HOSTS: [&str; 5] = ["", "127.0.0.1", "0.0.0.0", "::1", "::"];

pub(super) fn validate(listeners: &[IngressListener], at: &Place<'_>, issues: &mut Issues) {
    let mut numbers = BTreeSet::new();
    for (index, listener) in listeners.iter().enumerate() {
        let at = at.index(index);
        if listener.port == Port::default() {
            issues.error(at.key("port"), "a port is required for ingress listeners");
            continue;
        }
        validate_listener(listener, &at, issues);
        if !numbers.insert(listener.port.number) {
            let message = format!(
                "port {} has a listener already: ports must be unique",
                listener.port.number
            );
            issues.error(at.key("port").key("number"), message);
        }
    }
}

fn validate_listener(listener: &IngressListener, at: &Place<'_>, issues: &mut Issues) {
    let port = &listener.port;
    let port_at = at.key("port");
    ports::number(port.number, &port_at.key("number"), issues);
    ports::known(&port.protocol, &port_at.key("protocol"), issues);
    ports::no_target(port.target_port, &port_at.key("targetPort"), issues);
    if !port.name.is_empty() {
        ports::name(&port.name, &port_at.key("name"), issues);
    }
    if !listener.bind.is_empty() {
        addresses::ip(&listener.bind, &at.key("bind"), issues);
    }
    if !listener.default_endpoint.is_empty() {
        validate_endpoint(&listener.default_endpoint, &at.key("defaultEndpoint"), issues);
    }
    let protocol = ports::protocol(&port.protocol);
    if let Some(tls) = &listener.tls {
        let at = at.key("tls");
        if !protocol.is_some_and(|protocol| protocol.is_tls()) {
            issues.error(
                at,
                "only listeners of HTTPS and TLS can have TLS settings: change the protocol",
            );
        }
        validate_tls(tls, &at, issues);
    }
    if let Some(pool) = &listener.connection_pool {
        let at = at.key("connectionPool");
        connection_pool(pool, &at, issues);
        if pool.http.is_some() && !protocol.is_some_and(|protocol| protocol.is_http()) {
            issues.warn(
                at.key("http"),
                "has no effect, as the port's protocol is not HTTP: only tcp applies",
            );
        }
    }
}

/// `127.0.0.1:PORT`, `[::1]:PORT` or `:PORT`, or a unix socket.
fn validate_endpoint(endpoint: &str, at: &Place<'_>, issues: &mut Issues) {
    if let Some(path) = endpoint.strip_prefix(UNIX) {
        return addresses::unix_path(path, at, issues);
    }
    let parts = endpoint.rsplit_once(':').map(|(host, port)| {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        (bracketed.or((!host.contains(':')).then_some(host)), port.parse::<u32>())
    });
    match parts {
        Some((Some(host), Ok(port))) if HOSTS.contains(&host) => ports::number(port, at, issues),
        _ => {
            let message = format!(
                "{endpoint:?} is no endpoint of the workload: use 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, \
                 [::]:PORT or unix:///PATH"
            );
            issues.error(*at, message);
        }
    }
}

fn validate_tls(tls: &ServerTls, at: &Place<'_>, issues: &mut Issues) {
    for (name, set) in [
        ("subjectAltNames", !tls.subject_alt_names.is_empty()),
        ("httpsRedirect", tls.https_redirect),
        ("credentialName", !tls.credential_name.is_empty()),
        ("credentialNames", !tls.credential_names.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
        ("mode", matches!(tls.mode, TlsMode::IstioMutual | TlsMode::AutoPassthrough)),
    ] {
        if set {
            let message = match name {
                "mode" => format!(
                    "{} is not supported for ingress of sidecars: use SIMPLE or MUTUAL",
                    tls.mode.name()
                ),
                _ => format!("{name} is not supported for ingress of sidecars: remove it"),
            };
            issues.error(at.key(name), message);
        }
    }
    server_tls(tls, at, issues);
}
