use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::Credentials;
use crate::agent::keys::PrivateKey;
use crate::agent::material::Identity;
use crate::agent::material::tests::Ca;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn identity(name: &str) -> Identity {
    let (chain, key) = Ca::new().certify(name);
    Identity::new(chain.into_bytes(), PrivateKey::new(key.into_bytes())).unwrap()
}

fn setup() -> (TempDir, Credentials) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let certificate = Some((file("cert-chain.pem"), file("key.pem")));
    let credentials = Credentials { token: file("istio-token"), certificate };
    (folder, credentials)
}

fn provide(credentials: &Credentials, identity: &Identity) {
    let (chain, key) = credentials.certificate.as_ref().unwrap();
    std::fs::write(chain, &identity.chain).unwrap();
    std::fs::write(key, identity.key.expose()).unwrap();
}

#[test]
fn without_anything_the_error_says_what_is_missing_where() {
    let (_folder, credentials) = setup();
    let error = credentials.present(None, now()).unwrap_err().to_string();
    assert!(error.contains("istio-token") && error.contains("cert-chain.pem"), "{error}");
    let without = Credentials { certificate: None, ..credentials };
    let error = without.present(None, now()).unwrap_err().to_string();
    assert!(error.contains("PROV_CERT"), "{error}");
}

#[test]
fn a_token_is_read_anew_and_not_shown() {
    let (_folder, credentials) = setup();
    for text in ["first-secret", "second-secret"] {
        std::fs::write(&credentials.token, format!("{text}\n")).unwrap();
        let presented = credentials.present(None, now()).unwrap();
        assert_eq!(presented.token.as_ref().unwrap().expose(), text);
        assert!(!format!("{presented:?}").contains(text));
    }
    std::fs::write(&credentials.token, "\n").unwrap();
    assert!(credentials.present(None, now()).is_err(), "an empty token is none");
}

#[test]
fn a_provided_certificate_goes_with_the_token_or_alone() {
    let (_folder, credentials) = setup();
    let provided = identity("provided");
    provide(&credentials, &provided);
    let presented = credentials.present(None, now()).unwrap();
    assert_eq!(presented.certificate.as_ref(), Some(&provided));
    std::fs::write(&credentials.token, "token").unwrap();
    let presented = credentials.present(None, now()).unwrap();
    assert!(presented.token.is_some() && presented.certificate == Some(provided));
}

#[test]
fn what_has_ended_is_not_presented() {
    let (_folder, credentials) = setup();
    let provided = identity("provided");
    provide(&credentials, &provided);
    assert!(credentials.present(Some(&provided), provided.not_after).is_err());
}

#[test]
fn the_issued_certificate_stands_in_for_a_token_that_is_gone() {
    let (_folder, credentials) = setup();
    let issued = identity("issued");
    let presented = credentials.present(Some(&issued), now()).unwrap();
    assert_eq!(presented.certificate.as_ref(), Some(&issued));
    std::fs::write(&credentials.token, "token").unwrap();
    let presented = credentials.present(Some(&issued), now()).unwrap();
    assert_eq!(presented.certificate, None, "a token is enough");
}
