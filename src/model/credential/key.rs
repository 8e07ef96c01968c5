//! Private keys in PEM, and whether one belongs to a certificate.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use x509_parser::oid_registry::OID_PKCS1_RSAENCRYPTION;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::layout::Value;
use super::{Fault, pem};

/// The shortest RSA key that Envoy takes, in bits.
const MIN_RSA_BITS: usize = 2048;

/// Whether a key is one, and that of a certificate with this public key.
pub(super) fn check(value: Value<'_>, public_key: &[u8]) -> Result<(), Fault> {
    let fault = |message: &str| Fault::error(value.name, message);
    let blocks = pem::blocks(value)?;
    let keys = |label: &str| label.ends_with("PRIVATE KEY");
    let Some(block) = blocks.iter().find(|block| keys(&block.label)) else {
        return Err(fault("holds no private key"));
    };
    let der = match &*block.label {
        "PRIVATE KEY" => PrivateKeyDer::Pkcs8(block.contents.as_slice().into()),
        "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(block.contents.as_slice().into()),
        "EC PRIVATE KEY" => PrivateKeyDer::Sec1(block.contents.as_slice().into()),
        "ENCRYPTED PRIVATE KEY" => {
            return Err(fault(
                "is encrypted: nobody could give its password; store it in the clear",
            ));
        }
        _ => return Err(fault("is a private key of an unknown form; PKCS#8 is safe")),
    };
    too_short(public_key).map_or(Ok(()), |message| Err(fault(&message)))?;
    match any_supported_type(&der) {
        Ok(key) => match key.public_key() {
            Some(own) if *own != *public_key => {
                Err(fault("is not the key of the certificate: both must be of one issue"))
            }
            _ => Ok(()),
        },
        Err(_) => Err(fault("is no private key that can be used")),
    }
}

/// What is to be said of a public key that is too short.
fn too_short(public_key: &[u8]) -> Option<String> {
    let (_, info) = SubjectPublicKeyInfo::from_der(public_key).ok()?;
    if info.algorithm.algorithm != OID_PKCS1_RSAENCRYPTION {
        return None;
    }
    let bits = info.parsed().ok()?.key_size();
    (bits < MIN_RSA_BITS)
        .then(|| format!("is an RSA key of {bits} bits: proxies take none below {MIN_RSA_BITS}"))
}
