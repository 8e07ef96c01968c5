//! What a PeerAuthentication must satisfy.

use super::PeerAuthentication;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::{ports, targets};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &PeerAuthentication, issues: &mut Issues) {
    let at = Place::of("spec");
    targets::selector(&spec.selector, &at, issues);
    let Some(modes) = &spec.port_level_mtls else { return };
    let at = at.key("portLevelMtls");
    if modes.is_empty() {
        issues.error(
            at,
            "port level mTLS must have at least one port: name one, or remove the field",
        );
        return;
    }
    if spec.selector.as_ref().is_none_or(|selector| selector.match_labels.is_empty()) {
        let message = "a policy of a whole mesh/namespace cannot have port level mTLS, which is for selected workloads only: add a \
                       selector, or remove it";
        issues.error(at, message);
    }
    for port in modes.keys() {
        ports::number(*port, &at.key(&port.to_string()), issues);
    }
}

#[cfg(test)]
mod tests;
