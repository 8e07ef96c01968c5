use super::super::Store;
use super::super::tests::assert_empty;
use crate::api::core::Secret;
use crate::api::{Change, Kind, Object, ObjectKey};
use crate::model::credential::fixture::{certificate, secret, tls};
use crate::store::Config;

fn apply(secret: Secret) -> Change {
    Change::Apply(Object::Secret(secret.into()))
}

fn key() -> ObjectKey {
    ObjectKey::new(Kind::Secret, "edge", "site")
}

#[test]
fn the_last_good_version_stays_until_the_object_goes() {
    let mut store = Store::new(Config::default());
    let pair = certificate("site", 2020, 2090);
    store.apply([apply(tls("edge", "site", &pair))]);
    let first = store.snapshot();
    let good = first.credentials.find(None, &key()).unwrap().certificate.good.clone();
    assert!(good.is_some() && first.diagnostics.is_empty());
    assert_eq!(first.objects.len(), 0, "nobody lists secrets");
    store.apply([apply(secret("edge", "site", &[("tls.crt", "x"), ("tls.key", "y")]))]);
    let second = store.snapshot();
    assert_eq!(second.credentials.find(None, &key()).unwrap().certificate.good, good);
    assert_eq!(second.diagnostics.len(), 1);
    store.apply([Change::Remove(key())]);
    let third = store.snapshot();
    assert!(third.credentials.find(None, &key()).is_none() && third.diagnostics.is_empty());
    assert_empty(&store);
}

#[test]
fn what_is_not_for_tls_makes_no_difference() {
    let mut store = Store::new(Config::default());
    let before = store.snapshot().generation;
    store.apply([apply(secret("edge", "site", &[]))]);
    assert_eq!(store.snapshot().generation, before);
}

#[test]
fn clusters_have_their_own_and_config_maps_of_others_do_not_count() {
    let mut store = Store::new(Config::default());
    let (own, east) = (certificate("own", 2020, 2090), certificate("east", 2020, 2090));
    store.apply([apply(tls("edge", "site", &own))]);
    store.apply_remote(&"east".into(), [apply(tls("edge", "site", &east))]);
    let all = store.snapshot().credentials.clone();
    let chain = |cluster| all.find(cluster, &key()).unwrap().certificate.good.clone().unwrap();
    assert_eq!(
        (&*chain(None).chain, &*chain(Some("east")).chain),
        (own.chain.as_bytes(), east.chain.as_bytes())
    );
    store.remove_cluster(&"east".into());
    let all = store.snapshot().credentials.clone();
    assert!(all.find(Some("east"), &key()).is_none() && all.find(None, &key()).is_some());
}

#[test]
fn nothing_secret_is_in_what_a_snapshot_shows() {
    let mut store = Store::new(Config::default());
    let pair = certificate("site", 2020, 2090);
    store.apply([apply(tls("edge", "site", &pair))]);
    let shown = format!("{:?} {store:?}", store.snapshot());
    let line = pair.key.lines().nth(1).unwrap();
    assert!(shown.contains("edge") && !shown.contains(line));
}
