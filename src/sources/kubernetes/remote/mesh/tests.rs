use std::sync::Arc;

use super::take_trust_domain;
use crate::api::core::ConfigMap;
use crate::api::{Batch, Change, Kind, Meta, Object, ObjectKey};

fn mesh(text: &str) -> Change {
    let meta = Meta { namespace: "istio-system".into(), name: "istio".into(), ..Meta::default() };
    let data = [("mesh".into(), text.into())].into();
    Change::Apply(Object::ConfigMap(Arc::new(ConfigMap { meta, data })))
}

#[test]
fn the_trust_domain_is_the_one_that_is_told_last() {
    let gone = Change::Remove(ObjectKey::new(Kind::ConfigMap, "istio-system", "istio"));
    let service = Change::Remove(ObjectKey::new(Kind::Service, "a", "b"));
    for (changes, told) in [
        (vec![], None),
        (vec![mesh("trustDomain: east")], Some(Some("east".into()))),
        (vec![mesh("trustDomain: east"), mesh("trust_domain: west")], Some(Some("west".into()))),
        (vec![mesh("trustDomain: east"), gone], Some(None)),
        (vec![mesh("enableTracing: true")], Some(None)),
        (vec![mesh("trustDomain: ''")], Some(None)),
        (vec![mesh("{")], Some(None)),
    ] {
        let changes = changes.into_iter().chain([service.clone()]).collect();
        let mut batch = Batch { changes, ..Batch::default() };
        assert_eq!(take_trust_domain(&mut batch), told, "{batch:?}");
        assert_eq!(batch.changes, std::slice::from_ref(&service), "the rest is the store's");
    }
}
