//! OCSP responses: what an issuer says of its certificate, to be shown with it.
//!
//! An Envoy refuses a certificate with a response that is not about it, so that only that much is looked at: RFC 6960,
//! 4.2.1.

use x509_parser::der_parser::asn1_rs::{Any, FromDer, Tag};

use super::chain::trimmed;

/// The status of a response that says something.
const SUCCESSFUL: [u8; 1] = [0];

/// `id-pkix-ocsp-basic`.
const BASIC: [u8; 9] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// Whether it is a response of a certificate with this serial number.
pub(super) fn check(der: &[u8], serial: &[u8]) -> Result<(), String> {
    let left_out = |what: &str| format!("is left out: {what}");
    let (status, body) = response(der).ok_or_else(|| left_out("it is no OCSP response in DER"))?;
    if status != SUCCESSFUL {
        return Err(left_out("the issuer's OCSP responder answered with an error"));
    }
    let about = body.and_then(subject);
    match about.ok_or_else(|| left_out("it is no basic OCSP response"))? == serial {
        true => Ok(()),
        false => Err(left_out("it is about another certificate")),
    }
}

/// The status, and the basic response.
fn response(der: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let outer = sequence(der)?;
    let (rest, status) = Any::from_der(outer).ok()?;
    let body = || {
        let (_, tagged) = Any::from_der(rest).ok()?;
        let (rest, kind) = Any::from_der(sequence(tagged.data)?).ok()?;
        let (_, bytes) = Any::from_der(rest).ok()?;
        (kind.data == BASIC).then_some(bytes.data)
    };
    (status.tag() == Tag::Enumerated).then(|| (status.data, body()))
}

/// The serial number of the certificate that a basic response is about.
fn subject(basic: &[u8]) -> Option<&[u8]> {
    let data = sequence(sequence(basic)?)?;
    // Version and who answers are tagged, then the time; then come the single responses.
    let mut rest = data;
    let singles = loop {
        let (after, part) = Any::from_der(rest).ok()?;
        if part.tag() == Tag::Sequence
            && part.class() == x509_parser::der_parser::asn1_rs::Class::Universal
        {
            break part.data;
        }
        rest = after;
    };
    let certificate = sequence(sequence(singles)?)?;
    let mut rest = certificate;
    let mut serial = None;
    for _ in 0..4 {
        let (after, part) = Any::from_der(rest).ok()?;
        serial = (part.tag() == Tag::Integer).then_some(part.data);
        rest = after;
    }
    serial.map(trimmed)
}

/// What is in a sequence.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    let (_, any) = Any::from_der(der).ok()?;
    (any.tag() == Tag::Sequence).then_some(any.data)
}
