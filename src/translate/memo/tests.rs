use std::sync::Arc;

use bytes::Bytes;

use super::{Counts, Memo, Recent, ResourceMemo, Same, Sets};
use crate::translate::resource::{Resource, ResourceType};
use crate::translate::translator::Built;

fn resource(name: &str, body: &'static str) -> Resource {
    Resource::new(name.into(), Bytes::from_static(body.as_bytes()), [])
}

#[test]
fn equal_values_behind_two_arcs_are_not_the_same() {
    let one = Arc::new(1);
    assert_eq!(Same(one.clone()), Same(one.clone()));
    assert_ne!(Same(one), Same(Arc::new(1)));
}

#[test]
fn a_result_is_built_once_while_somebody_holds_it() {
    let mut memo = Memo::default();
    let first = memo.get("key", |_| 1);
    let again = memo.get("key", |_| 2);
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(memo.counts, Counts { built: 1, reused: 1 });
    drop((first, again));
    assert_eq!(*memo.get("key", |_| 3), 3, "nobody held it any more");
}

#[test]
fn a_sweep_forgets_what_nobody_holds() {
    let mut memo = Memo::default();
    let held = memo.get(1, |_| ());
    memo.get(2, |_| ());
    memo.sweep();
    assert_eq!(memo.len(), 1);
    drop(held);
    memo.sweep();
    assert!(memo.is_empty());
}

#[test]
fn equal_resources_of_different_inputs_are_one() {
    let mut memo = ResourceMemo::default();
    let one = memo.get(1, |_| resource("a", "body"));
    let same = memo.get(2, |_| resource("a", "body"));
    assert!(Arc::ptr_eq(&one, &same));
    assert_eq!(memo.counts(), Counts { built: 2, reused: 0 });
    let other = memo.get(3, |_| resource("a", "other"));
    assert!(!Arc::ptr_eq(&one, &other));
    let renamed = memo.get(4, |_| resource("b", "body"));
    assert!(!Arc::ptr_eq(&one, &renamed));
    drop((one, same, other, renamed));
    memo.sweep();
    assert!(memo.is_empty() && memo.served.is_empty());
}

#[test]
fn a_key_of_the_past_goes_although_its_resource_is_served() {
    let mut memo = ResourceMemo::default();
    let served = memo.get("before", |_| resource("a", "body"));
    memo.sweep();
    memo.sweep();
    assert_eq!(memo.len(), 1, "the only key stays, asked for or not");
    memo.get("after", |_| resource("a", "body"));
    memo.sweep();
    assert_eq!(memo.len(), 1, "of two the unused one goes");
    let again = memo.get("after", |_| unreachable!("it is served"));
    assert!(Arc::ptr_eq(&served, &again));
}

#[test]
fn equal_lists_of_resources_are_one_set() {
    let mut sets = Sets::default();
    let list = |resources| Arc::new(Built { resources, diagnostics: Vec::new() });
    let (a, b) = (Arc::new(resource("a", "")), Arc::new(resource("b", "")));
    let one = sets.get(ResourceType::Cluster, &list(vec![a.clone(), b.clone()]));
    let turned = sets.get(ResourceType::Cluster, &list(vec![b.clone(), a.clone()]));
    assert!(Arc::ptr_eq(&one, &turned));
    let kind = sets.get(ResourceType::Endpoint, &list(vec![a.clone(), b]));
    assert!(!Arc::ptr_eq(&one, &kind));
    let fewer = sets.get(ResourceType::Cluster, &list(vec![a]));
    assert!(!Arc::ptr_eq(&one, &fewer));
}

#[test]
fn layers_of_equal_sets_are_one() {
    let mut sets = Sets::default();
    let a = Arc::new(resource("a", ""));
    let list = |resources| Arc::new(Built { resources, diagnostics: Vec::new() });
    let (nothing, only) = (list(Vec::new()), list(vec![a.clone()]));
    let one = sets.layer([(ResourceType::Cluster, &list(vec![a]))].into_iter());
    let same = [(ResourceType::Listener, &nothing), (ResourceType::Cluster, &only)];
    assert!(Arc::ptr_eq(&one, &sets.layer(same.into_iter())));
    let other = sets.layer([(ResourceType::Listener, &only)].into_iter());
    assert!(!Arc::ptr_eq(&one, &other));
    let route = ResourceType::Route;
    assert!(Arc::ptr_eq(one.get(route), other.get(route)), "empty sets are one too");
}

#[test]
fn recent_results_stay_while_they_are_asked_for() {
    let mut recent = Recent::default();
    let first = recent.get("key", |_| 1);
    recent.sweep();
    recent.get("key", |_| unreachable!("asked for since the last sweep but one"));
    recent.sweep();
    assert!(Arc::ptr_eq(&first, &recent.get("key", |_| unreachable!("asked for again"))));
    recent.sweep();
    recent.sweep();
    assert_eq!(*recent.get("key", |_| 2), 2, "not asked for between two sweeps");
    assert_eq!(recent.counts, Counts { built: 2, reused: 2 });
}

#[test]
fn a_large_memo_is_looked_through_now_and_then() {
    let mut memo = Memo::default();
    let held: Vec<_> = (0..10_000).map(|n| memo.get(n, |_| ())).collect();
    memo.sweep();
    drop(memo.get(10_000, |_| ()));
    (0..7).for_each(|_| memo.sweep());
    assert_eq!(memo.len(), 10_001, "one entry may wait");
    memo.sweep();
    assert_eq!(memo.len(), 10_000);
    drop(held);
    (0..8).for_each(|_| memo.sweep());
    assert!(memo.is_empty());
    let held: Vec<_> = (0..10_000).map(|n| memo.get(n, |_| ())).collect();
    memo.sweep();
    let again: Vec<_> = (10_000..12_000).map(|n| memo.get(n, |_| ())).collect();
    drop((held, again));
    memo.sweep();
    assert!(memo.is_empty(), "where much was built, much may be forgotten");
}
