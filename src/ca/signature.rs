//! Which signatures are accepted, of which keys.

use aws_lc_rs::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// The kinds of keys that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of so many bits.
    Rsa(usize),
    /// ECDSA over P-256.
    P256,
    /// ECDSA over P-384.
    P384,
    /// ECDSA over P-521.
    P521,
    /// Ed25519.
    Ed25519,
}

/// RSA keys of fewer bits are weak.
const MIN_RSA_BITS: usize = 2048;

/// RSA keys of more bits cost more to verify than a stranger may ask for.
const MAX_RSA_BITS: usize = 8192;

const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
const ED25519: &str = "1.3.101.112";

const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const SHA384: &str = "2.16.840.1.101.3.4.2.2";
const SHA512: &str = "2.16.840.1.101.3.4.2.3";

impl KeyKind {
    /// What kind of key this is, if it is one that is taken.
    pub fn of(key: &SubjectPublicKeyInfo<'_>) -> Result<KeyKind, String> {
        if key.algorithm.algorithm.to_id_string() == ED25519 {
            return Ok(KeyKind::Ed25519);
        }
        match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => match significant_bits(rsa.modulus) {
                bits @ MIN_RSA_BITS..=MAX_RSA_BITS => Ok(KeyKind::Rsa(bits)),
                bits => Err(format!(
                    "an RSA key of {bits} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} are needed"
                )),
            },
            Ok(PublicKey::EC(_)) => {
                let curve = key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
                match curve.map(|oid| oid.to_id_string()).unwrap_or_default().as_str() {
                    P256 => Ok(KeyKind::P256),
                    P384 => Ok(KeyKind::P384),
                    P521 => Ok(KeyKind::P521),
                    other => Err(format!("an elliptic curve that is not supported: {other:?}")),
                }
            }
            _ => Err("a key of an unknown kind; RSA, ECDSA and Ed25519 are supported".to_owned()),
        }
    }
}

/// The bits of a big-endian number.
fn significant_bits(number: &[u8]) -> usize {
    let digits: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
    let unused = digits.first().map_or(0, |first| first.leading_zeros() as usize);
    digits.len() * 8 - unused
}

/// Verifies that the owner of a key signed a message.
pub fn verify(
    key: &SubjectPublicKeyInfo<'_>,
    algorithm: &AlgorithmIdentifier<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), String> {
    let kind = KeyKind::of(key)?;
    let algorithm = verification(kind, algorithm).ok_or_else(|| {
        format!("the signature algorithm {} is not supported", algorithm.algorithm)
    })?;
    let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
    key.verify(message, signature).map_err(|_| "the signature is not that of the key".to_owned())
}

fn verification(
    key: KeyKind,
    signature: &AlgorithmIdentifier<'_>,
) -> Option<&'static dyn VerificationAlgorithm> {
    use KeyKind::{Ed25519, P256, P384, P521, Rsa};
    let hash = hash_of(signature)?;
    Some(match (key, hash) {
        (Ed25519, Hash::Own) => &algorithms::ED25519,
        (Rsa(_), Hash::Sha256) => &algorithms::RSA_PKCS1_2048_8192_SHA256,
        (Rsa(_), Hash::Sha384) => &algorithms::RSA_PKCS1_2048_8192_SHA384,
        (Rsa(_), Hash::Sha512) => &algorithms::RSA_PKCS1_2048_8192_SHA512,
        (Rsa(_), Hash::Pss256) => &algorithms::RSA_PSS_2048_8192_SHA256,
        (Rsa(_), Hash::Pss384) => &algorithms::RSA_PSS_2048_8192_SHA384,
        (Rsa(_), Hash::Pss512) => &algorithms::RSA_PSS_2048_8192_SHA512,
        (P256, Hash::Ec256) => &algorithms::ECDSA_P256_SHA256_ASN1,
        (P256, Hash::Ec384) => &algorithms::ECDSA_P256_SHA384_ASN1,
        (P256, Hash::Ec512) => &algorithms::ECDSA_P256_SHA512_ASN1,
        (P384, Hash::Ec256) => &algorithms::ECDSA_P384_SHA256_ASN1,
        (P384, Hash::Ec384) => &algorithms::ECDSA_P384_SHA384_ASN1,
        (P384, Hash::Ec512) => &algorithms::ECDSA_P384_SHA512_ASN1,
        (P521, Hash::Ec256) => &algorithms::ECDSA_P521_SHA256_ASN1,
        (P521, Hash::Ec384) => &algorithms::ECDSA_P521_SHA384_ASN1,
        (P521, Hash::Ec512) => &algorithms::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

/// What a signature algorithm says beside the kind of key.
enum Hash {
    Own,
    Sha256,
    Sha384,
    Sha512,
    Pss256,
    Pss384,
    Pss512,
    Ec256,
    Ec384,
    Ec512,
}

fn hash_of(signature: &AlgorithmIdentifier<'_>) -> Option<Hash> {
    Some(match signature.algorithm.to_id_string().as_str() {
        ED25519 => Hash::Own,
        "1.2.840.113549.1.1.11" => Hash::Sha256,
        "1.2.840.113549.1.1.12" => Hash::Sha384,
        "1.2.840.113549.1.1.13" => Hash::Sha512,
        "1.2.840.113549.1.1.10" => {
            let Ok(SignatureAlgorithm::RSASSA_PSS(pss)) = SignatureAlgorithm::try_from(signature)
            else {
                return None;
            };
            match pss.hash_algorithm_oid().to_id_string().as_str() {
                SHA256 => Hash::Pss256,
                SHA384 => Hash::Pss384,
                SHA512 => Hash::Pss512,
                _ => return None,
            }
        }
        "1.2.840.10045.4.3.2" => Hash::Ec256,
        "1.2.840.10045.4.3.3" => Hash::Ec384,
        "1.2.840.10045.4.3.4" => Hash::Ec512,
        _ => return None,
    })
}
