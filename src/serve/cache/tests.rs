use bytes::Bytes;

use super::*;
use crate::translate::ResourceType;

fn set(items: &[(&str, &str)]) -> Arc<ResourceSet> {
    let items = items.iter().map(|(name, body)| {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Arc::new(Resource::new((*name).into(), body, []))
    });
    Arc::new(ResourceSet::new(ResourceType::Endpoint, items.collect()))
}

fn names_of(items: &[Arc<Resource>]) -> Vec<&str> {
    items.iter().map(|r| &*r.name).collect()
}

#[test]
fn a_diff_tells_changed_and_removed() {
    let check = |old: &[(&str, &str)], new: &[(&str, &str)], changed: &[&str], removed: &[&str]| {
        let diff = Diff::between(&set(old), &set(new));
        assert_eq!(names_of(&diff.changed), changed, "{old:?} to {new:?}");
        assert_eq!(names_of(&diff.removed), removed, "{old:?} to {new:?}");
        assert_eq!(diff.is_empty(), changed.is_empty() && removed.is_empty());
    };
    check(&[], &[], &[], &[]);
    check(&[("a", "1")], &[("a", "1")], &[], &[]);
    check(&[("a", "1")], &[("a", "2")], &["a"], &[]);
    check(&[], &[("a", "1"), ("b", "1")], &["a", "b"], &[]);
    check(&[("a", "1"), ("c", "1")], &[("b", "1")], &["b"], &["a", "c"]);
    check(&[("b", "1"), ("c", "1")], &[("a", "1"), ("b", "1"), ("c", "2")], &["a", "c"], &[]);
}

#[test]
fn a_diff_is_computed_and_encoded_once() {
    let (cache, old, new) = (Cache::default(), set(&[("a", "1")]), set(&[("a", "2")]));
    let diff = cache.diff(&old, &new);
    assert!(Arc::ptr_eq(&diff, &cache.diff(&old, &new)));
    let [one, two] = [(); 2].map(|()| diff.entries(ResourceType::Endpoint, Protocol::Delta));
    assert_eq!(one.as_ptr(), two.as_ptr());
}

#[test]
fn equal_lists_are_one_and_share_names() {
    let cache = Cache::default();
    let name: Str = "b".into();
    let known = |n: &str| (n == "b").then(|| name.clone());
    let one = cache.names(["b", "a", "b"], known);
    assert_eq!(one.iter().map(|n| &**n).collect::<Vec<_>>(), ["a", "b"]);
    assert!(Arc::ptr_eq(&one[1], &name));
    assert!(Arc::ptr_eq(&one, &cache.names(["a", "b"], |_| None)));
    assert!(!Arc::ptr_eq(&one, &cache.names(["a"], |_| None)));
}

#[test]
fn a_selection_of_everything_is_the_sets_own_encoding() {
    let (cache, set) = (Cache::default(), set(&[("a", "1"), ("b", "1")]));
    let all = cache.select(&set, &cache.names(["a", "b"], |_| None));
    assert_eq!(all.entries(Protocol::Sotw).as_ptr(), set.sotw_entries().as_ptr());
    let names = cache.names(["0", "b", "c"], |_| None);
    let some = cache.select(&set, &names);
    assert_eq!(names_of(&some.found), ["b"]);
    assert_eq!(some.missing.iter().map(|n| &**n).collect::<Vec<_>>(), ["0", "c"]);
    assert!(Arc::ptr_eq(&some, &cache.select(&set, &names)));
}

#[test]
fn sweeping_forgets_what_nobody_holds() {
    let cache = Cache::default();
    let (old, new) = (set(&[("a", "1")]), set(&[("a", "2")]));
    let names = cache.names(["a"], |_| None);
    cache.diff(&old, &new);
    cache.select(&new, &names);
    cache.sweep();
    assert_eq!((lock(&cache.diffs).len(), lock(&cache.selections).len()), (1, 1));
    drop((old, names));
    cache.sweep();
    assert_eq!((lock(&cache.diffs).len(), lock(&cache.selections).len()), (0, 0));
    assert!(lock(&cache.names).is_empty());
}
