//! Private keys and certificate signing requests.
//!
//! A key is made here, for each certificate anew, and leaves the process for Envoy's secret server and, where that is
//! asked for, a file that only its owner reads. [`PrivateKey`] never shows itself in logs.

use std::fmt;

use anyhow::Context;
use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_RSA_SHA256, RsaKeySize, SanType,
};

/// What kind of key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256: small, and made in a moment.
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA of so many bits.
    Rsa(RsaKeySize),
}

impl KeyKind {
    /// The kind that istio-agent's variables ask for. Unlike there, ECDSA is the default; who asks for an RSA key of a
    /// size, and not for ECDSA, gets that.
    pub fn read(algorithm: &str, curve: &str, rsa_bits: u32) -> anyhow::Result<KeyKind> {
        let rsa = |bits| match bits {
            2048 => Ok(KeyKind::Rsa(RsaKeySize::_2048)),
            3072 => Ok(KeyKind::Rsa(RsaKeySize::_3072)),
            4096 => Ok(KeyKind::Rsa(RsaKeySize::_4096)),
            bits => {
                anyhow::bail!("WORKLOAD_RSA_KEY_SIZE={bits}: 2048, 3072 or 4096 is needed")
            }
        };
        match (algorithm, curve) {
            ("", _) if rsa_bits != 0 => rsa(rsa_bits),
            ("" | "ECDSA", "P384") => Ok(KeyKind::P384),
            ("" | "ECDSA", "" | "P256") => Ok(KeyKind::P256),
            ("" | "ECDSA", other) => anyhow::bail!("ECC_CURVE={other}: P256 or P384 is needed"),
            (other, _) => {
                anyhow::bail!("ECC_SIGNATURE_ALGORITHM={other}: ECDSA is needed, or nothing")
            }
        }
    }

    fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyKind::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            KeyKind::Rsa(size) => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size),
        }
    }
}

/// A private key in PEM (PKCS #8 where it was made here).
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Vec<u8>);

impl PrivateKey {
    /// From PEM.
    pub fn new(pem: Vec<u8>) -> PrivateKey {
        PrivateKey(pem)
    }

    /// The PEM, for those who may have it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(redacted)")
    }
}

/// A signing request in PEM, and the key that it is for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request.
    pub csr: String,
    /// Its key.
    pub key: PrivateKey,
}

/// Makes a new key and a request for an identity. The CA decides the identity by who asks; the name tells its log
/// what was meant.
pub fn request(kind: KeyKind, spiffe: &str) -> anyhow::Result<Request> {
    let key = kind.generate().context("no private key could be made")?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = spiffe.try_into().with_context(|| format!("{spiffe:?} is no identity"))?;
    params.subject_alt_names = vec![SanType::URI(name)];
    let csr = params.serialize_request(&key).and_then(|request| request.pem());
    let csr = csr.context("no signing request could be made")?;
    Ok(Request { csr, key: PrivateKey::new(key.serialize_pem().into_bytes()) })
}

#[cfg(test)]
mod tests;
