//! Certificates in PEM.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

use super::layout::Value;
use super::{Fault, Validity, pem};

/// What matters of one certificate.
pub(super) struct Link {
    /// Its public key with the algorithm, in DER.
    pub public_key: Vec<u8>,
    /// Its serial number, without leading zeros.
    pub serial: Vec<u8>,
    pub validity: Validity,
    /// In DER.
    pub der: Vec<u8>,
}

/// The certificates of a text. At least one.
pub(super) fn read(value: Value<'_>) -> Result<Vec<Link>, Fault> {
    let blocks = pem::blocks(value)?;
    let certificates = blocks.into_iter().filter(pem::is_certificate).enumerate();
    let links = certificates.map(|(at, block)| {
        link(block.contents).ok_or_else(|| {
            Fault::error(
                value.name,
                format!("certificate {} of it is no X.509 certificate", at + 1),
            )
        })
    });
    let links: Vec<Link> = links.collect::<Result<_, _>>()?;
    if links.is_empty() {
        return Err(Fault::error(value.name, "holds no certificate"));
    }
    Ok(links)
}

fn link(der: Vec<u8>) -> Option<Link> {
    // A trusted certificate has more behind it.
    let (_, certificate) = parse_x509_certificate(&der).ok()?;
    let (public_key, serial) =
        (certificate.public_key().raw.to_vec(), certificate.tbs_certificate.raw_serial());
    let serial = trimmed(serial).to_vec();
    let validity = validity(&certificate)?;
    Some(Link { public_key, serial, validity, der })
}

fn validity(certificate: &X509Certificate<'_>) -> Option<Validity> {
    let validity = certificate.validity();
    Some(Validity {
        from: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
        until: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
    })
}

/// The certificates of a text in words: the fingerprint of each, and until when it is valid.
pub fn describe(text: &[u8]) -> String {
    let links = read(Value { name: "", bytes: text }).unwrap_or_default();
    let words = links.iter().map(|link| {
        let fingerprint = digest(&SHA256, &link.der);
        let hex: String = fingerprint.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("SHA-256 {hex}, valid until {}", link.validity.until)
    });
    words.collect::<Vec<_>>().join("; ")
}

/// A number without leading zeros.
pub(super) fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
