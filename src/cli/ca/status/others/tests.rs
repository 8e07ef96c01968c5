use crate::api::mesh::{CaCertificates, RootsFrom};
use crate::ca::fixture::{DAY, now, root};

use super::*;

#[test]
fn roots_of_others_are_told_with_whom_they_are_for_and_who_says_so() {
    let entry = |text: &str, domains: &[&str]| CaCertificates {
        from: RootsFrom::Pem(text.into()),
        cert_signers: Vec::new(),
        trust_domains: domains.iter().map(|domain| (*domain).into()).collect(),
    };
    let (a, b) = (root("a", DAY * 10).certificate, root("b", DAY * 10).certificate);
    let entries = vec![entry(&a, &["x", "y"]), entry(&b, &[]), entry("none", &[])];
    let mesh = MeshConfig { ca_certificates: entries, ..MeshConfig::default() };
    let text = describe(&assemble(None, Some((&mesh, &bundles::Bundles::new()))), now());
    let lines: Vec<&str> = text.lines().collect();
    let from = "by caCertificates of the mesh configuration";
    assert!(lines[0].starts_with("trusts       ") && lines[0].contains(" O=a, until "), "{text}");
    assert!(lines[0].ends_with(&format!("(10 days left), for x, y, {from}")), "{text}");
    assert!(lines[1].ends_with(&format!("for the trust domain of the mesh, {from}")), "{text}");
    assert!(lines[2].starts_with("error: caCertificates[2].pem: "), "{text}");
    assert_eq!(describe(&Others::default(), now()), "");
}
