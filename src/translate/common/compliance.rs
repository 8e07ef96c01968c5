//! What of TLS an operator leaves to proxies (`COMPLIANCE_POLICY`), whatever users and the mesh ask for.

use crate::api::features::Compliance;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::TlsParameters;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;

/// The cipher suites that comply.
const CIPHER_SUITES: [&str; 4] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
];

/// A way to agree on keys that quantum computers are not expected to break.
const POST_QUANTUM: &str = "X25519MLKEM768";

/// What is left of parameters. Without cipher suites an Envoy that is built to comply has its own.
pub fn restrict(
    parameters: Option<TlsParameters>,
    compliance: Compliance,
) -> Option<TlsParameters> {
    let mut left = parameters.clone().unwrap_or_default();
    match compliance {
        Compliance::None => return parameters,
        Compliance::Fips140v2 => {
            left.tls_minimum_protocol_version = TlsProtocol::TlSv12.into();
            left.tls_maximum_protocol_version = TlsProtocol::TlSv12.into();
            left.cipher_suites.retain(|suite| CIPHER_SUITES.contains(&suite.as_str()));
            left.ecdh_curves.clear();
        }
        Compliance::Pqc => {
            left.tls_minimum_protocol_version = TlsProtocol::TlSv13.into();
            left.cipher_suites = CIPHER_SUITES.map(str::to_owned).to_vec();
            left.ecdh_curves = vec![POST_QUANTUM.to_owned()];
        }
    }
    Some(left)
}

#[cfg(test)]
mod tests;
