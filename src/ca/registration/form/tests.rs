use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair, SanType};

use super::*;

const WEB: &str = "spiffe://td/ns/a/sa/web";
const OTHER: &str = "spiffe://td/ns/a/sa/other";

fn params(names: &[SanType]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = names.to_vec();
    params
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

/// Whether a request of these parameters is registered for the first name, or a second one.
fn fits(params: &CertificateParams) -> bool {
    let key = KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let names = ["spiffe://td/ns/a/sa/first".to_owned(), WEB.to_owned()];
    asks_only_for(&Request::parse(&pem).unwrap(), &names)
}

#[test]
fn a_request_asks_for_a_name_of_its_own_and_for_nothing_else() {
    assert!(fits(&params(&[uri(WEB)])));
    let mut nameless = params(&[uri(WEB)]);
    nameless.distinguished_name.push(DnType::OrganizationName, "");
    assert!(fits(&nameless), "as istio-agent writes it");

    assert!(!fits(&params(&[])), "no name");
    assert!(!fits(&params(&[uri(OTHER)])), "another's name");
    assert!(!fits(&params(&[uri(WEB), uri(OTHER)])), "another's name behind its own");
    assert!(!fits(&params(&[uri(WEB), uri(WEB)])), "twice");
    assert!(!fits(&params(&[SanType::DnsName(WEB.try_into().unwrap())])), "as a host");
    assert!(!fits(&params(&[uri(WEB), SanType::DnsName("a.example".try_into().unwrap())])));
    for subject in [DnType::CommonName, DnType::OrganizationName] {
        let mut named = params(&[uri(WEB)]);
        named.distinguished_name.push(subject, "system:masters");
        assert!(!fits(&named));
    }
    let mut ca = params(&[uri(WEB)]);
    ca.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 0])];
    assert!(!fits(&ca), "another extension");
}
