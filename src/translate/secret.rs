//! Secrets: a certificate with its key, or roots, as an Envoy takes them.
//!
//! What a proxy may have is decided by who serves it; here is only what it looks like. Nothing is remembered: what was
//! made for one proxy must never be found by another.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/secret.proto>

mod provider;
mod redacted;
#[cfg(test)]
mod tests;

pub use self::provider::Provider;
pub use self::redacted::redacted;
use super::resource::Resource;
use crate::api::{ObjectKey, Str};
use crate::model::credential::{Certificate, Roots};
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::core::v3::{DataSource, data_source::Specifier};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret::Type,
};

/// A certificate with its key, which `provider` works with if there is one.
pub fn certificate(
    name: &Str,
    certificate: &Certificate,
    provider: Option<&Provider>,
    origin: &ObjectKey,
) -> Resource {
    let key = Some(inline(certificate.key.expose()));
    let chain = Some(inline(&certificate.chain));
    let content = match provider {
        Some(provider) => TlsCertificate {
            certificate_chain: chain,
            private_key_provider: Some(provider.of(key)),
            ..TlsCertificate::default()
        },
        None => TlsCertificate {
            certificate_chain: chain,
            private_key: key,
            ocsp_staple: certificate.staple.as_ref().map(|staple| inline(staple)),
            ..TlsCertificate::default()
        },
    };
    resource(name, Type::TlsCertificate(content), origin)
}

/// Roots, and what of theirs is revoked.
pub fn roots(name: &Str, roots: &Roots, origin: &ObjectKey) -> Resource {
    let content = CertificateValidationContext {
        trusted_ca: Some(inline(&roots.bundle)),
        crl: roots.revoked.as_ref().map(|revoked| inline(revoked)),
        ..CertificateValidationContext::default()
    };
    resource(name, Type::ValidationContext(content), origin)
}

fn resource(name: &Str, content: Type, origin: &ObjectKey) -> Resource {
    let secret = Secret { name: name.to_string(), r#type: Some(content) };
    Resource::new(name.clone(), encode(&secret), [origin.clone()])
}

fn inline(bytes: &[u8]) -> DataSource {
    let specifier = Some(Specifier::InlineBytes(bytes.to_vec()));
    DataSource { specifier, ..DataSource::default() }
}
