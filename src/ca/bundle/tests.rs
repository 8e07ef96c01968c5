use super::*;
use crate::ca::fixture::{DAY, root};

fn anchor(text: &str, domains: &[&str], voucher: Voucher) -> Anchor {
    let domains: Vec<Str> = domains.iter().map(|domain| Str::from(*domain)).collect();
    Anchor::read(text, &domains, voucher).unwrap()
}

#[test]
fn proxies_get_each_text_once_and_sorted() {
    let (a, b) = (root("a", DAY).certificate, root("b", DAY).certificate);
    let bundle = Bundle::new(vec![
        anchor(&b, &[], Voucher::Ca),
        anchor(&a, &["x"], Voucher::MeshConfig),
        anchor(&b, &[], Voucher::MeshConfig),
    ]);
    let mut want = [a, b];
    want.sort();
    let texts = bundle.texts();
    assert_eq!(texts.iter().map(|text| text.to_string()).collect::<Vec<_>>(), want);
}

#[test]
fn a_root_for_one_trust_domain_is_not_one_of_others() {
    let (own, theirs) = (root("own", DAY).certificate, root("theirs", DAY).certificate);
    let bundle = Bundle::new(vec![
        anchor(&own, &[], Voucher::Ca),
        anchor(&theirs, &["theirs", "alias"], Voucher::MeshConfig),
        anchor(&own, &[], Voucher::MeshConfig),
    ]);
    let der = |text: &str| Certificate::all(text).unwrap()[0].der.clone();
    assert_eq!(bundle.roots_of("cluster.local"), [der(&own)]);
    assert_eq!(bundle.roots_of("alias"), [der(&own), der(&theirs)]);
}

#[test]
fn what_is_no_root_is_refused() {
    let read = |text: &str| Anchor::read(text, &[], Voucher::MeshConfig).unwrap_err();
    assert_eq!(read(""), "there is no certificate in it");
    assert_eq!(
        read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        "a certificate cannot be parsed"
    );
    let leaf = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
    assert!(read(&leaf.cert.pem()).ends_with("is not that of a CA"));
}
