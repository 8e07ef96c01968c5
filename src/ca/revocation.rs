//! Revocation lists of a plugged-in CA (`ca-crl.pem`), and what makes them usable.
//!
//! Who verifies with a list asks for one of every certificate between a leaf and its root: where one is missing,
//! nobody under that certificate is believed any more, revoked or not. So such lists are refused before anybody gets them.

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::Certificate;
use super::signature;

/// The lists of a PEM file.
///
/// # Errors
/// When one of them is broken.
pub fn lists(text: &str) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    let blocks = CertificateRevocationListDer::pem_slice_iter(text.as_bytes());
    blocks.map(|block| block.map_err(|_| "a block of PEM is broken".to_owned())).collect()
}

/// Checks that each certificate of a chain signed one of the lists.
pub(super) fn check(text: &str, chain: &[Certificate]) -> Result<(), String> {
    let lists = lists(text)?;
    let mut read = Vec::new();
    for list in &lists {
        let (_, list) = CertificateRevocationList::from_der(list)
            .map_err(|_| "a revocation list cannot be parsed".to_owned())?;
        read.push(list);
    }
    for signer in chain {
        if !read.iter().any(|list| is_signed_by(list, signer)) {
            let subject = signer.subject_text();
            return Err(format!(
                "there is no list of {subject:?}: proxies would refuse all certificates under it; give one, be it empty"
            ));
        }
    }
    Ok(())
}

fn is_signed_by(list: &CertificateRevocationList<'_>, signer: &Certificate) -> bool {
    if list.issuer().as_raw() != signer.subject {
        return false;
    }
    let Ok((_, signer)) = X509Certificate::from_der(&signer.der) else { return false };
    let (algorithm, signature) = (&list.signature_algorithm, &list.signature_value.data);
    let signed = list.tbs_cert_list.as_ref();
    signature::verify(signer.public_key(), algorithm, signed, signature).is_ok()
}

#[cfg(test)]
mod tests;
