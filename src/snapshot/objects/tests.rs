use super::*;
use crate::api::{Meta, core};

fn pod(namespace: &str, name: &str) -> Object {
    let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
    Object::Pod(Arc::new(core::Pod { meta, ..core::Pod::default() }))
}

fn node(name: &str) -> Object {
    let meta = Meta { name: name.into(), ..Meta::default() };
    Object::Node(Arc::new(core::Node { meta, ..core::Node::default() }))
}

fn names<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<String> {
    objects.map(|o| o.key().to_string()).collect()
}

#[test]
fn lists_by_kind_namespace_and_name() {
    let objects: Objects =
        [pod("b", "x"), node("n"), pod("a", "z"), pod("a", "y")].into_iter().collect();
    assert_eq!(names(objects.iter()), ["Node n", "Pod a/y", "Pod a/z", "Pod b/x"]);
    assert_eq!(names(objects.of_kind(Kind::Pod)), ["Pod a/y", "Pod a/z", "Pod b/x"]);
    assert_eq!(names(objects.in_namespace(Kind::Pod, "a")), ["Pod a/y", "Pod a/z"]);
    assert_eq!(objects.len(), 4);
    assert_eq!(objects.count(Kind::Pod), 3);
    assert!(objects.find(Kind::Pod, "b", "x").is_some());
    assert!(objects.find(Kind::Pod, "b", "y").is_none());
}

#[test]
fn a_clone_does_not_see_later_changes() {
    let mut objects: Objects = [pod("a", "x"), pod("b", "x")].into_iter().collect();
    let before = objects.clone();
    assert!(objects.remove(&pod("a", "x").key()).is_some());
    assert!(objects.remove(&pod("a", "x").key()).is_none());
    assert_eq!(names(objects.iter()), ["Pod b/x"]);
    assert_eq!(names(before.iter()), ["Pod a/x", "Pod b/x"]);
    assert!(objects.remove(&pod("b", "x").key()).is_some());
    assert_eq!(objects, Objects::default(), "empty maps are not kept");
}
