//! Certificate signing requests, which strangers write.
//!
//! Bounded before they are parsed. Of a request only the public key counts: that it is strong enough, and that its owner
//! signed the request. Names and extensions that it asks for are ignored, for who the client is, is known better; only
//! where somebody else signs who believes them they are looked at ([`super::registration`]).

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

use super::signature;

/// The longest request, in bytes of PEM. One with an RSA key of 8192 bits has 4,000.
pub const MAX_REQUEST: usize = 32 * 1024;

/// A request whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The public key, a SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// All that its owner signed, a CertificationRequestInfo.
    pub signed: Vec<u8>,
}

impl Request {
    /// Reads a request in PEM. An error tells what is wrong with it.
    pub fn parse(pem: &str) -> Result<Request, String> {
        if pem.len() > MAX_REQUEST {
            return Err(format!(
                "the certificate signing request has {} bytes; {MAX_REQUEST} are allowed",
                pem.len()
            ));
        }
        let broken = |_| "certificate signing request is not properly encoded".to_owned();
        let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(broken)?;
        let (rest, request) = X509CertificationRequest::from_der(&block.contents)
            .map_err(|_| "failed to parse the X.509 certificate signing request".to_owned())?;
        if !rest.is_empty() {
            return Err("something follows the X.509 certificate signing request".to_owned());
        }
        let info = &request.certification_request_info;
        let signed = signature::verify(
            &info.subject_pki,
            &request.signature_algorithm,
            info.raw,
            &request.signature_value.data,
        );
        signed.map_err(|why| format!("the certificate signing request is refused: {why}"))?;
        Ok(Request { public_key: info.subject_pki.raw.to_vec(), signed: info.raw.to_vec() })
    }
}

#[cfg(test)]
mod tests;
