use std::fs;

use super::*;
use crate::ca::fixture::{DAY, Pair, intermediate, revocations, root};
use crate::ca::material::{CERTIFICATE, CHAIN, KEY, REVOKED, ROOTS};

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

#[tokio::test]
async fn a_self_signed_ca_has_the_roots_that_lie_beside_it_and_signs_by_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let beside = folder.path().join("root-cert.pem");
    let place = Place::directory(folder.path().join("ca"));
    let (source, state) = Source::new(place.clone(), Some(self_signed(DAY, None)), DAY);
    let mut source = source.with(Beside { revocation: true, roots: Some(beside.clone()) });
    source.load().await.unwrap();
    let own = current(&state).roots.clone();
    let more = root("more", DAY).certificate;
    fs::write(&beside, format!("{}{more}", own[0].pem())).unwrap();
    source.load().await.unwrap();
    let both = current(&state);
    assert_eq!(both.roots, [own.clone(), Certificate::all(&more).unwrap()].concat());
    assert_eq!(both.certificate, own[0]);
    // What was made is kept without them: they are the operator's.
    let kept = String::from_utf8(place.read().await.unwrap().unwrap().files[ROOTS].clone());
    assert_eq!(kept.unwrap(), own[0].pem());
    fs::write(&beside, "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n").unwrap();
    assert!(source.load().await.is_err());
    assert_eq!(current(&state).roots.len(), 2, "what was there stays");
}

#[tokio::test]
async fn revocation_lists_are_followed_where_they_count() {
    let folder = tempfile::tempdir().unwrap();
    let top = root("a", DAY);
    let low = intermediate("1", &top);
    plug(folder.path(), &low, &[&top]);
    let place = Place::directory(folder.path().into());
    let (ignoring, ignored) = Source::new(place.clone(), None, DAY);
    let mut ignoring = ignoring.with(Beside { revocation: false, roots: None });
    let (source, state) = Source::new(place, None, DAY);
    let mut source = source.with(Beside { revocation: true, roots: None });
    source.load().await.unwrap();
    let list = revocations(&low, &[&[1]]);
    fs::write(folder.path().join(REVOKED), &list).unwrap();
    source.load().await.unwrap();
    ignoring.load().await.unwrap();
    assert_eq!((&*current(&state).revoked, &*current(&ignored).revoked), (&*list, ""));
    fs::write(folder.path().join(REVOKED), revocations(&root("1", DAY), &[])).unwrap();
    assert!(format!("{:#}", source.load().await.unwrap_err()).contains("there is no list of"));
    assert_eq!(current(&state).revoked, list);
}
