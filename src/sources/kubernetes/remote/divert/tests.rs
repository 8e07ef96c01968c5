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
    let changes = vec![
        secret("istio-system", "remote", true),
        secret("istio-system", "certificate", false),
        secret("shop", "elsewhere", true),
        Change::Remove(ObjectKey::new(Kind::Secret, "istio-system", "gone")),
        Change::Remove(ObjectKey::new(Kind::Service, "istio-system", "istiod")),
    ];
    let (secrets, others) = split(Batch { changes, synced: true, remote: None }, "istio-system");
    assert_eq!(keys(&secrets), ["+remote", "+certificate", "-gone"]);
    assert_eq!(keys(&others), ["-remote", "+certificate", "+elsewhere", "-gone", "-istiod"]);
    assert!(secrets.synced && others.synced);
}
