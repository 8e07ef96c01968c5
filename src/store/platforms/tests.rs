use super::super::fixtures::{config, meta, node};
use super::*;
use crate::api::Change;
use crate::api::core::{Namespace, Node};

fn kubelet(name: &str, version: &str) -> Change {
    let node = Node { kubelet: version.into(), ..node(name, "") };
    Change::Apply(Object::Node(Arc::new(node)))
}

#[test]
fn kubelets_are_those_of_each_cluster() {
    let mut store = Store::new(config());
    store.apply([kubelet("a", "v1.32.1"), kubelet("b", "v1.33.0")]);
    store.apply_remote(&"far".into(), [kubelet("c", "v1.34.0")]);
    let snapshot = store.snapshot();
    let of = |cluster: &str| -> Vec<String> {
        snapshot.platforms[cluster].kubelets.values().map(ToString::to_string).collect()
    };
    assert_eq!(of(&snapshot.cluster), ["v1.32.1", "v1.33.0"]);
    assert_eq!(of("far"), ["v1.34.0"]);
    store.remove_cluster(&"far".into());
    assert_eq!(store.snapshot().platforms.len(), 1);
}

#[test]
fn what_is_equal_is_the_same() {
    let mut store = Store::new(config());
    store.apply([kubelet("a", "v1.33.0")]);
    let before = store.snapshot();
    let mut other = node("a", "zone=z");
    other.kubelet = "v1.33.0".into();
    store.apply([Change::Apply(Object::Node(Arc::new(other)))]);
    assert!(Arc::ptr_eq(&before.platforms, &store.snapshot().platforms));
    let ids = [("openshift.io/sa.scc.uid-range".into(), "1000/10".into())].into();
    let namespace = Namespace { meta: meta("", "shop"), platform: ids };
    store.apply([Change::Apply(Object::Namespace(Arc::new(namespace)))]);
    let after = store.snapshot();
    assert_eq!(after.platforms[&after.cluster].namespaces["shop"].len(), 1);
}
