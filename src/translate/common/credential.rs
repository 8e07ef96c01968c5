//! Secrets that a `credentialName` names.

use super::config_source::{
    ROOT_CERTIFICATE, WORKLOAD_CERTIFICATE, credential, local_secret, sds_secret_config,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig;

/// Appended to the name of a credential: the roots that come with it.
pub const ROOTS_SUFFIX: &str = "-cacert";

/// Names a ConfigMap, which everybody may read.
pub const CONFIG_MAP: &str = "configmap://";

/// Stands for the proxy's own certificate instead of a secret.
const BUILTIN: &str = "builtin://";

/// A credential that may not be used: it is never served.
const INVALID: &str = "invalid://";

/// A server beside the proxy serves it, if there is one.
const EXTERNAL: &str = "sds://";

/// The cluster of that server.
pub const CREDENTIAL_CLUSTER: &str = "sds-external";

/// A secret in the namespace of the proxy, which is what a plain name means.
const KUBERNETES: &str = "kubernetes://";

/// Names that say where a secret is.
const LOCATED: [&str; 3] = [KUBERNETES, "kubernetes-gateway://", CONFIG_MAP];

/// The secret of this name. `server` tells whether there is a server of credentials beside the proxy.
pub fn named(name: &str, server: bool) -> SdsSecretConfig {
    if name == BUILTIN {
        return sds_secret_config(WORKLOAD_CERTIFICATE);
    }
    if name.strip_prefix(BUILTIN) == Some(ROOTS_SUFFIX) {
        return sds_secret_config(ROOT_CERTIFICATE);
    }
    let name = match name.strip_prefix(EXTERNAL) {
        Some(_) if server => return local_secret(name, CREDENTIAL_CLUSTER),
        Some(rest) => rest,
        None => name,
    };
    if name.starts_with(BUILTIN) {
        credential(WORKLOAD_CERTIFICATE)
    } else if name.starts_with(INVALID) {
        credential(INVALID)
    } else if LOCATED.iter().any(|prefix| name.starts_with(prefix)) {
        credential(name)
    } else {
        credential(&format!("{KUBERNETES}{name}"))
    }
}
