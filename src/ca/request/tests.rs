use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::api::pem;
use crate::ca::fixture;

#[test]
fn requests_of_all_kinds_of_keys_are_read() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_RSA_SHA512,
    ] {
        let request = Request::parse(&fixture::request(algorithm)).unwrap();
        assert!(request.public_key.len() > 40, "{algorithm:?}");
    }
}

/// What `openssl req -new` makes with these arguments.
fn openssl(key: &[&str], more: &[&str]) -> Option<String> {
    let made = Command::new("openssl").args(key).output();
    let Ok(made) = made else {
        crate::skip::skipped("openssl is not installed");
        return None;
    };
    let mut child = Command::new("openssl")
        .args(["req", "-new", "-subj", "/O=anything", "-key", "/dev/stdin"])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&made.stdout).unwrap();
    Some(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap())
}

#[test]
fn the_key_decides_and_not_how_it_signed() {
    let p384 = ["ecparam", "-genkey", "-noout", "-name", "secp384r1"];
    let rsa = ["genpkey", "-algorithm", "RSA"];
    let odd = ["-addext", "1.2.3.4=ASN1:UTF8String:anything"];
    for (key, more) in [
        (&p384[..], &["-sha256"][..]),
        (&p384, &["-sha512"]),
        (&rsa, &["-sha384"]),
        (&rsa, &["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1", "-sha256"]),
        (&rsa, &odd),
        (&["genpkey", "-algorithm", "ED25519"], &[]),
    ] {
        let Some(text) = openssl(key, more) else { return };
        Request::parse(&text).unwrap_or_else(|why| panic!("{key:?} {more:?}: {why}"));
    }
}

#[test]
fn weak_and_unknown_keys_are_refused() {
    for (key, want) in [
        (&["genrsa", "1024"][..], "an RSA key of 1024 bits; 2048 to 8192 are needed"),
        (
            &["ecparam", "-genkey", "-noout", "-name", "secp256k1"],
            "an elliptic curve that is not supported: \"1.3.132.0.10\"",
        ),
    ] {
        let Some(text) = openssl(key, &["-sha256"]) else { return };
        let why = Request::parse(&text).unwrap_err();
        assert_eq!(why, format!("the certificate signing request is refused: {want}"));
    }
}

#[test]
fn the_signature_must_be_that_of_the_key() {
    let text = fixture::request(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (_, block) = parse_x509_pem(text.as_bytes()).unwrap();
    let mut der = block.contents;
    // The last byte belongs to the signature.
    *der.last_mut().unwrap() ^= 1;
    let why = Request::parse(&pem::encode("CERTIFICATE REQUEST", &der)).unwrap_err();
    assert!(why.contains("the signature is not that of the key"), "{why}");
}

#[test]
fn what_is_no_request_is_refused() {
    let valid = fixture::request(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (_, block) = parse_x509_pem(valid.as_bytes()).unwrap();
    let longer = [&block.contents[..], &[0]].concat();
    for (text, want) in [
        (String::new(), "not properly encoded"),
        ("-----BEGIN CERTIFICATE REQUEST-----\n".to_owned(), "not properly encoded"),
        (pem::encode("CERTIFICATE REQUEST", b"0"), "failed to parse"),
        (pem::encode("CERTIFICATE REQUEST", &longer), "something follows"),
        ("x".repeat(1 << 20), "1048576 bytes; 32768 are allowed"),
    ] {
        let why = Request::parse(&text).unwrap_err();
        assert!(why.contains(want), "{why}");
    }
}

proptest::proptest! {
    #[test]
    fn no_request_makes_it_panic(at in 0usize..400, byte: u8, length in 0usize..400) {
        let text = fixture::request(&rcgen::PKCS_ED25519);
        let (_, block) = parse_x509_pem(text.as_bytes()).unwrap();
        let mut der = block.contents;
        if let Some(place) = der.get_mut(at) {
            *place = byte;
        }
        der.truncate(length);
        let _ = Request::parse(&pem::encode("CERTIFICATE REQUEST", &der));
    }
}
