//! The TLS that a gateway ends, from the settings of a server.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/tls.proto>

use serde_json::Value as Json;

use super::secret::{self, Secrets};
use crate::api::features::Compliance;
use crate::api::networking::cipher;
use crate::api::networking::gateway::{ServerTls, TlsMode, TlsProtocol};
use crate::api::{Features, MeshConfig, Str};
use crate::proto::Any;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::core::v3::{DataSource, TransportSocket, data_source};
use crate::proto::envoy::envoy::extensions::transport_sockets::quic::v3::QuicDownstreamTransport;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::common_tls_context::{
    CombinedCertificateValidationContext, ValidationContextType,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, TlsParameters,
    tls_parameters,
};
use crate::translate::common::compliance::restrict;
use crate::translate::common::extension::{PEER_EXCHANGE_ALPN, transport_socket};
use crate::translate::common::value::{boolean, exact};
use crate::translate::scope::SecretSources;

/// What is offered to clients.
const HTTP_ALPN: [&str; 2] = ["h2", "http/1.1"];

/// The same over QUIC.
pub const HTTP3_ALPN: [&str; 1] = ["h3"];

/// What the mesh says of TLS beside mTLS (`tlsDefaults`), and the operator of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Defaults {
    ecdh_curves: Vec<String>,
    cipher_suites: Vec<String>,
    /// The oldest version; None for Envoy's.
    oldest: Option<tls_parameters::TlsProtocol>,
    compliance: Compliance,
}

impl Defaults {
    /// Of a mesh and its operator.
    pub fn of(mesh: &MeshConfig, features: &Features) -> Defaults {
        let compliance = features.compliance;
        let Some(said) = mesh.raw.get("tlsDefaults") else {
            return Defaults { compliance, ..Defaults::default() };
        };
        let list = |name: &str| -> Vec<String> {
            let all = said.get(name).and_then(Json::as_array).into_iter().flatten();
            all.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let oldest = said.get("minProtocolVersion").and_then(Json::as_str);
        Defaults {
            ecdh_curves: list("ecdhCurves"),
            cipher_suites: list("cipherSuites"),
            oldest: match oldest {
                None | Some("TLS_AUTO") => None,
                Some("TLSV1_3") => Some(tls_parameters::TlsProtocol::TlSv13),
                Some(_) => Some(tls_parameters::TlsProtocol::TlSv12),
            },
            compliance,
        }
    }
}

/// The protocols that are offered over TCP. With `peer_exchange` also the one in which sidecars tell each other who they
/// are before a byte stream.
pub fn alpn(peer_exchange: bool) -> Vec<&'static str> {
    peer_exchange.then_some(PEER_EXCHANGE_ALPN).into_iter().chain(HTTP_ALPN).collect()
}

/// The TLS that ends as a server asks, with `secrets` beside the proxy.
pub fn downstream(
    settings: &ServerTls,
    alpn: &[&str],
    defaults: &Defaults,
    secrets: &SecretSources,
) -> DownstreamTlsContext {
    let of_mesh = settings.mode == TlsMode::IstioMutual;
    let Secrets { certificates, roots } = secret::of(settings, secrets);
    let optional = settings.mode == TlsMode::OptionalMutual;
    let required = of_mesh || settings.mode == TlsMode::Mutual;
    let validation_context_type = if required || optional {
        Some(ValidationContextType::CombinedValidationContext(
            CombinedCertificateValidationContext {
                default_validation_context: Some(client(settings)),
                validation_context_sds_secret_config: Some(roots),
                ..CombinedCertificateValidationContext::default()
            },
        ))
    } else {
        // Istio says so of credentials only. Without roots it has no effect, as no certificate is asked for.
        let named = !settings.subject_alt_names.is_empty() && secret::is_credential(settings);
        named.then(|| ValidationContextType::ValidationContext(subject_alt_names(settings)))
    };
    let common = CommonTlsContext {
        tls_params: restrict(
            if of_mesh { None } else { parameters(settings, defaults) },
            defaults.compliance,
        ),
        alpn_protocols: alpn.iter().map(|protocol| (*protocol).to_owned()).collect(),
        tls_certificate_sds_secret_configs: certificates,
        validation_context_type,
        ..CommonTlsContext::default()
    };
    DownstreamTlsContext {
        common_tls_context: Some(common),
        require_client_certificate: Some(boolean(required)),
        ..DownstreamTlsContext::default()
    }
}

/// The configuration of a transport socket for TCP.
pub fn over_tcp(context: DownstreamTlsContext) -> Vec<u8> {
    any(&context).value
}

/// The same for QUIC.
pub fn over_quic(context: DownstreamTlsContext) -> Vec<u8> {
    any(&quic(Some(context))).value
}

/// The transport socket of such a configuration.
pub fn socket(config: &[u8], over_quic: bool) -> TransportSocket {
    let (name, Any { type_url, .. }) = match over_quic {
        true => ("envoy.transport_sockets.quic", any(&quic(None))),
        false => ("envoy.transport_sockets.tls", any(&DownstreamTlsContext::default())),
    };
    transport_socket(name, Any { type_url, value: config.to_vec() })
}

fn quic(downstream_tls_context: Option<DownstreamTlsContext>) -> QuicDownstreamTransport {
    QuicDownstreamTransport { downstream_tls_context, ..QuicDownstreamTransport::default() }
}

/// What a client's certificate must be, beside signed by a root. Hashes count where the control plane serves the
/// secrets, the file of revoked certificates where it does not: the other way round Istio ignores them.
fn client(settings: &ServerTls) -> CertificateValidationContext {
    let mut client = subject_alt_names(settings);
    if secret::is_credential(settings) {
        let texts = |list: &[Str]| list.iter().map(ToString::to_string).collect();
        client.verify_certificate_spki = texts(&settings.verify_certificate_spki);
        client.verify_certificate_hash = texts(&settings.verify_certificate_hash);
    } else if !settings.ca_crl.is_empty() {
        let file = data_source::Specifier::Filename(settings.ca_crl.to_string());
        client.crl = Some(DataSource { specifier: Some(file), ..DataSource::default() });
    }
    client
}

#[allow(deprecated, reason = "match_subject_alt_names is what Istio sends: a name of any type")]
fn subject_alt_names(settings: &ServerTls) -> CertificateValidationContext {
    CertificateValidationContext {
        match_subject_alt_names: settings.subject_alt_names.iter().map(|n| exact(&**n)).collect(),
        ..CertificateValidationContext::default()
    }
}

/// Versions, ciphers and curves; None where nobody asks for any.
fn parameters(settings: &ServerTls, defaults: &Defaults) -> Option<TlsParameters> {
    let ciphers = cipher_suites(&settings.cipher_suites);
    let parameters = TlsParameters {
        tls_minimum_protocol_version: version(settings.min_protocol_version)
            .or(defaults.oldest)
            .unwrap_or_default()
            .into(),
        tls_maximum_protocol_version: version(settings.max_protocol_version)
            .unwrap_or_default()
            .into(),
        cipher_suites: if ciphers.is_empty() { defaults.cipher_suites.clone() } else { ciphers },
        ecdh_curves: defaults.ecdh_curves.clone(),
        ..TlsParameters::default()
    };
    (parameters != TlsParameters::default()).then_some(parameters)
}

fn version(asked: TlsProtocol) -> Option<tls_parameters::TlsProtocol> {
    Some(match asked {
        TlsProtocol::Auto => return None,
        TlsProtocol::V1_0 => tls_parameters::TlsProtocol::TlSv10,
        TlsProtocol::V1_1 => tls_parameters::TlsProtocol::TlSv11,
        TlsProtocol::V1_2 => tls_parameters::TlsProtocol::TlSv12,
        TlsProtocol::V1_3 => tls_parameters::TlsProtocol::TlSv13,
    })
}

/// Those that Envoy knows, each once: it refuses the whole listener for any other.
fn cipher_suites(asked: &[Str]) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for suite in asked {
        if cipher::is_known(suite) && !known.iter().any(|k| **k == **suite) {
            known.push(suite.to_string());
        }
    }
    known
}
