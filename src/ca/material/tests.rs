use super::*;
use crate::ca::fixture::{DAY, intermediate, revocations, root};

fn files(content: &[(&str, &str)]) -> Files {
    content.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

/// What was found, in words.
fn found(origin: Origin, content: &[(&str, &str)]) -> String {
    match read(origin, &files(content)) {
        Found::Nothing => "nothing".to_owned(),
        Found::Broken(why) => why,
        Found::Issuer(issuer) => format!(
            "{} signs; {} between, {} roots, {} revoked",
            issuer.certificate.subject_text(),
            issuer.chain.len(),
            issuer.roots.len(),
            issuer.revoked.len()
        ),
    }
}

#[test]
fn both_layouts_are_read_and_incomplete_ones_told() {
    let top = root("top", DAY);
    let low = intermediate("low", &top);
    let chain = format!("{}{}", low.certificate, top.certificate);
    let (certificate, key, roots) =
        (low.certificate.as_str(), low.key.as_str(), top.certificate.as_str());
    let all = [(CERTIFICATE, certificate), (KEY, key), (CHAIN, &chain), (ROOTS, roots)];
    let tls = [("tls.crt", chain.as_str()), ("tls.key", key), ("ca.crt", roots)];
    let plugged = |content: &[(&str, &str)]| found(Origin::PluggedIn, content);
    assert_eq!(plugged(&all), "O=low signs; 2 between, 1 roots, 0 revoked");
    assert_eq!(plugged(&tls), "O=low signs; 2 between, 1 roots, 0 revoked");
    let lists = format!("{}{}", revocations(&low, &[]), revocations(&top, &[]));
    let with_lists = [&all[..], &[(REVOKED, &lists)]].concat();
    let want = format!("O=low signs; 2 between, 1 roots, {} revoked", lists.len());
    assert_eq!(plugged(&with_lists), want);
    let broken = [&all[..], &[(REVOKED, "list")]].concat();
    assert!(plugged(&broken).starts_with("the revocation lists: there is no list of"));
    assert_eq!(plugged(&[]), "nothing");
    assert_eq!(plugged(&[(ROOTS, roots)]), "nothing", "only more roots");
    assert_eq!(plugged(&all[..2]), "the CA is incomplete: cert-chain.pem, root-cert.pem missing");
    assert_eq!(plugged(&all[1..]), "the CA is incomplete: ca-cert.pem missing");
    assert_eq!(plugged(&tls[..2]), "the CA is incomplete: ca.crt missing");
    let other = root("other", DAY);
    let wrong = [(CERTIFICATE, certificate), (KEY, &other.key), (CHAIN, ""), (ROOTS, roots)];
    assert_eq!(plugged(&wrong), "the CA's key is not that of its certificate");
}

#[test]
fn a_self_signed_ca_needs_no_roots_of_its_own() {
    let top = root("top", DAY);
    for roots in [&[][..], &[(ROOTS, "")], &[(ROOTS, top.certificate.as_str())]] {
        let own = [(CERTIFICATE, top.certificate.as_str()), (KEY, &top.key), (CHAIN, "")];
        let got = found(Origin::SelfSigned, &[&own[..], roots].concat());
        assert_eq!(got, "O=top signs; 0 between, 1 roots, 0 revoked");
    }
}
