use std::fs;

use super::*;
use crate::ca::fixture::{DAY, Pair, intermediate, root};
use crate::ca::material::{CERTIFICATE, CHAIN, KEY, ROOTS};

fn self_signed(lifetime: Duration, check: Option<Duration>) -> SelfSigned {
    let recipe = Recipe {
        organization: "cluster.local".to_owned(),
        lifetime,
        bits: 2048,
        grace_percent: 20,
    };
    SelfSigned { recipe, check, jitter: false }
}

fn current(state: &watch::Receiver<State>) -> Arc<Issuer> {
    state.borrow().issuer().cloned().unwrap()
}

fn plug(path: &std::path::Path, signer: &Pair, roots: &[&Pair]) {
    let roots: String = roots.iter().map(|root| root.certificate.as_str()).collect();
    for (name, content) in [
        (CERTIFICATE, &signer.certificate),
        (KEY, &signer.key),
        (CHAIN, &signer.certificate),
        (ROOTS, &roots),
    ] {
        fs::write(path.join(name), content).unwrap();
    }
}

#[tokio::test]
async fn a_self_signed_ca_is_made_once_and_read_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::directory(folder.path().join("ca"));
    let made = self_signed(DAY, None);
    let (mut one, first) = Source::new(place.clone(), Some(made.clone()), DAY);
    let (mut other, second) = Source::new(place.clone(), Some(made), DAY);
    one.load().await.unwrap();
    other.load().await.unwrap();
    assert!(current(&first).is_same(&current(&second)));
}

#[tokio::test]
async fn its_root_is_renewed_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::directory(folder.path().join("ca"));
    // All of its life is the last part of it.
    let mut made = self_signed(DAY, Some(Duration::ZERO));
    made.recipe.grace_percent = 100;
    let (mut source, state) = Source::new(place, Some(made), DAY);
    source.load().await.unwrap();
    source.next_check = None;
    source.load().await.unwrap();
    let before = current(&state);
    source.next_check = Some(Timestamp::UNIX_EPOCH);
    source.load().await.unwrap();
    source.next_check = None;
    source.load().await.unwrap();
    let after = current(&state);
    assert_ne!(before.certificate, after.certificate);
    assert_eq!(before.certificate.public_key, after.certificate.public_key);
}

#[tokio::test]
async fn a_plugged_in_ca_is_followed_and_what_is_wrong_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (root("a", DAY), root("b", DAY));
    let (low, next, other) = (intermediate("1", &a), intermediate("2", &a), intermediate("3", &b));
    let (mut source, state) = Source::new(Place::directory(folder.path().into()), None, DAY);
    assert!(source.load().await.is_err(), "there is none");
    plug(folder.path(), &low, &[&a]);
    source.load().await.unwrap();
    let name = |state| current(state).certificate.subject_text();
    assert_eq!(name(&state), "O=1");
    fs::write(folder.path().join(KEY), &next.key).unwrap();
    assert!(source.load().await.is_err(), "key and certificate of two CAs");
    assert_eq!(name(&state), "O=1");
    plug(folder.path(), &next, &[&a]);
    source.load().await.unwrap();
    assert_eq!(name(&state), "O=2");
    plug(folder.path(), &other, &[&b]);
    assert!(source.load().await.is_err(), "nobody trusts its root");
    assert_eq!(name(&state), "O=2");
    plug(folder.path(), &other, &[&a, &b]);
    source.load().await.unwrap();
    assert_eq!((name(&state), current(&state).roots.len()), ("O=2".to_owned(), 2), "roots first");
    source.load().await.unwrap();
    assert_eq!(name(&state), "O=2", "and its key later");
    source.held.as_mut().unwrap().0 = Timestamp::UNIX_EPOCH;
    source.load().await.unwrap();
    assert_eq!(name(&state), "O=3");
}
