//! What a WorkloadGroup must satisfy. Its template need not be a whole WorkloadEntry: an instance fills in the rest.

use super::{ReadinessProbe, WorkloadGroup};
use crate::api::Meta;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::labels::labels;
use crate::api::rules::{at_most_one, ports};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &WorkloadGroup, _meta: &Meta, issues: &mut Issues) {
    let at = Place::of("spec");
    if spec.template.is_none() {
        issues.error(at.key("template"), "a template is required; it may be empty");
    }
    if let Some(metadata) = &spec.metadata {
        labels(&metadata.labels, &at.key("metadata").key("labels"), issues);
    }
    if let Some(probe) = &spec.probe {
        validate_probe(probe, &at.key("probe"), issues);
    }
}

fn validate_probe(probe: &ReadinessProbe, at: &Place<'_>, issues: &mut Issues) {
    for (name, number) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        if number < 0 {
            issues.error(at.key(name), format!("{number} is below 0: {name} must be non-negative"));
        }
    }
    let methods = [
        ("httpGet", probe.http_get.is_some()),
        ("tcpSocket", probe.tcp_socket.is_some()),
        ("exec", probe.exec.is_some()),
        ("grpc", probe.grpc.is_some()),
    ];
    at_most_one(&methods, at, issues);
    if methods.iter().all(|(_, set)| !set) {
        issues.error(*at, "no health check method: give one of httpGet, tcpSocket, exec and grpc");
    }
    validate_method(probe, at, issues);
}

fn validate_method(probe: &ReadinessProbe, at: &Place<'_>, issues: &mut Issues) {
    if let Some(get) = &probe.http_get {
        let at = at.key("httpGet");
        ports::number(get.port, &at.key("port"), issues);
        if !matches!(&*get.scheme, "" | "HTTP" | "HTTPS") {
            issues.error(
                at.key("scheme"),
                format!("{:?} is no scheme: use HTTP or HTTPS", get.scheme),
            );
        }
        let headers = at.key("httpHeaders");
        for (index, header) in get.http_headers.iter().enumerate() {
            validate_header(&header.name, &headers.index(index).key("name"), issues);
        }
    }
    if let Some(socket) = &probe.tcp_socket {
        ports::number(socket.port, &at.key("tcpSocket").key("port"), issues);
    }
    if let Some(grpc) = &probe.grpc {
        ports::number(grpc.port, &at.key("grpc").key("port"), issues);
    }
    if probe.exec.as_ref().is_some_and(|exec| exec.command.is_empty()) {
        issues.error(at.key("exec").key("command"), "a command is required: name what is run");
    }
}

/// As Kubernetes takes them in probes: stricter than HTTP.
fn validate_header(name: &str, at: &Place<'_>, issues: &mut Issues) {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        issues
            .error(*at, format!("{name:?} is not a valid header name: use letters, digits and -"));
    }
}

#[cfg(test)]
mod tests;
