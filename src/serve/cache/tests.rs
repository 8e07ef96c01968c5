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
    let counts = || (lock(&cache.diffs).entries.len(), lock(&cache.selections).entries.len());
    cache.sweep();
    assert_eq!(counts(), (1, 1));
    drop((old, names));
    cache.sweep();
    assert_eq!(counts(), (0, 0));
    assert!(lock(&cache.names).by_hash.is_empty());
}

#[test]
fn what_is_dead_does_not_pile_up_between_sweeps() {
    let (cache, set) = (Cache::default(), set(&[("a", "1")]));
    for i in 0..10 * MIN_ROOM {
        cache.select(&set, &cache.names(["a", &i.to_string()], |_| None));
    }
    assert!(lock(&cache.selections).entries.len() <= MIN_ROOM);
    let many: Vec<String> = (0..MIN_ROOM_OF_NAMES / 4).map(|i| i.to_string()).collect();
    for i in 0..10 {
        cache.names(many.iter().map(String::as_str).skip(i), |_| None);
    }
    assert!(lock(&cache.names).by_hash.len() <= 10 * MIN_ROOM + 6);
}
