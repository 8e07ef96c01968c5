use super::*;
use crate::ca::fixture::{DAY, intermediate, revocations, root};

fn read(text: &str) -> Vec<Certificate> {
    Certificate::all(text).unwrap()
}

#[test]
fn every_certificate_of_the_chain_needs_a_list() {
    let top = root("top", DAY);
    let low = intermediate("low", &top);
    let chain = [read(&low.certificate), read(&top.certificate)].concat();
    let (of_low, of_top) = (revocations(&low, &[&[7]]), revocations(&top, &[]));
    assert_eq!(check(&format!("{of_top}{of_low}"), &chain), Ok(()));
    let why = check(&of_low, &chain).unwrap_err();
    assert!(why.starts_with("there is no list of \"O=top\""), "{why}");
    // One of the same name, of another key.
    let forged = revocations(&root("top", DAY), &[]);
    assert!(check(&format!("{forged}{of_low}"), &chain).is_err());
    assert_eq!(check("", &[]), Ok(()));
    let broken = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    assert_eq!(check(broken, &[]).unwrap_err(), "a revocation list cannot be parsed");
}
