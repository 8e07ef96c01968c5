//! Certificates for tests.

use std::collections::BTreeMap;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber, date_time_ymd,
};

use crate::api::core::Secret;
use crate::api::{Meta, Str};

/// A certificate with its key, in PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub chain: String,
    /// Its key.
    pub key: String,
}

/// A certificate of a host that is valid from the beginning of a year to that of another.
pub fn certificate(host: &str, from: i32, until: i32) -> Pair {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params.serial_number = Some(SerialNumber::from_slice(&[0x17, 0x2a]));
    let key = KeyPair::generate().unwrap();
    Pair { chain: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// A list of nothing revoked, in PEM.
pub fn revoked() -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let issuer = Issuer::new(params, KeyPair::generate().unwrap());
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2030, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(&issuer).unwrap().pem().unwrap()
}

/// A secret of these keys and values.
pub fn secret(namespace: &str, name: &str, values: &[(&str, &str)]) -> Secret {
    let meta = Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() };
    let data: BTreeMap<Str, _> =
        values.iter().map(|(key, value)| ((*key).into(), value.as_bytes().into())).collect();
    Secret { meta, data, ..Secret::default() }
}

/// A secret of Kubernetes' type for TLS.
pub fn tls(namespace: &str, name: &str, pair: &Pair) -> Secret {
    secret(namespace, name, &[("tls.crt", &pair.chain), ("tls.key", &pair.key)])
}
