//! The secrets that a server names: credentials that the control plane serves, files that the agent reads, or the
//! certificates of the mesh.

use crate::api::networking::gateway::{ServerTls, TlsMode};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig;
use crate::translate::common::config_source::{
    ROOT_CERTIFICATE, WORKLOAD_CERTIFICATE, credential, file_secret, sds_secret_config,
};

/// Appended to the name of a credential: the roots that come with it.
const ROOTS_SUFFIX: &str = "-cacert";

/// Stands for the proxy's own certificate instead of a secret.
const BUILTIN: &str = "builtin://";

/// A credential that Gateway API names and that may not be used: it is never served.
const INVALID: &str = "invalid://";

/// Served by someone else where the mesh names them, which it cannot yet; else a credential as any other.
const EXTERNAL: &str = "sds://";

/// Names that say where a secret is; all others are secrets in the namespace of the proxy.
const LOCATED: [&str; 3] = ["kubernetes://", "kubernetes-gateway://", "configmap://"];

/// The secrets of a server.
#[derive(Debug)]
pub struct Secrets {
    /// Certificates with their keys.
    pub certificates: Vec<SdsSecretConfig>,
    /// The roots of clients' certificates.
    pub roots: SdsSecretConfig,
}

/// Of these settings.
pub fn of(settings: &ServerTls) -> Secrets {
    if settings.mode == TlsMode::IstioMutual {
        Secrets {
            certificates: vec![sds_secret_config(WORKLOAD_CERTIFICATE)],
            roots: sds_secret_config(ROOT_CERTIFICATE),
        }
    } else if is_credential(settings) {
        credentials(settings)
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
fn credentials(settings: &ServerTls) -> Secrets {
    let names = match &*settings.credential_names {
        [] => std::slice::from_ref(&settings.credential_name),
        names => names,
    };
    let first = names.first().map_or("", |first| &**first);
    let roots = match &*settings.ca_cert_credential_name {
        "" => format!("{first}{ROOTS_SUFFIX}"),
        own => own.to_owned(),
    };
    Secrets { certificates: names.iter().map(|name| named(name)).collect(), roots: named(&roots) }
}

fn named(name: &str) -> SdsSecretConfig {
    if name == BUILTIN {
        return sds_secret_config(WORKLOAD_CERTIFICATE);
    }
    if name.strip_prefix(BUILTIN) == Some(ROOTS_SUFFIX) {
        return sds_secret_config(ROOT_CERTIFICATE);
    }
    let name = name.strip_prefix(EXTERNAL).unwrap_or(name);
    if name.starts_with(BUILTIN) {
        credential(WORKLOAD_CERTIFICATE)
    } else if name.starts_with(INVALID) {
        credential(INVALID)
    } else if LOCATED.iter().any(|prefix| name.starts_with(prefix)) {
        credential(name)
    } else {
        credential(&format!("{}{name}", LOCATED[0]))
    }
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
