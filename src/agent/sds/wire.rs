//! The messages of SDS: what a request changes, and how a secret is written.

use prost::Message;
use prost::Name;

use crate::agent::material::Material;
use crate::proto::Any;
use crate::proto::envoy::envoy::config::core::v3::{DataSource, data_source::Specifier};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret::Type,
};
use crate::proto::envoy::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};

/// What a request says.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// Names that the client wants.
    pub(super) wanted: Vec<String>,
    /// Whether these are all that it wants.
    pub(super) all: bool,
    /// Names that it gives up.
    pub(super) unwanted: Vec<String>,
    /// Why it refused a response.
    pub(super) refused: Option<String>,
}

/// A form of the protocol.
pub(super) trait Protocol {
    type Request: Send + 'static;
    type Response: Send + 'static;

    fn read(request: Self::Request) -> Change;
    fn response(version: String, secret: Secret) -> Self::Response;
}

/// `StreamSecrets`.
pub(super) struct Sotw;
/// `DeltaSecrets`.
pub(super) struct Delta;

impl Protocol for Sotw {
    type Request = DiscoveryRequest;
    type Response = DiscoveryResponse;

    fn read(request: DiscoveryRequest) -> Change {
        Change {
            wanted: request.resource_names,
            all: true,
            refused: request.error_detail.map(|error| error.message),
            ..Change::default()
        }
    }

    fn response(version: String, secret: Secret) -> DiscoveryResponse {
        DiscoveryResponse {
            nonce: version.clone(),
            version_info: version,
            type_url: Secret::type_url(),
            resources: vec![any(&secret)],
            ..DiscoveryResponse::default()
        }
    }
}

impl Protocol for Delta {
    type Request = DeltaDiscoveryRequest;
    type Response = DeltaDiscoveryResponse;

    fn read(request: DeltaDiscoveryRequest) -> Change {
        Change {
            wanted: request.resource_names_subscribe,
            unwanted: request.resource_names_unsubscribe,
            refused: request.error_detail.map(|error| error.message),
            ..Change::default()
        }
    }

    fn response(version: String, secret: Secret) -> DeltaDiscoveryResponse {
        let resource = Resource {
            name: secret.name.clone(),
            version: version.clone(),
            resource: Some(any(&secret)),
            ..Resource::default()
        };
        DeltaDiscoveryResponse {
            nonce: version,
            type_url: Secret::type_url(),
            resources: vec![resource],
            ..DeltaDiscoveryResponse::default()
        }
    }
}

/// A secret as Envoy takes it.
pub(super) fn secret(name: &str, material: &Material) -> Secret {
    let content = match material {
        Material::Identity(identity) => Type::TlsCertificate(TlsCertificate {
            certificate_chain: inline(&identity.chain),
            private_key: inline(identity.key.expose()),
            ..TlsCertificate::default()
        }),
        Material::Roots(roots) => Type::ValidationContext(CertificateValidationContext {
            trusted_ca: inline(roots.pem()),
            crl: Some(roots.revoked()).filter(|lists| !lists.is_empty()).and_then(inline),
            ..CertificateValidationContext::default()
        }),
    };
    Secret { name: name.to_owned(), r#type: Some(content) }
}

fn inline(pem: &[u8]) -> Option<DataSource> {
    Some(DataSource {
        specifier: Some(Specifier::InlineBytes(pem.to_vec())),
        ..DataSource::default()
    })
}

fn any(secret: &Secret) -> Any {
    Any { type_url: Secret::type_url(), value: secret.encode_to_vec() }
}
