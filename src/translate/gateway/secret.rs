//! The secrets that a server names: credentials that the control plane serves, files that the agent reads, or the
//! certificates of the mesh.

use crate::api::networking::gateway::{ServerTls, TlsMode};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig;
use crate::translate::common::credential::{ROOTS_SUFFIX, named};
use crate::translate::common::files;
use crate::translate::listener::tls::own_secrets;
use crate::translate::scope::SecretSources;

/// The secrets of a server.
#[derive(Debug)]
pub struct Secrets {
    /// Certificates with their keys.
    pub certificates: Vec<SdsSecretConfig>,
    /// The roots of clients' certificates.
    pub roots: SdsSecretConfig,
}

/// Of these settings, for a proxy that has `sources` beside it.
pub fn of(settings: &ServerTls, sources: &SecretSources) -> Secrets {
    if settings.mode == TlsMode::IstioMutual {
        let (certificate, roots) = own_secrets(sources);
        Secrets { certificates: vec![certificate], roots }
    } else if is_credential(settings) {
        credentials(settings, sources.credential_server)
    } else {
        files(settings, sources.file_server)
    }
}

/// The control plane serves them.
pub fn is_credential(settings: &ServerTls) -> bool {
    settings.mode != TlsMode::IstioMutual
        && (!settings.credential_name.is_empty() || !settings.credential_names.is_empty())
}

/// All certificates have the same clients, so that the roots are those of the first.
fn credentials(settings: &ServerTls, server: bool) -> Secrets {
    let names = match &*settings.credential_names {
        [] => std::slice::from_ref(&settings.credential_name),
        names => names,
    };
    let first = names.first().map_or("", |first| &**first);
    let roots = match &*settings.ca_cert_credential_name {
        "" => format!("{first}{ROOTS_SUFFIX}"),
        own => own.to_owned(),
    };
    let certificates = names.iter().map(|name| named(name, server)).collect();
    Secrets { certificates, roots: named(&roots, server) }
}

/// What is not named comes from the mesh.
fn files(settings: &ServerTls, server: bool) -> Secrets {
    let certificate = |chain: &str, key: &str| files::certificate_or_mesh(chain, key, server);
    let several = settings.tls_certificates.iter();
    let several = several.map(|pair| certificate(&pair.server_certificate, &pair.private_key));
    let mut certificates: Vec<SdsSecretConfig> = several.collect();
    if certificates.is_empty() {
        certificates.push(certificate(&settings.server_certificate, &settings.private_key));
    }
    Secrets { certificates, roots: files::roots_or_mesh(&settings.ca_certificates, server) }
}

#[cfg(test)]
mod tests;
