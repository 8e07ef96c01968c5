//! TLS that a rule begins, with other certificates than those of the mesh.
//!
//! Certificates are files of the client, which its agent reads, or a credential that the control plane serves.

use crate::api::Str;
use crate::api::features::Compliance;
use crate::api::mesh::TlsDefaults;
use crate::api::networking::destination_rule::{ClientTls, ClientTlsMode};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::core::v3::{
    DataSource, TransportSocket, UpstreamHttpProtocolOptions, data_source::Specifier,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::common_tls_context::{
    CombinedCertificateValidationContext, ValidationContextType,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, SdsSecretConfig, TlsParameters,
    UpstreamTlsContext,
};
use crate::translate::cluster::tls::tls_parameters;
use crate::translate::common::compliance::restrict;
use crate::translate::common::credential::{ROOTS_SUFFIX, named};
use crate::translate::common::extension::transport_socket;
use crate::translate::common::files;
use crate::translate::common::value::exact;
use crate::translate::scope::SecretSources;

/// Stands for the roots of the client's system.
const SYSTEM_ROOTS: &str = "system";

/// The TLS of one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Origination<'a> {
    /// What the rule says.
    pub settings: &'a ClientTls,
    /// The names that the server's certificate may have; any when empty.
    pub names: &'a [Str],
    /// The cluster speaks HTTP/2.
    pub http2: bool,
    /// What the mesh offers.
    pub defaults: &'a TlsDefaults,
    /// What TLS is restricted to.
    pub compliance: Compliance,
    /// Where the client gets secrets from.
    pub secrets: &'a SecretSources,
}

impl Origination<'_> {
    /// The transport socket. None for mutual TLS without a certificate, which is a mistake.
    pub fn transport_socket(&self) -> Option<TransportSocket> {
        let strings = |list: &[Str]| list.iter().map(|s| s.to_string()).collect();
        let (certificates, validation) = match self.settings.credential_name.is_empty() {
            true => self.files()?,
            false => self.credential(),
        };
        let parameters = TlsParameters {
            ecdh_curves: strings(&self.defaults.ecdh_curves),
            cipher_suites: strings(&self.defaults.cipher_suites),
            ..tls_parameters()
        };
        let context = UpstreamTlsContext {
            sni: self.settings.sni.to_string(),
            common_tls_context: Some(CommonTlsContext {
                tls_params: restrict(Some(parameters), self.compliance),
                alpn_protocols: self.http2.then(|| "h2".to_owned()).into_iter().collect(),
                tls_certificate_sds_secret_configs: certificates,
                validation_context_type: validation,
                ..CommonTlsContext::default()
            }),
            ..UpstreamTlsContext::default()
        };
        Some(transport_socket("envoy.transport_sockets.tls", encode::any(&context)))
    }

    fn credential(&self) -> (Vec<SdsSecretConfig>, Option<ValidationContextType>) {
        let secret = |name: &str| named(name, self.secrets.credential_server);
        let name = &self.settings.credential_name;
        let certificate = self.is_mutual().then(|| secret(name));
        let roots = || secret(&format!("{name}{ROOTS_SUFFIX}"));
        let validation = (!self.trusts_all()).then(|| self.validation(roots(), None));
        (certificate.into_iter().collect(), validation)
    }

    fn files(&self) -> Option<(Vec<SdsSecretConfig>, Option<ValidationContextType>)> {
        let ClientTls { client_certificate, private_key, ca_certificates, ca_crl, .. } =
            self.settings;
        let server = self.secrets.file_server;
        let mut certificates = Vec::new();
        if self.is_mutual() {
            certificates.push(files::certificate(client_certificate, private_key, server)?);
        }
        let roots = if ca_certificates.is_empty() { SYSTEM_ROOTS } else { ca_certificates };
        let validation = match self.trusts_all() {
            true => {
                ValidationContextType::ValidationContext(CertificateValidationContext::default())
            }
            false => self.validation(files::roots(roots, server)?, Some(ca_crl)),
        };
        Some((certificates, Some(validation)))
    }

    fn validation(&self, roots: SdsSecretConfig, revoked: Option<&Str>) -> ValidationContextType {
        let revoked = revoked.filter(|file| !file.is_empty());
        #[allow(deprecated, reason = "it matches names of any type; Istio sends it")]
        let context = CertificateValidationContext {
            match_subject_alt_names: self.names.iter().map(|name| exact(&**name)).collect(),
            crl: revoked.map(|file| DataSource {
                specifier: Some(Specifier::Filename(file.to_string())),
                ..DataSource::default()
            }),
            ..CertificateValidationContext::default()
        };
        ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
            default_validation_context: Some(context),
            validation_context_sds_secret_config: Some(roots),
            ..CombinedCertificateValidationContext::default()
        })
    }

    fn is_mutual(&self) -> bool {
        self.settings.mode == ClientTlsMode::Mutual
    }

    fn trusts_all(&self) -> bool {
        trusts_all(self.settings)
    }
}

/// Without a server name the request's host is asked for, and what is asked for is verified where nothing else is.
pub fn from_request(settings: &ClientTls) -> Option<UpstreamHttpProtocolOptions> {
    settings.sni.is_empty().then(|| UpstreamHttpProtocolOptions {
        auto_sni: true,
        auto_san_validation: settings.subject_alt_names.is_empty() && !trusts_all(settings),
        ..UpstreamHttpProtocolOptions::default()
    })
}

/// Whether a server may be anybody.
pub fn trusts_all(settings: &ClientTls) -> bool {
    settings.insecure_skip_verify == Some(true)
}
