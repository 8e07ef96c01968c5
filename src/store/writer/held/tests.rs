use super::*;
use crate::api::config::Config;
use crate::api::jwks::{JwksSource, KeySet};
use crate::api::security::RequestAuthentication;
use crate::api::{Kind, Meta, Object, Str};

fn source(issuer: &str) -> JwksSource {
    JwksSource { issuer: issuer.into(), uri: Str::default() }
}

fn change(name: &str, generation: i64) -> Change {
    let meta = Meta { name: name.into(), namespace: "shop".into(), generation, ..Meta::default() };
    let config: Config<RequestAuthentication> = Config { meta, ..Config::default() };
    Change::Apply(Object::RequestAuthentication(config.into()))
}

fn wanted(issuers: &[&str]) -> Wanted {
    issuers.iter().map(|issuer| (source(issuer), Duration::from_secs(1))).collect()
}

fn known(issuers: &[&str]) -> KeySets {
    let mut keys = KeySets::default();
    keys.sets.extend(issuers.iter().map(|issuer| (source(issuer), KeySet::default().into())));
    keys
}

#[test]
fn they_go_when_every_source_was_asked() {
    let (mut held, now) = (Held::default(), Instant::now());
    held.keep(change("a", 1), wanted(&["a", "b"]), now);
    held.keep(change("c", 1), wanted(&["c"]), now);
    assert_eq!(held.let_go(&known(&["a"]), now), []);
    assert_eq!(held.let_go(&known(&["a", "b"]), now), [change("a", 1)]);
    assert!(!held.is_empty());
    assert_eq!(held.wanted(&Wanted::new()), wanted(&["a", "b", "c"]), "until the store wants them");
    held.settled();
    assert_eq!(held.wanted(&wanted(&["d"])), wanted(&["c", "d"]));
}

#[test]
fn they_go_after_a_while_however_often_they_change() {
    let (mut held, now) = (Held::default(), Instant::now());
    held.keep(change("a", 1), wanted(&["a"]), now);
    let later = now + LONGEST / 2;
    held.keep(change("a", 2), wanted(&["b"]), later);
    assert_eq!(held.until(), Some(now + LONGEST));
    assert_eq!(held.wanted(&Wanted::new()), wanted(&["b"]));
    assert_eq!(held.let_go(&known(&[]), later), []);
    assert_eq!(held.let_go(&known(&[]), now + LONGEST), [change("a", 2)]);
    assert!(held.is_empty() && held.until().is_none());
}

#[test]
fn what_is_void_is_forgotten() {
    let (mut held, now) = (Held::default(), Instant::now());
    held.keep(change("a", 1), wanted(&["a"]), now);
    held.forget(&ObjectKey::new(Kind::RequestAuthentication, "shop", "a"));
    assert!(held.is_empty());
    assert_eq!(held.wanted(&Wanted::new()), Wanted::new());
}
