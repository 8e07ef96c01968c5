//! Private keys: read in every form that they come in, made, and used.

use std::fmt;

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData, RsaKeySize, SigningKey};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::der;

/// A private key. Shows nothing of itself.
pub struct Key {
    pair: KeyPair,
    pem: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([redacted])")
    }
}

impl Key {
    /// The key in a PEM file: PKCS#1, PKCS#8 or SEC1; RSA, ECDSA or Ed25519.
    pub fn from_pem(pem: &str) -> Result<Key, String> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "there is no private key in it (PKCS#1, PKCS#8 or SEC1, in PEM)")?;
        let pair = KeyPair::try_from(&der)
            .map_err(|_| "the private key is broken, or of a kind that is not supported")?;
        Ok(Key { pair, pem: pem.to_owned() })
    }

    /// A new RSA key of 2048, 3072 or 4096 bits: the least of these that is enough.
    pub fn rsa(bits: u32) -> Result<Key, String> {
        let size = match bits {
            0..=2048 => RsaKeySize::_2048,
            2049..=3072 => RsaKeySize::_3072,
            _ => RsaKeySize::_4096,
        };
        Key::made(KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size))
    }

    /// A new ECDSA key over P-256.
    pub fn p256() -> Result<Key, String> {
        Key::made(KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256))
    }

    fn made(pair: Result<KeyPair, rcgen::Error>) -> Result<Key, String> {
        let pair = pair.map_err(|error| format!("no key could be made: {error}"))?;
        Ok(Key { pem: pair.serialize_pem(), pair })
    }

    /// The key in PEM, as it was read or made.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The key as TLS takes it.
    pub fn for_tls(&self) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_slice(self.pem.as_bytes()).map_err(|error| error.to_string())
    }

    /// Its public key, a SubjectPublicKeyInfo.
    pub fn public(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    /// How it signs, an AlgorithmIdentifier.
    pub fn signature_algorithm(&self) -> Vec<u8> {
        const RSA_SHA256: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
        const ECDSA_SHA2: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
        const ED25519: [u8; 3] = [0x2b, 0x65, 0x70];
        let ecdsa = |hash: u8| {
            let oid = [&ECDSA_SHA2[..], &[hash]].concat();
            der::list(der::SEQUENCE, [der::oid(&oid)])
        };
        let algorithm = self.pair.algorithm();
        if algorithm == &rcgen::PKCS_ECDSA_P256_SHA256 {
            ecdsa(2)
        } else if algorithm == &rcgen::PKCS_ECDSA_P384_SHA384 {
            ecdsa(3)
        } else if algorithm == &rcgen::PKCS_ECDSA_P521_SHA512 {
            ecdsa(4)
        } else if algorithm == &rcgen::PKCS_ED25519 {
            der::list(der::SEQUENCE, [der::oid(&ED25519)])
        } else {
            der::list(der::SEQUENCE, [der::oid(&RSA_SHA256), der::null()])
        }
    }

    /// A request for a certificate for these hosts, in PEM.
    pub fn request(&self, hosts: &[String]) -> Result<String, String> {
        let failed = |error: rcgen::Error| format!("no request could be made: {error}");
        let mut params = CertificateParams::new(hosts).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&self.pair).map_err(failed)?;
        request.pem().map_err(failed)
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        self.pair.sign(message).map_err(|error| format!("signing failed: {error}"))
    }
}

#[cfg(test)]
mod tests;
