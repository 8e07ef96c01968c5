//! What TLS of clients must satisfy.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::destination_rule::{ClientTls, ClientTlsMode};

/// What names a ConfigMap instead of a secret.
const CONFIG_MAP: &str = "configmap://";

/// How TLS is begun by a rule of `namespace`.
pub(super) fn validate(tls: &ClientTls, namespace: &str, at: &Place<'_>, issues: &mut Issues) {
    let credential = !tls.credential_name.is_empty();
    if let Some(reference) = tls.credential_name.strip_prefix(CONFIG_MAP) {
        validate_config_map(reference, namespace, &at.key("credentialName"), issues);
    }
    let certifies = matches!(tls.mode, ClientTlsMode::Simple | ClientTlsMode::Mutual);
    if tls.insecure_skip_verify == Some(true) && certifies {
        let roots = tls.mode == ClientTlsMode::Simple && credential;
        for (name, set) in [
            ("caCertificates", !tls.ca_certificates.is_empty()),
            ("credentialName", roots),
            ("subjectAltNames", !tls.subject_alt_names.is_empty()),
        ] {
            if set {
                let message = format!(
                    "cannot be set with insecureSkipVerify, which verifies nothing: remove {name}"
                );
                issues.error(at.key(name), message);
            }
        }
    }
    if certifies && credential {
        for (name, file) in [
            ("clientCertificate", &tls.client_certificate),
            ("privateKey", &tls.private_key),
            ("caCertificates", &tls.ca_certificates),
            ("caCrl", &tls.ca_crl),
        ] {
            if !file.is_empty() {
                issues.error(
                    at.key(name),
                    format!("cannot be set with credentialName: remove {name}"),
                );
            }
        }
    } else if tls.mode == ClientTlsMode::Mutual {
        if tls.client_certificate.is_empty() {
            issues.error(
                at.key("clientCertificate"),
                "a client certificate is required for MUTUAL: name its file",
            );
        }
        if tls.private_key.is_empty() {
            issues
                .error(at.key("privateKey"), "a private key is required for MUTUAL: name its file");
        }
    }
}

/// `NAMESPACE/NAME` of the own namespace.
fn validate_config_map(reference: &str, namespace: &str, at: &Place<'_>, issues: &mut Issues) {
    match reference.split_once('/') {
        Some((of, name)) if !of.is_empty() && !name.is_empty() && !name.starts_with('/') => {
            if of != namespace {
                let message = format!(
                    "the ConfigMap's namespace {of:?} must match that of the rule, {namespace:?}"
                );
                issues.error(*at, message);
            }
        }
        _ => issues.error(
            *at,
            format!("{reference:?} names no ConfigMap: write {CONFIG_MAP}NAMESPACE/NAME"),
        ),
    }
}
