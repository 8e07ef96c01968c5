use std::fs;
use std::process::Command;

use super::*;
use crate::ca::fixture::{self, DAY, Pair, intermediate, now, root, self_signed};
use crate::ca::request::Request;

const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

fn issue(issuer: &Issuer, algorithm: &'static rcgen::SignatureAlgorithm) -> Issued {
    let request = Request::parse(&fixture::request(algorithm)).unwrap();
    issuer.issue(&request.public_key, &[WEB], Duration::from_secs(3600), now()).unwrap()
}

fn plugged_in(name: &str, top: &Pair) -> (Pair, Issuer) {
    let pair = intermediate(name, top);
    let parts = Parts {
        certificate: &pair.certificate,
        key: &pair.key,
        chain: "",
        roots: &top.certificate,
        revoked: "",
    };
    let issuer = Issuer::new(Origin::PluggedIn, parts).unwrap();
    (pair, issuer)
}

#[test]
fn a_certificate_has_the_form_that_agents_know() {
    let issuer = self_signed(&root("cluster.local", DAY));
    let start = now();
    let issued = issue(&issuer, &rcgen::PKCS_ECDSA_P256_SHA256);
    let [leaf, roots] = &issued.chain[..] else { panic!("{}", issued.chain.len()) };
    assert_eq!(roots, &issuer.root_pem);
    let leaf = Certificate::all(leaf).unwrap().remove(0);
    assert_eq!(leaf.uris, [WEB.into()]);
    assert!(leaf.dns_names.is_empty(), "names of the request are ignored");
    assert!(!leaf.is_ca && leaf.was_signed_by(&issuer.certificate));
    assert_eq!((start - leaf.not_before).get_seconds(), 120);
    assert!((leaf.not_after - start).get_seconds() >= 3600);
    assert_eq!(leaf.not_after, issued.not_after);
    let again = issue(&issuer, &rcgen::PKCS_ECDSA_P256_SHA256);
    assert_ne!(issued.chain[0], again.chain[0]);
}

#[test]
fn nothing_outlives_the_ca() {
    let issuer = self_signed(&root("cluster.local", Duration::from_secs(60)));
    let issued = issue(&issuer, &rcgen::PKCS_ED25519);
    assert_eq!(issued.not_after, issuer.certificate.not_after);
    let request = Request::parse(&fixture::request(&rcgen::PKCS_ED25519)).unwrap();
    let later = issuer.certificate.not_after;
    let refused = issuer.issue(&request.public_key, &[WEB], DAY, later).unwrap_err();
    assert!(refused.to_string().contains("the CA's certificate has expired"), "{refused}");
}

#[test]
fn intermediates_come_one_by_one_and_roots_as_one() {
    let top = root("top", DAY);
    let other = root("other", DAY);
    let (pair, _) = plugged_in("middle", &top);
    let roots = format!("{}{}", top.certificate, other.certificate);
    let low = intermediate("low", &pair);
    for (chain, certificate) in [
        (format!("{}{}", low.certificate, pair.certificate), low.certificate.clone()),
        (pair.certificate.clone(), low.certificate.clone()),
        (String::new(), format!("{}{}", low.certificate, pair.certificate)),
    ] {
        let parts = Parts {
            certificate: &certificate,
            key: &low.key,
            chain: &chain,
            roots: &roots,
            revoked: "",
        };
        let issuer = Issuer::new(Origin::PluggedIn, parts).unwrap();
        let issued = issue(&issuer, &rcgen::PKCS_RSA_SHA256);
        let counts: Vec<_> =
            issued.chain.iter().map(|part| Certificate::all(part).unwrap().len()).collect();
        assert_eq!(counts, [1, 1, 1, 2], "{chain}");
        assert!(issued.chain.iter().all(|part| part.ends_with("-----\n")));
        let second = Certificate::all(&issued.chain[1]).unwrap();
        assert_eq!(second[0], issuer.certificate);
    }
}

#[test]
fn parts_that_do_not_belong_together_are_told() {
    let (top, other) = (root("top", DAY), root("other", DAY));
    let middle = intermediate("middle", &top);
    let leaf = issue(&self_signed(&top), &rcgen::PKCS_ED25519).chain.remove(0);
    let good = Parts {
        certificate: &middle.certificate,
        key: &middle.key,
        chain: "",
        roots: &top.certificate,
        revoked: "",
    };
    for (parts, want) in [
        (Parts { certificate: "", ..good }, "the CA's certificate: there is none in it"),
        (Parts { key: &top.key, ..good }, "the CA's key is not that of its certificate"),
        (Parts { key: "", ..good }, "the CA's key: there is no private key in it"),
        (Parts { roots: "", ..good }, "the roots: there is none in it"),
        (Parts { roots: &other.certificate, ..good }, "signed by none of the roots"),
        (Parts { certificate: &leaf, ..good }, "the CA's key is not that"),
        (
            Parts { chain: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", ..good },
            "the certificate chain: a certificate cannot be parsed",
        ),
    ] {
        let why = Issuer::new(Origin::PluggedIn, parts).unwrap_err();
        assert!(why.contains(want), "{why}");
    }
    Issuer::new(Origin::PluggedIn, good).unwrap();
}

/// `openssl verify` and `openssl x509` have the last word on what a certificate is.
#[test]
fn openssl_accepts_what_is_signed() {
    if Command::new("openssl").arg("version").output().is_err() {
        crate::skip::skipped("openssl is not installed");
        return;
    }
    let top = root("top", DAY);
    let rsa = crate::ca::key::Key::rsa(2048).unwrap();
    let validity = Validity::starting(now(), DAY);
    let rsa = fixture::root_of(&rsa, "rsa", validity);
    for issuer in [self_signed(&top), plugged_in("middle", &top).1, self_signed(&rsa)] {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
            &rcgen::PKCS_RSA_SHA256,
        ] {
            let issued = issue(&issuer, algorithm);
            let folder = tempfile::tempdir().unwrap();
            let file = |name: &str, content: &str| {
                let path = folder.path().join(name);
                fs::write(&path, content).unwrap();
                path
            };
            let (leaf, rest) = issued.chain.split_first().unwrap();
            let (roots, between) = rest.split_last().unwrap();
            let leaf = file("leaf", leaf);
            let mut verify = Command::new("openssl");
            verify.args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"]);
            verify.arg(file("roots", roots));
            if !between.is_empty() {
                verify.arg("-untrusted").arg(file("between", &between.concat()));
            }
            let said = verify.arg(&leaf).output().unwrap();
            let said = (said.status.success(), String::from_utf8_lossy(&said.stderr).into_owned());
            assert_eq!(said, (true, String::new()), "{algorithm:?}");
            let mut show = Command::new("openssl");
            show.args(["x509", "-noout", "-text", "-in"]).arg(leaf);
            let text = String::from_utf8(show.output().unwrap().stdout).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            for pair in [
                ["X509v3 Key Usage: critical", "Digital Signature, Key Encipherment"],
                [
                    "X509v3 Extended Key Usage:",
                    "TLS Web Server Authentication, TLS Web Client Authentication",
                ],
                ["X509v3 Basic Constraints: critical", "CA:FALSE"],
                ["X509v3 Subject Alternative Name: critical", &format!("URI:{WEB}")],
            ] {
                assert!(lines.windows(2).any(|lines| lines == pair), "{pair:?}\n{text}");
            }
            assert!(lines.contains(&"Version: 3 (0x2)") && lines.contains(&"Subject:"), "{text}");
        }
    }
}
