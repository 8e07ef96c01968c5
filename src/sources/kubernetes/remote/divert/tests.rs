use std::collections::BTreeSet;
use std::sync::Arc;

use super::split;
use crate::api::core::Secret;
use crate::api::{Batch, Change, Kind, Meta, Object, ObjectKey};

fn secret(namespace: &str, name: &str, labelled: bool) -> Change {
    let mut meta = Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() };
    if labelled {
        meta.labels.insert("istio/multiCluster".into(), "true".into());
    }
    Change::Apply(Object::Secret(Arc::new(Secret { meta, ..Secret::default() })))
}

fn keys(batch: &Batch) -> Vec<String> {
    let sign = |change: &Change| if matches!(change, Change::Remove(_)) { '-' } else { '+' };
    batch.changes.iter().map(|change| format!("{}{}", sign(change), change.key().name)).collect()
}

#[test]
fn secrets_that_tell_of_clusters_do_not_reach_the_store() {
    let mut known = BTreeSet::new();
    let mut split = |changes| {
        let (secrets, others) =
            split(Batch { changes, synced: true, remote: None }, "istio-system", &mut known);
        assert!(secrets.synced && others.synced);
        (keys(&secrets), keys(&others))
    };
    let gone = |kind, name: &str| Change::Remove(ObjectKey::new(kind, "istio-system", name));
    let (secrets, others) = split(vec![
        secret("istio-system", "remote", true),
        secret("istio-system", "certificate", false),
        secret("shop", "elsewhere", true),
        gone(Kind::Service, "istiod"),
    ]);
    assert_eq!(secrets, ["+remote", "+certificate"]);
    assert_eq!(others, ["+certificate", "+elsewhere", "-istiod"]);
    // A secret may become one that tells of clusters, and cease to be one.
    let (secrets, others) = split(vec![
        secret("istio-system", "certificate", true),
        secret("istio-system", "remote", false),
        gone(Kind::Secret, "certificate"),
        gone(Kind::Secret, "remote"),
    ]);
    assert_eq!(secrets, ["+certificate", "+remote", "-certificate", "-remote"]);
    assert_eq!(others, ["-certificate", "+remote", "-remote"]);
}
