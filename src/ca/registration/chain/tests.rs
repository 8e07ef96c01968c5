use super::*;
use crate::ca::Origin;
use crate::ca::fixture::{DAY, Pair, intermediate, now, root};
use crate::ca::issuer::{Issuer, Parts};
use crate::ca::key::Key;

const WEB: &str = "spiffe://td/ns/a/sa/web";

/// What a signer below a root returns for a key: its certificate and the intermediate; and the root.
fn below(root: &Pair, key: &Key) -> (String, String) {
    let between = intermediate("between", root);
    let Pair { certificate, key: signs, .. } = &between;
    let parts = Parts { certificate, key: signs, chain: "", roots: &root.certificate, revoked: "" };
    let issuer = Issuer::new(Origin::PluggedIn, parts).unwrap();
    let chain = issuer.issue(&key.public(), &[WEB], DAY, now()).unwrap().chain;
    (chain[..2].concat(), chain[2].clone())
}

#[test]
fn clients_get_one_by_one_and_all_roots_at_the_end() {
    let (first, second) = (root("first", DAY), root("second", DAY));
    let key = Key::p256().unwrap();
    let (sent, own) = below(&first, &key);
    let both = format!("{}{}", second.certificate, first.certificate);
    for (sent, roots, last) in [
        // As the mesh configuration has them, whatever the signer sends.
        (sent.clone(), Some(both.as_str()), &both),
        (format!("{sent}{own}"), Some(both.as_str()), &both),
        // As the signer sends it.
        (format!("{sent}{own}"), None, &own),
        // The intermediate is trusted itself.
        (sent.clone(), Some(&*sent), &sent),
    ] {
        let issued = signed(&sent, &key.public(), roots).unwrap().issued();
        assert_eq!(issued.chain.last().unwrap(), last);
        let trusted = last == &sent;
        assert_eq!(issued.chain.len(), if trusted { 2 } else { 3 });
        let leaf = Certificate::all(&issued.chain[0]).unwrap();
        assert_eq!((leaf.len(), &*leaf[0].uris[0]), (1, WEB));
        assert_eq!(issued.not_after, leaf[0].not_after);
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (own, other) = (root("own", DAY), root("other", DAY));
    let key = Key::p256().unwrap();
    let (sent, _) = below(&own, &key);
    let alone = Certificate::all(&sent).unwrap()[0].pem();
    let public = key.public();
    let stranger = Key::p256().unwrap().public();
    let sign = "CERT_GEN_ERROR";
    let request = "CSR_ERROR";
    for (text, key, roots, kind, want) in [
        ("nonsense", &public, None, sign, "the signer returned no certificate"),
        (&*sent, &stranger, None, sign, "the signer returned a certificate for another key"),
        (
            &sent,
            &public,
            None,
            request,
            "failed to find root cert from either signed cert-chain or mesh config",
        ),
        (
            &sent,
            &public,
            Some(&*other.certificate),
            request,
            "root cert from signed cert-chain is invalid (the certificate leads to none",
        ),
        // The intermediate is missing.
        (
            &alone,
            &public,
            Some(&*own.certificate),
            request,
            "root cert from signed cert-chain is invalid",
        ),
    ] {
        let error = signed(text, key, roots).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().starts_with(want), "{error}");
    }
}
