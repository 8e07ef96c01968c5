//! Certificates as they are read: what of them signing, serving and watching need.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::signature;
use crate::api::{Str, pem};

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// All of it.
    pub der: CertificateDer<'static>,
    /// Whom it is for, a Name.
    pub subject: Vec<u8>,
    /// Who signed it, a Name.
    pub issuer: Vec<u8>,
    /// The key, a SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// By what those that it signs call its key; None where it does not say.
    pub key_id: Option<Vec<u8>>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// It may sign others.
    pub is_ca: bool,
    /// The URIs that it is for.
    pub uris: Vec<Str>,
    /// The host names that it is for.
    pub dns_names: Vec<Str>,
}

impl Certificate {
    /// Reads one in DER.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Certificate, String> {
        let broken = |_| "a certificate cannot be parsed".to_owned();
        let (_, read) = X509Certificate::from_der(&der).map_err(broken)?;
        let time = |at: x509_parser::time::ASN1Time| {
            Timestamp::from_second(at.timestamp())
                .map_err(|_| "a certificate has a time out of range".to_owned())
        };
        let extension = |wanted: fn(&ParsedExtension<'_>) -> Option<Vec<u8>>| {
            read.extensions().iter().find_map(|extension| wanted(extension.parsed_extension()))
        };
        let key_id = extension(|extension| match extension {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        let names = || {
            let names = read.subject_alternative_name().ok().flatten();
            names.map(|names| names.value.general_names.clone()).unwrap_or_default()
        };
        let uris = names().into_iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(Str::from(uri)),
            _ => None,
        });
        let dns_names = names().into_iter().filter_map(|name| match name {
            GeneralName::DNSName(host) => Some(Str::from(host)),
            _ => None,
        });
        Ok(Certificate {
            subject: read.subject().as_raw().to_vec(),
            issuer: read.issuer().as_raw().to_vec(),
            public_key: read.public_key().raw.to_vec(),
            key_id,
            not_before: time(read.validity().not_before)?,
            not_after: time(read.validity().not_after)?,
            is_ca: read.is_ca(),
            uris: uris.collect(),
            dns_names: dns_names.collect(),
            der: der.clone(),
        })
    }

    /// Reads all certificates of a PEM file, in its order. One that is broken spoils all.
    pub fn all(text: &str) -> Result<Vec<Certificate>, String> {
        let blocks = CertificateDer::pem_slice_iter(text.as_bytes());
        let read = |block: Result<_, _>| {
            let der: CertificateDer<'static> =
                block.map_err(|_| "a block of PEM is broken".to_owned())?;
            Certificate::from_der(der)
        };
        blocks.map(read).collect()
    }

    /// In PEM, with a newline at the end.
    pub fn pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der)
    }

    /// It signed itself.
    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer && self.was_signed_by(self)
    }

    /// Whether another one signed this.
    pub fn was_signed_by(&self, other: &Certificate) -> bool {
        if self.issuer != other.subject {
            return false;
        }
        let Ok((_, read)) = X509Certificate::from_der(&self.der) else { return false };
        let Ok((_, signer)) = X509Certificate::from_der(&other.der) else { return false };
        let (algorithm, signature) = (&read.signature_algorithm, &read.signature_value.data);
        let signed = read.tbs_certificate.as_ref();
        signature::verify(signer.public_key(), algorithm, signed, signature).is_ok()
    }

    /// Whom it is for, as people write it.
    pub fn subject_text(&self) -> String {
        let read = X509Certificate::from_der(&self.der);
        read.map(|(_, read)| read.subject().to_string()).unwrap_or_default()
    }

    /// The SHA-256 of it, in short: what tells certificates of one name apart in logs.
    pub fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.der);
        digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}
