use super::*;
use crate::ca::fixture::{self, DAY, root, self_signed};

const LIFETIMES: Lifetimes =
    Lifetimes { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };

fn authority() -> Authority {
    let issuer = Arc::new(self_signed(&root("cluster.local", DAY)));
    let (sender, state) = watch::channel(State::Ready(issuer));
    // The last value stays.
    drop(sender);
    Authority::new(state, LIFETIMES)
}

#[test]
fn lifetimes_are_those_that_are_asked_for_and_allowed() {
    let authority = authority();
    let request = fixture::request(&rcgen::PKCS_ECDSA_P256_SHA256);
    for (seconds, want) in [(0, 3600), (-5, 3600), (60, 60), (7200, 7200)] {
        let start = Timestamp::now();
        let issued = authority.issue(&request, &["spiffe://td/ns/a/sa/b"], seconds).unwrap();
        let life = issued.not_after.duration_since(start).as_secs();
        assert!((want..want + 60).contains(&life), "{seconds}: {life}");
    }
    let refused = authority.issue(&request, &["spiffe://td/ns/a/sa/b"], 7201).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "requested TTL 2h0m1s is greater than the max allowed TTL 2h0m0s"
    );
    assert!(authority.issue(&request, &[], i64::MAX).is_err());
    assert!(matches!(authority.issue("nonsense", &[], 0), Err(Error::Request(_))));
}

#[test]
fn without_a_ca_nothing_is_signed() {
    let (_sender, state) = watch::channel(State::Waiting("no Secret yet".to_owned()));
    let authority = Authority::new(state, LIFETIMES);
    let request = fixture::request(&rcgen::PKCS_ED25519);
    let refused = authority.issue(&request, &[], 0).unwrap_err();
    assert_eq!(refused, Error::NotReady("no Secret yet".to_owned()));
}
