use std::sync::Arc;

use super::fixture::{certificate, revoked, secret, tls};
use super::*;
use crate::api::Meta;
use crate::api::core::ConfigMap;

fn of(values: &[(&str, &str)]) -> Credential {
    Credential::of_secret(&secret("edge", "site", values), None)
}

fn faults<T>(part: &Part<T>) -> Vec<(&str, &str)> {
    part.faults.iter().map(|fault| (&*fault.path, &*fault.message)).collect()
}

#[test]
fn both_layouts_of_a_certificate_are_read() {
    let pair = certificate("site.example.com", 2020, 2090);
    for (chain, key) in [("tls.crt", "tls.key"), ("cert", "key")] {
        let read = of(&[(chain, &pair.chain), (key, &pair.key)]);
        let good = read.certificate.good.expect("a certificate");
        assert_eq!(good.chain, pair.chain);
        assert_eq!(good.key.expose(), &pair.key);
        assert_eq!(good.validity().until.to_string(), "2090-01-01T00:00:00Z");
        assert_eq!(read.roots, Part::default());
    }
}

#[test]
fn the_older_keys_come_first_and_have_no_staple() {
    let (old, new) = (certificate("old", 2020, 2090), certificate("new", 2020, 2090));
    let read = of(&[
        ("cert", &old.chain),
        ("key", &old.key),
        ("tls.crt", &new.chain),
        ("tls.key", &new.key),
        ("tls.ocsp-staple", "x"),
    ]);
    let good = read.certificate.good.expect("a certificate");
    assert_eq!((good.chain.clone(), good.staple.clone()), (old.chain.into(), None));
}

#[test]
fn a_chain_is_valid_while_all_of_it_is() {
    let (leaf, above) = (certificate("leaf", 2020, 2090), certificate("above", 2021, 2080));
    let chain = format!("{}{}", leaf.chain, above.chain);
    let read = of(&[("tls.crt", &chain), ("tls.key", &leaf.key)]);
    let validity = read.certificate.good.expect("a certificate").validity();
    assert_eq!(validity.from.to_string(), "2021-01-01T00:00:00Z");
    assert_eq!(validity.until.to_string(), "2080-01-01T00:00:00Z");
}

#[test]
fn what_an_envoy_would_refuse_is_refused_here() {
    let pair = certificate("site.example.com", 2020, 2090);
    let other = certificate("site.example.com", 2020, 2090);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let broken = pair.chain.replacen('M', "", 1);
    let check = |chain: &str, key: &str, path: &str, words: &str| {
        let read = of(&[("tls.crt", chain), ("tls.key", key)]);
        assert!(read.certificate.good.is_none(), "{words}");
        let [(at, message)] = faults(&read.certificate)[..] else { panic!("{words}") };
        assert_eq!(at, path);
        assert!(message.contains(words), "{message}");
    };
    check("cert", &pair.key, "data[tls.crt]", "holds no PEM");
    check(&broken, &pair.key, "data[tls.crt]", "");
    check(&pair.key, &pair.key, "data[tls.crt]", "holds no certificate");
    check(&pair.chain, "key", "data[tls.key]", "holds no PEM");
    check(&pair.chain, &pair.chain, "data[tls.key]", "holds no private key");
    check(&pair.chain, &other.key, "data[tls.key]", "not the key of the certificate");
    check(&pair.chain, encrypted, "data[tls.key]", "is encrypted");
    check(&pair.chain, "", "data[tls.key]", "empty or missing");
    check("", &pair.key, "data[tls.crt]", "empty or missing");
}

#[test]
fn what_is_wrong_is_said_without_the_values() {
    let pair = certificate("site.example.com", 2020, 2090);
    let other = certificate("site.example.com", 2020, 2090);
    for key in
        [other.key.clone(), other.key.replace("-----END", "----END"), other.key.replace('M', "")]
    {
        let read = of(&[("tls.crt", &pair.chain), ("tls.key", &key)]);
        let shown = format!("{read:?} {:?}", read.diagnostics().collect::<Vec<_>>());
        for line in other.key.lines().filter(|line| !line.starts_with('-')) {
            assert!(!shown.contains(line), "{shown}");
        }
    }
}

#[test]
fn what_cannot_be_used_leaves_what_was_there() {
    let pair = certificate("site.example.com", 2020, 2090);
    let good = Credential::of_secret(&tls("edge", "site", &pair), None);
    let bad = secret("edge", "site", &[("tls.crt", "x"), ("tls.key", &pair.key)]);
    let kept = Credential::of_secret(&bad, Some(&good));
    assert!(Arc::ptr_eq(
        &kept.certificate.good.clone().unwrap(),
        &good.certificate.good.clone().unwrap()
    ));
    let diagnostics: Vec<String> = kept.diagnostics().map(|d| d.to_string()).collect();
    let want = "error: Secret edge/site: data[tls.crt]: holds no PEM; what was there before stays in use, valid until \
                2090-01-01T00:00:00Z";
    assert_eq!(diagnostics, [want]);
    let emptied = Credential::of_secret(&secret("edge", "site", &[]), Some(&kept));
    assert!(emptied.certificate.good.is_some());
    let [(path, message)] = faults(&emptied.certificate)[..] else { panic!("one fault") };
    assert!(
        path == "data" && message.starts_with("there is no certificate with its key"),
        "{message}"
    );
    let mended = Credential::of_secret(&tls("edge", "site", &pair), Some(&emptied));
    assert_eq!(mended.diagnostics().count(), 0);
}

#[test]
fn roots_are_read_with_what_is_revoked() {
    let (a, b) = (certificate("a", 2020, 2030), certificate("b", 2025, 2090));
    let bundle = format!("{}{}", a.chain, b.chain);
    for (roots, crl) in [("ca.crt", "ca.crl"), ("cacert", "crl")] {
        let list = revoked();
        let read = of(&[(roots, &bundle), (crl, &list)]);
        let good = read.roots.good.expect("roots");
        assert_eq!(
            (good.bundle.clone(), good.revoked.clone()),
            (bundle.clone().into(), Some(list.into()))
        );
        assert_eq!(good.validity().until.to_string(), "2090-01-01T00:00:00Z", "while any is valid");
        let read = of(&[(roots, &bundle), (crl, &a.chain)]);
        assert!(read.roots.good.is_none(), "revoked certificates must not get in");
        assert_eq!(faults(&read.roots)[0].0, format!("data[{crl}]"));
    }
}

#[test]
fn an_empty_root_beside_a_certificate_is_no_mistake() {
    let pair = certificate("site.example.com", 2020, 2090);
    let values = [("tls.crt", &*pair.chain), ("tls.key", &*pair.key), ("ca.crt", "")];
    assert_eq!(of(&values).diagnostics().count(), 0);
    assert_eq!(of(&values[2..]).diagnostics().count(), 1);
}

#[test]
fn a_config_map_has_roots_only() {
    let pair = certificate("ca", 2020, 2090);
    let meta = Meta { namespace: "edge".into(), name: "trust".into(), ..Meta::default() };
    let data = [("ca.crt", &pair.chain), ("tls.crt", &pair.chain), ("tls.key", &pair.key)];
    let data = data.iter().map(|(key, value)| ((*key).into(), value.as_str().into())).collect();
    let read = Credential::of_config_map(&ConfigMap { meta, data }, None);
    assert!(read.roots.good.is_some() && read.certificate == Part::default());
}

#[test]
fn validity_says_what_is_wrong_and_when_that_changes() {
    let time = |year: i32| format!("{year}-01-01T00:00:00Z").parse::<Timestamp>().unwrap();
    let validity = Validity { from: time(2020), until: time(2030) };
    assert_eq!(validity.fault_at(time(2025)), None);
    assert_eq!(validity.fault_at(time(2010)).unwrap(), "is not valid before 2020-01-01T00:00:00Z");
    assert_eq!(validity.fault_at(time(2040)).unwrap(), "expired on 2030-01-01T00:00:00Z");
    let changes: Vec<_> =
        [2010, 2025, 2040].into_iter().map(|year| validity.changes_after(time(year))).collect();
    assert_eq!(changes, [Some(time(2020)), Some(time(2030)), None]);
}

/// A value in DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    assert!(content.len() < 128);
    [vec![tag, content.len() as u8], content].concat()
}

/// An OCSP response with this status about a certificate with this serial number.
fn response(status: u8, serial: &[u8]) -> Vec<u8> {
    let algorithm = der(0x30, &[&der(0x06, &[&[0x2b, 0x0e, 3, 2, 0x1a]])]);
    let id = der(0x30, &[&algorithm, &der(4, &[&[1]]), &der(4, &[&[2]]), &der(2, &[serial])]);
    let single = der(0x30, &[&id, &der(0x80, &[]), &der(0x18, &[b"20260101000000Z"])]);
    let data = der(
        0x30,
        &[
            &der(0xa2, &[&der(4, &[&[3]])]),
            &der(0x18, &[b"20260101000000Z"]),
            &der(0x30, &[&single]),
        ],
    );
    let basic = der(0x30, &[&data, &algorithm, &der(3, &[&[0, 1]])]);
    let oid = der(6, &[&[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]]);
    let body = der(0xa0, &[&der(0x30, &[&oid, &der(4, &[&basic])])]);
    der(0x30, &[&der(0x0a, &[&[status]]), &body])
}

#[test]
fn a_staple_must_be_about_the_certificate() {
    use super::staple::check;
    let serial = [0x17, 0x2a];
    assert_eq!(check(&response(0, &serial), &serial), Ok(()));
    assert_eq!(check(&response(0, &[0, 0xff]), &[0xff]), Ok(()), "a leading zero is a sign");
    let wrong = |bytes: &[u8]| check(bytes, &serial).expect_err("a fault");
    assert!(wrong(&response(0, &[1])).contains("another certificate"));
    assert!(wrong(&response(3, &serial)).contains("answered with an error"));
    assert!(wrong(b"staple").contains("no OCSP response"));
    assert!(wrong(&der(0x30, &[&der(0x0a, &[&[0]])])).contains("no basic OCSP response"));
    let whole = response(0, &serial);
    for cut in 0..whole.len() {
        assert!(check(&whole[..cut], &serial).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_bad_staple_is_left_out() {
    let pair = certificate("site.example.com", 2020, 2090);
    let with = |staple: &[u8]| {
        let mut secret = tls("edge", "site", &pair);
        secret.data.insert("tls.ocsp-staple".into(), staple.into());
        Credential::of_secret(&secret, None)
    };
    let good = response(0, &[0x17, 0x2a]);
    assert_eq!(with(&good).certificate.good.unwrap().staple.clone().unwrap(), good);
    let bad = with(&response(0, &[1]));
    assert!(bad.certificate.good.as_ref().is_some_and(|good| good.staple.is_none()));
    let [diagnostic] = &bad.diagnostics().collect::<Vec<_>>()[..] else { panic!("one") };
    assert_eq!(
        (diagnostic.severity, &*diagnostic.path),
        (Severity::Warning, "data[tls.ocsp-staple]")
    );
}

#[test]
fn certificates_are_described_by_fingerprint_and_end() {
    let pair = certificate("site.example.com", 2020, 2090);
    let words = describe(format!("{}{}", pair.key, pair.chain).as_bytes());
    assert!(words.starts_with("SHA-256 ") && words.ends_with(", valid until 2090-01-01T00:00:00Z"));
    assert_eq!(describe(b"x"), "");
}
