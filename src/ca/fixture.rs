//! CAs and requests for the tests of this band and of those that use it.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

use super::Origin;
use super::issuer::{Issuer, Parts};
use super::key::Key;
use super::sign::{self, Validity};
use crate::api::pem;

/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// A root or an intermediate, in PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The organisation that it names.
    pub name: String,
    /// Its certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Now, in whole seconds, as certificates have it.
pub fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

/// A root of this name that is valid for so long from now.
pub fn root(name: &str, lifetime: Duration) -> Pair {
    root_of(&Key::p256().unwrap(), name, Validity::starting(now(), lifetime))
}

/// A root with this key.
pub fn root_of(key: &Key, name: &str, validity: Validity) -> Pair {
    let der = sign::root(key, &sign::organization(name), validity).unwrap();
    let certificate = pem::encode("CERTIFICATE", &der);
    Pair { name: name.to_owned(), certificate, key: key.pem().to_owned() }
}

/// An intermediate that a root signed, made as operators make it, with other tools.
pub fn intermediate(name: &str, root: &Pair) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 1, 1);
    let mut signer = CertificateParams::default();
    signer.distinguished_name = rcgen::DistinguishedName::new();
    signer.distinguished_name.push(rcgen::DnType::OrganizationName, root.name.clone());
    let own = super::certificate::Certificate::all(&root.certificate).unwrap().remove(0);
    signer.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(own.key_id.unwrap());
    let signing = KeyPair::from_pem(&root.key).unwrap();
    let signed = params.signed_by(&key, &rcgen::Issuer::new(signer, signing)).unwrap();
    Pair { name: name.to_owned(), certificate: signed.pem(), key: key.serialize_pem() }
}

/// A list of what a CA revoked, by serial numbers, in PEM.
pub fn revocations(signer: &Pair, serials: &[&[u8]]) -> String {
    let of = |serial: &&[u8]| rcgen::RevokedCertParams {
        serial_number: rcgen::SerialNumber::from_slice(serial),
        revocation_time: rcgen::date_time_ymd(2020, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let own = super::certificate::Certificate::all(&signer.certificate).unwrap().remove(0);
    let params = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(2049, 1, 1),
        crl_number: 1_u64.into(),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(of).collect(),
        key_identifier_method: rcgen::KeyIdMethod::PreSpecified(own.key_id.unwrap()),
    };
    let mut named = CertificateParams::default();
    named.distinguished_name = rcgen::DistinguishedName::new();
    named.distinguished_name.push(rcgen::DnType::OrganizationName, signer.name.clone());
    named.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    let key = KeyPair::from_pem(&signer.key).unwrap();
    params.signed_by(&rcgen::Issuer::new(named, key)).unwrap().pem().unwrap()
}

/// A CA whose root signs by itself.
pub fn self_signed(root: &Pair) -> Issuer {
    let Pair { certificate, key, .. } = root;
    let parts = Parts { certificate, key, chain: "", roots: certificate, revoked: "" };
    Issuer::new(Origin::SelfSigned, parts).unwrap()
}

/// A request of a new key, in PEM.
pub fn request(algorithm: &'static SignatureAlgorithm) -> String {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let params = CertificateParams::new(vec!["evil.example.com".to_owned()]).unwrap();
    params.serialize_request(&key).unwrap().pem().unwrap()
}
