//! What certificates look like that this process signs.
//!
//! The form of workloads' certificates is istiod's: agents and Envoys of all ages read it.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use super::certificate::Certificate;
use super::der::{self, BOOLEAN, OCTET_STRING, SEQUENCE, SET, UTF8_STRING};
use super::key::Key;

/// How far clocks may differ: certificates are valid from so long before they were made.
const CLOCK_SKEW: Duration = Duration::from_secs(120);

/// The bytes of a serial number.
const SERIAL: usize = 16;

const SUBJECT_KEY_ID: [u8; 3] = [0x55, 0x1d, 0x0e];
const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x0f];
pub(super) const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: [u8; 3] = [0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x25];
const SERVER_AUTH: [u8; 8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: [u8; 8] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
const ORGANIZATION: [u8; 3] = [0x55, 0x04, 0x0a];

/// Who signs, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// Its name.
    pub subject: &'a [u8],
    /// What it calls its key, if it says.
    pub key_id: Option<&'a [u8]>,
    /// Its key.
    pub key: &'a Key,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// From then on.
    pub not_before: Timestamp,
    /// Until then.
    pub not_after: Timestamp,
}

impl Validity {
    /// From now for so long, and a little before.
    pub fn starting(now: Timestamp, lifetime: Duration) -> Validity {
        Validity {
            not_before: now.checked_sub(CLOCK_SKEW).unwrap_or(Timestamp::MIN),
            not_after: now.checked_add(lifetime).unwrap_or(Timestamp::MAX),
        }
    }
}

/// A certificate for a workload or a server, for this key and these names: URIs, addresses and hosts.
pub fn leaf(
    signer: Signer<'_>,
    public_key: &[u8],
    names: &[&str],
    validity: Validity,
) -> Result<CertificateDer<'static>, String> {
    // Digital signature and key encipherment.
    let usage = der::unused_bits(5, &[0xa0]);
    let purposes = der::list(SEQUENCE, [der::oid(&SERVER_AUTH), der::oid(&CLIENT_AUTH)]);
    let nobody = der::value(SEQUENCE, &[]);
    let extensions = [
        extension(&KEY_USAGE, true, &usage),
        extension(&EXTENDED_KEY_USAGE, false, &purposes),
        extension(&BASIC_CONSTRAINTS, true, &der::value(SEQUENCE, &[])),
        authority(signer.key_id),
        // Critical because the subject is empty.
        extension(&SUBJECT_ALT_NAME, true, &alternative_names(names)),
    ];
    signed(signer, &nobody, public_key, validity, &extensions.concat())
}

/// A root for this key, which signs it itself, with this name.
pub fn root(
    key: &Key,
    subject: &[u8],
    validity: Validity,
) -> Result<CertificateDer<'static>, String> {
    let public_key = key.public();
    let id = digest(&SHA1_FOR_LEGACY_USE_ONLY, &public_key);
    let extensions = [
        // Certificates and revocation lists.
        extension(&KEY_USAGE, true, &der::unused_bits(1, &[0x06])),
        extension(&BASIC_CONSTRAINTS, true, &der::list(SEQUENCE, [der::yes()])),
        extension(&SUBJECT_KEY_ID, false, &der::value(OCTET_STRING, id.as_ref())),
    ];
    let signer = Signer { subject, key_id: None, key };
    signed(signer, subject, &public_key, validity, &extensions.concat())
}

/// The name of an organisation.
pub fn organization(name: &str) -> Vec<u8> {
    organization_as(UTF8_STRING, name)
}

/// The same, as a string of this kind.
pub(super) fn organization_as(kind: u8, name: &str) -> Vec<u8> {
    let text = der::value(kind, name.as_bytes());
    let attribute = der::list(SEQUENCE, [der::oid(&ORGANIZATION), text]);
    der::list(SEQUENCE, [der::list(SET, [attribute])])
}

impl<'a> Signer<'a> {
    /// The owner of a certificate and of its key.
    pub fn new(certificate: &'a Certificate, key: &'a Key) -> Signer<'a> {
        Signer { subject: &certificate.subject, key_id: certificate.key_id.as_deref(), key }
    }
}

fn signed(
    signer: Signer<'_>,
    subject: &[u8],
    public_key: &[u8],
    validity: Validity,
    extensions: &[u8],
) -> Result<CertificateDer<'static>, String> {
    let mut serial = [0; SERIAL];
    rand::fill(&mut serial).map_err(|_| "the system has no random numbers")?;
    let algorithm = signer.key.signature_algorithm();
    let times = [der::time(validity.not_before), der::time(validity.not_after)];
    let body = der::list(
        SEQUENCE,
        [
            // Version 3.
            der::context(0, &der::unsigned(&[2])),
            der::unsigned(&serial),
            algorithm.clone(),
            signer.subject.to_vec(),
            der::list(SEQUENCE, times),
            subject.to_vec(),
            public_key.to_vec(),
            der::context(3, &der::value(SEQUENCE, extensions)),
        ],
    );
    let signature = der::bits(&signer.key.sign(&body)?);
    Ok(der::list(SEQUENCE, [body, algorithm, signature]).into())
}

pub(super) fn extension(id: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let critical = if critical { der::yes() } else { Vec::new() };
    debug_assert!(critical.is_empty() || critical.first() == Some(&BOOLEAN));
    der::list(SEQUENCE, [der::oid(id), critical, der::value(OCTET_STRING, content)])
}

/// By what the signer calls its key; nothing where it does not say.
fn authority(key_id: Option<&[u8]>) -> Vec<u8> {
    key_id.map_or_else(Vec::new, |id| {
        let named = der::list(SEQUENCE, [der::implicit(0, id)]);
        extension(&AUTHORITY_KEY_ID, false, &named)
    })
}

pub(super) fn alternative_names(names: &[&str]) -> Vec<u8> {
    let names = names.iter().flat_map(|name| match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => der::implicit(7, &ip.octets()),
        Ok(IpAddr::V6(ip)) => der::implicit(7, &ip.octets()),
        Err(_) if name.contains("://") => der::implicit(6, name.as_bytes()),
        Err(_) => der::implicit(2, name.as_bytes()),
    });
    der::value(SEQUENCE, &names.collect::<Vec<u8>>())
}
