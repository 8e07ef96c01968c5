//! What of a secret may be shown: that there is a key, and which certificates these are.

use bytes::Bytes;
use prost::Message;

use crate::model::credential::describe;
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::core::v3::{DataSource, data_source::Specifier};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret::Type,
};

/// Stands for what is not shown, as in Istio.
const REDACTED: &str = "[redacted]";

/// An encoded secret without what nobody may see. What is no secret becomes an empty one.
pub fn redacted(body: &[u8]) -> Bytes {
    let secret = Secret::decode(body).unwrap_or_default();
    let content = match secret.r#type {
        Some(Type::TlsCertificate(certificate)) => Some(Type::TlsCertificate(TlsCertificate {
            certificate_chain: described(certificate.certificate_chain),
            private_key: Some(text(REDACTED)),
            ..TlsCertificate::default()
        })),
        Some(Type::ValidationContext(context)) => {
            Some(Type::ValidationContext(CertificateValidationContext {
                trusted_ca: described(context.trusted_ca),
                ..CertificateValidationContext::default()
            }))
        }
        _ => None,
    };
    encode(&Secret { name: secret.name, r#type: content })
}

fn described(source: Option<DataSource>) -> Option<DataSource> {
    match source?.specifier? {
        Specifier::InlineBytes(pem) => Some(text(&describe(&pem))),
        _ => None,
    }
}

fn text(text: &str) -> DataSource {
    DataSource {
        specifier: Some(Specifier::InlineString(text.to_owned())),
        ..DataSource::default()
    }
}
