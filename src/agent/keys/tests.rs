use rcgen::{CertificateSigningRequestParams, KeyPair, RsaKeySize, SanType};

use super::{KeyKind, PrivateKey, request};

const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

#[test]
fn a_request_names_the_identity_and_is_signed_by_its_key() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa(RsaKeySize::_2048)] {
        let made = request(kind, WEB).unwrap();
        // Reading it checks the signature.
        let read = CertificateSigningRequestParams::from_pem(&made.csr).unwrap();
        assert_eq!(read.params.subject_alt_names, [SanType::URI(WEB.try_into().unwrap())]);
        let key = KeyPair::from_pem(std::str::from_utf8(made.key.expose()).unwrap()).unwrap();
        let spki = read.public_key;
        assert_eq!(rcgen::PublicKeyData::der_bytes(&spki), rcgen::PublicKeyData::der_bytes(&key));
    }
}

#[test]
fn each_request_has_a_key_of_its_own() {
    let keys = [(); 2].map(|()| request(KeyKind::P256, WEB).unwrap().key);
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn kinds_are_chosen_as_variables_say() {
    let check = |algorithm, curve, bits, want: Option<KeyKind>| {
        let read = KeyKind::read(algorithm, curve, bits);
        assert_eq!(read.ok(), want, "{algorithm} {curve} {bits}");
    };
    check("", "P256", 0, Some(KeyKind::P256));
    check("ECDSA", "P256", 0, Some(KeyKind::P256));
    check("ECDSA", "P384", 0, Some(KeyKind::P384));
    check("", "P256", 3072, Some(KeyKind::Rsa(RsaKeySize::_3072)));
    check("ECDSA", "P256", 3072, Some(KeyKind::P256));
    check("", "P256", 1024, None);
    check("ECDSA", "P521", 0, None);
    check("DSA", "P256", 0, None);
}

#[test]
fn keys_do_not_show_themselves() {
    let key = PrivateKey::new(b"-----BEGIN PRIVATE KEY-----".to_vec());
    assert_eq!(format!("{key:?}"), "PrivateKey(redacted)");
}
