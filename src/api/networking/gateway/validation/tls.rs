//! TLS of servers, which Gateways and Sidecars have in common.

use std::collections::BTreeSet;

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::cipher;
use crate::api::networking::gateway::{ServerTls, TlsMode, TlsProtocol};

/// How many certificates by files a proxy takes: one for each kind of key.
const MAX_CERTIFICATES: usize = 2;

const CRL_OF_SECRET: &str = "a CRL is not supported with credentialName: put it into the secret";

/// How a server ends TLS.
pub(in crate::api::networking) fn server_tls(tls: &ServerTls, at: &Place<'_>, issues: &mut Issues) {
    validate_ciphers(tls, at, issues);
    match tls.mode {
        TlsMode::IstioMutual => forbid_certificates(tls, at, issues),
        TlsMode::Passthrough | TlsMode::AutoPassthrough => {
            let unused = sources(tls).find(|(_, set)| *set).map(|(name, _)| name);
            let unused = unused.or((!tls.ca_crl.is_empty()).then_some("caCrl"));
            if let Some(unused) = unused {
                let mode = tls.mode.name();
                issues.warn(
                    at.key(unused),
                    format!("{mode} does not use certificates: they will be ignored"),
                );
            }
            if !tls.ca_crl.is_empty() && !tls.credential_name.is_empty() {
                issues.error(at.key("caCrl"), CRL_OF_SECRET);
            }
            validate_one_source(tls, at, issues);
        }
        TlsMode::Simple | TlsMode::Mutual | TlsMode::OptionalMutual => {
            validate_one_source(tls, at, issues);
            validate_termination(tls, at, issues);
        }
    }
}

/// Everything that names certificates, and whether it is set.
fn sources(tls: &ServerTls) -> impl Iterator<Item = (&'static str, bool)> {
    [
        ("serverCertificate", !tls.server_certificate.is_empty()),
        ("privateKey", !tls.private_key.is_empty()),
        ("caCertificates", !tls.ca_certificates.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
        ("credentialName", !tls.credential_name.is_empty()),
        ("credentialNames", !tls.credential_names.is_empty()),
    ]
    .into_iter()
}

fn forbid_certificates(tls: &ServerTls, at: &Place<'_>, issues: &mut Issues) {
    for (name, _) in sources(tls).filter(|(_, set)| *set) {
        issues.error(
            at.key(name),
            format!("ISTIO_MUTUAL uses the mesh's certificates: {name} must be unset"),
        );
    }
}

fn validate_one_source(tls: &ServerTls, at: &Place<'_>, issues: &mut Issues) {
    let files = !tls.server_certificate.is_empty() && !tls.private_key.is_empty();
    let set: Vec<&str> = sources(tls)
        .filter(|(name, set)| match *name {
            "serverCertificate" => files,
            "tlsCertificates" | "credentialName" | "credentialNames" => *set,
            _ => false,
        })
        .map(|(name, _)| name)
        .collect();
    if let [_, second, ..] = set.as_slice() {
        let message = "only one of credentialName, credentialNames, serverCertificate with privateKey, and \
                       tlsCertificates can be given";
        issues.error(at.key(second), message);
    }
}

fn validate_termination(tls: &ServerTls, at: &Place<'_>, issues: &mut Issues) {
    let mode = tls.mode.name();
    if !tls.credential_name.is_empty() || !tls.credential_names.is_empty() {
        if !tls.ca_crl.is_empty() {
            issues.warn(at.key("caCrl"), CRL_OF_SECRET);
        }
        return;
    }
    let verifies = tls.mode != TlsMode::Simple;
    if verifies && tls.ca_certificates.is_empty() {
        issues.error(
            at.key("caCertificates"),
            format!("{mode} requires a client CA bundle: give caCertificates or credentialName"),
        );
    }
    if !verifies && !tls.ca_crl.is_empty() {
        issues
            .error(at.key("caCrl"), "SIMPLE verifies no client: a CRL is not supported, remove it");
    }
    let certificates = at.key("tlsCertificates");
    if tls.tls_certificates.is_empty() {
        validate_files(mode, &tls.server_certificate, &tls.private_key, at, issues);
    } else if tls.tls_certificates.len() > MAX_CERTIFICATES {
        let message =
            format!("a proxy takes at most {MAX_CERTIFICATES} certificates: remove the others");
        issues.warn(certificates, message);
    }
    for (index, files) in tls.tls_certificates.iter().enumerate() {
        let at = certificates.index(index);
        validate_files(mode, &files.server_certificate, &files.private_key, &at, issues);
    }
}

fn validate_files(mode: &str, certificate: &str, key: &str, at: &Place<'_>, issues: &mut Issues) {
    if certificate.is_empty() {
        issues.error(
            at.key("serverCertificate"),
            format!(
                "{mode} requires a server certificate: name its file, or a secret by credentialName"
            ),
        );
    }
    if key.is_empty() {
        issues.error(
            at.key("privateKey"),
            format!("{mode} requires a private key: name its file, or a secret by credentialName"),
        );
    }
}

fn validate_ciphers(tls: &ServerTls, at: &Place<'_>, issues: &mut Issues) {
    if matches!(tls.min_protocol_version, TlsProtocol::V1_0 | TlsProtocol::V1_1)
        && tls.cipher_suites.is_empty()
    {
        issues.warn(
            at.key("minProtocolVersion"),
            "TLS below 1.2 has no ciphers in common with the default: set cipherSuites",
        );
    }
    let mut seen = BTreeSet::new();
    let at = at.key("cipherSuites");
    for (index, cipher) in tls.cipher_suites.iter().enumerate() {
        if !cipher::is_known(cipher) {
            issues.warn(at.index(index), format!("invalid cipher suite {cipher:?} is ignored"));
        } else if !seen.insert(cipher) {
            issues.warn(at.index(index), format!("duplicate cipher suite {cipher:?} is ignored"));
        }
    }
}
