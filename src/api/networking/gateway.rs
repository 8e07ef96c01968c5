//! Gateway: the ports that a gateway's proxies open, and for whom.

pub mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::is_default;
use crate::api::config::{Config, Spec};
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::schema;
use crate::api::{Kind, Labels, Meta, Object, Str};

/// The spec of a Gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Gateway {
    /// What the proxies listen on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// The labels of the pods that it is for, in any namespace; none means all gateways.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub selector: Labels,
}

/// A port with the hosts that are served on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["port", "hosts"]))]
pub struct Server {
    /// The port.
    #[schemars(transform = schema::require_port)]
    pub port: Port,
    /// The address to listen on; empty for all.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub bind: Str,
    /// `HOST` or `NAMESPACE/HOST`: the hosts that VirtualServices (of that namespace) may claim here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Str>,
    /// How TLS is ended or read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
    /// Not used by gateways; read because Sidecars share the form.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub default_endpoint: Str,
    /// A name for messages and routes.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
}

/// A port by number, name and protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Port {
    /// The number.
    pub number: u32,
    /// What is spoken, such as `HTTP` or `TLS`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub protocol: Str,
    /// Its name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
    /// Has no effect; 0 when unset.
    #[serde(skip_serializing_if = "is_default")]
    pub target_port: u32,
}

/// How TLS is ended or read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::certificate_rules()))]
pub struct ServerTls {
    /// Plain HTTP is answered with a redirect to HTTPS.
    #[serde(skip_serializing_if = "is_default")]
    pub https_redirect: bool,
    /// Who ends TLS, and what clients must present.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: TlsMode,
    /// A file with the server's certificate chain.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub server_certificate: Str,
    /// A file with its key.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub private_key: Str,
    /// A file with the roots of clients' certificates.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ca_certificates: Str,
    /// A file with revoked client certificates.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ca_crl: Str,
    /// A secret with certificate and key.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub credential_name: Str,
    /// Several secrets, for certificates of different kinds of key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 2))]
    pub credential_names: Vec<Str>,
    /// A secret with the roots of clients' certificates, when they are not in that of `credential_name`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ca_cert_credential_name: Str,
    /// Several certificates by files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 2))]
    pub tls_certificates: Vec<TlsCertificate>,
    /// The names that a client's certificate may have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subject_alt_names: Vec<Str>,
    /// Hashes of the public keys that are accepted, in base64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verify_certificate_spki: Vec<Str>,
    /// Hashes of the certificates that are accepted, in hexadecimal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verify_certificate_hash: Vec<Str>,
    /// The oldest version.
    #[serde(skip_serializing_if = "is_default")]
    pub min_protocol_version: TlsProtocol,
    /// The newest version.
    #[serde(skip_serializing_if = "is_default")]
    pub max_protocol_version: TlsProtocol,
    /// The ciphers, by OpenSSL's names; empty for the default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<Str>,
}

/// A certificate by files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsCertificate {
    /// The chain.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub server_certificate: Str,
    /// The key.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub private_key: Str,
    /// The roots of clients' certificates.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub ca_certificates: Str,
}

enumeration! {
    /// Who ends TLS, and what clients must present.
    pub enum TlsMode {
        /// The server behind the gateway; the gateway routes by server name.
        #[default]
        Passthrough = 0 "PASSTHROUGH",
        /// The gateway.
        Simple = 1 "SIMPLE",
        /// The gateway, and clients present a certificate.
        Mutual = 2 "MUTUAL",
        /// The server behind the gateway; the server name itself says which cluster.
        AutoPassthrough = 3 "AUTO_PASSTHROUGH",
        /// The gateway, with the mesh's own certificates.
        IstioMutual = 4 "ISTIO_MUTUAL",
        /// The gateway, and clients may present a certificate.
        OptionalMutual = 5 "OPTIONAL_MUTUAL",
    }
}

enumeration! {
    /// A version of TLS.
    pub enum TlsProtocol {
        /// Envoy's choice.
        #[default]
        Auto = 0 "TLS_AUTO",
        /// 1.0.
        V1_0 = 1 "TLSV1_0",
        /// 1.1.
        V1_1 = 2 "TLSV1_1",
        /// 1.2.
        V1_2 = 3 "TLSV1_2",
        /// 1.3.
        V1_3 = 4 "TLSV1_3",
    }
}

impl Spec for Gateway {
    const KIND: Kind = Kind::Gateway;
    type Status = ();

    fn validate(&self, meta: &Meta, issues: &mut Issues) {
        validation::validate(self, meta, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::Gateway(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::Gateway(config) => Some(config),
            _ => None,
        }
    }
}
