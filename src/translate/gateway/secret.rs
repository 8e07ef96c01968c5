//! The secrets that a server names: credentials that the control plane serves, files that the agent reads, or the
//! certificates of the mesh.

use crate::api::networking::gateway::{ServerTls, TlsMode};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig;
use crate::translate::common::config_source::{
    ROOT_CERTIFICATE, WORKLOAD_CERTIFICATE, file_secret, sds_secret_config,
};
use crate::translate::common::credential::{ROOTS_SUFFIX, named};

/// The secrets of a server.
#[derive(Debug)]
pub struct Secrets {
    /// Certificates with their keys.
    pub certificates: Vec<SdsSecretConfig>,
    /// The roots of clients' certificates.
    pub roots: SdsSecretConfig,
}

/// Of these settings. `server` tells whether there is a server of credentials beside the proxy.
pub fn of(settings: &ServerTls, server: bool) -> Secrets {
    if settings.mode == TlsMode::IstioMutual {
        Secrets {
            certificates: vec![sds_secret_config(WORKLOAD_CERTIFICATE)],
            roots: sds_secret_config(ROOT_CERTIFICATE),
        }
    } else if is_credential(settings) {
        credentials(settings, server)
    } else {
        files(settings)
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
fn files(settings: &ServerTls) -> Secrets {
    let certificate = |chain: &str, key: &str| {
        if chain.is_empty() || key.is_empty() {
            return sds_secret_config(WORKLOAD_CERTIFICATE);
        }
        file_secret(&format!("file-cert:{chain}~{key}"))
    };
    let several = settings.tls_certificates.iter();
    let several = several.map(|pair| certificate(&pair.server_certificate, &pair.private_key));
    let mut certificates: Vec<SdsSecretConfig> = several.collect();
    if certificates.is_empty() {
        certificates.push(certificate(&settings.server_certificate, &settings.private_key));
    }
    let roots = match &*settings.ca_certificates {
        "" => sds_secret_config(ROOT_CERTIFICATE),
        file => file_secret(&format!("file-root:{file}")),
    };
    Secrets { certificates, roots }
}

#[cfg(test)]
mod tests;
