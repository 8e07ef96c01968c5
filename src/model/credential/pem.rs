//! PEM: what stands between the lines that begin and end.

use x509_parser::pem::Pem;

use super::Fault;
use super::layout::Value;

/// The labels of certificates, as OpenSSL takes them.
const CERTIFICATES: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// The blocks of a text, in order.
pub(super) fn blocks(value: Value<'_>) -> Result<Vec<Pem>, Fault> {
    let all: Result<Vec<Pem>, _> = Pem::iter_from_buffer(value.bytes).collect();
    match all {
        Ok(blocks) if blocks.is_empty() => Err(Fault::error(value.name, "holds no PEM")),
        Ok(blocks) => Ok(blocks),
        // What the parser says of it may quote it.
        Err(_) => Err(Fault::error(value.name, "is no PEM: a block in it is cut off or broken")),
    }
}

/// Whether a block is a certificate.
pub(super) fn is_certificate(block: &Pem) -> bool {
    CERTIFICATES.contains(&&*block.label)
}
