use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};

use super::{Identity, Roots};
use crate::agent::keys::PrivateKey;

/// A CA for tests.
pub(in crate::agent) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(in crate::agent) root: String,
}

impl Ca {
    pub(in crate::agent) fn new() -> Ca {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().pem();
        Ca { issuer: Issuer::new(params, key), root }
    }

    /// Signs whatever is asked for.
    pub(in crate::agent) fn sign(&self, csr: &str, from: SystemTime, life: Duration) -> String {
        let mut csr = rcgen::CertificateSigningRequestParams::from_pem(csr).unwrap();
        csr.params.not_before = from.into();
        csr.params.not_after = (from + life).into();
        csr.signed_by(&self.issuer).unwrap().pem()
    }

    /// A certificate for a host, and its key.
    pub(in crate::agent) fn certify(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::DnsName(host.try_into().unwrap())];
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

#[test]
fn a_pair_belongs_together() {
    let ca = Ca::new();
    let (one, key) = ca.certify("one");
    let (other, _) = ca.certify("other");
    let pair = |chain: &str| {
        Identity::new(chain.as_bytes().to_vec(), PrivateKey::new(key.as_bytes().to_vec()))
    };
    assert!(pair(&one).is_ok());
    assert!(pair(&(one + &ca.root)).is_ok());
    let error = pair(&other).unwrap_err().to_string();
    assert_eq!(error, "the private key is not that of the certificate");
    assert!(pair("").is_err());
    assert!(pair("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
}

#[test]
fn errors_tell_nothing_of_keys() {
    let (chain, _) = Ca::new().certify("one");
    let key = PrivateKey::new(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n".to_vec());
    let error = format!("{:?}", Identity::new(chain.into_bytes(), key).unwrap_err());
    assert!(!error.contains("c2VjcmV0"), "{error}");
}

#[test]
fn an_identity_knows_its_end() {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let request = crate::agent::keys::request(
        crate::agent::keys::KeyKind::P256,
        "spiffe://cluster.local/ns/a/sa/b",
    );
    let request = request.unwrap();
    let chain = Ca::new().sign(&request.csr, start, Duration::from_secs(60));
    let identity = Identity::new(chain.into_bytes(), request.key).unwrap();
    assert_eq!(identity.not_after, start + Duration::from_secs(60));
    assert!(!identity.has_ended(start));
    assert!(identity.has_ended(start + Duration::from_secs(60)));
}

#[test]
fn roots_that_cannot_be_read_cost_no_others() {
    let (one, two) = (Ca::new().root, Ca::new().root);
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let read = Roots::new(format!("# ours\n{one}{bad}{two}").as_bytes()).unwrap();
    assert_eq!(read, Roots::new((one + &two).as_bytes()).unwrap());
    assert_eq!(read.store().len(), 2);
    assert!(Roots::new(bad.as_bytes()).is_err());
    assert!(Roots::new(b"").is_err());
}

#[test]
fn roots_come_together_each_once() {
    let [one, two] = [(); 2].map(|()| Roots::new(Ca::new().root.as_bytes()).unwrap());
    let both = one.and(&two).unwrap();
    assert_eq!(both.store().len(), 2);
    assert_eq!(both.and(&one).unwrap(), both);
}
