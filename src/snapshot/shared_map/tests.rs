use std::collections::BTreeMap;

use super::*;

fn entries(map: &SharedMap<u32, u32>) -> Vec<(u32, u32)> {
    map.iter().map(|(k, v)| (*k, *v)).collect()
}

#[test]
fn is_a_sorted_map_whatever_is_done_to_it() {
    let mut random = fastrand::Rng::with_seed(1);
    let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
    for step in 0..20_000 {
        // First it grows, then it shrinks.
        let grows = random.u32(0..10) < if step < 10_000 { 7 } else { 2 };
        let key = random.u32(0..2_000);
        if grows {
            assert_eq!(map.insert(key, step), model.insert(key, step));
        } else {
            assert_eq!(map.remove(&key), model.remove(&key));
        }
        assert_eq!(map.get(&key), model.get(&key));
        assert!(map.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
    }
    assert_eq!(entries(&map), model.into_iter().collect::<Vec<_>>());
    assert!(map.chunks.len() <= 1 + map.len() / (CHUNK / 8), "small chunks are joined");
    assert_eq!(map, map.iter().map(|(k, v)| (*k, *v)).collect(), "chunks do not count");
}

#[test]
fn a_copy_does_not_see_later_changes_and_shares_the_rest() {
    let before: SharedMap<u32, u32> = (0..1_000).map(|n| (n, n)).collect();
    let mut after = before.clone();
    after.insert(500, 0);
    if let Some(value) = after.get_mut(&501) {
        *value = 1;
    }
    assert_eq!((before.get(&500), before.get(&501)), (Some(&500), Some(&501)));
    assert_eq!((after.get(&500), after.get(&501)), (Some(&0), Some(&1)));
    let own = before.chunks.iter().filter(|a| !after.chunks.iter().any(|b| Arc::ptr_eq(a, b)));
    assert!(own.count() <= 2);
    assert_eq!(after.get_mut(&1_000), None);
}

#[test]
fn tells_what_differs() {
    let before: SharedMap<u32, u32> = (0..1_000).map(|n| (2 * n, n)).collect();
    let mut after = before.clone();
    assert!(after.differences(&before, u32::eq).is_empty());
    after.insert(100, 0);
    after.remove(&800);
    after.insert(801, 0);
    after.insert(1_500, 750);
    assert_eq!(after.differences(&before, u32::eq), [&100, &800, &801]);
    assert_eq!(before.differences(&after, u32::eq), [&100, &800, &801]);
    let empty = SharedMap::default();
    assert_eq!(empty.differences(&before, u32::eq).len(), 1_000);
    assert_eq!(before.differences(&empty, u32::eq).len(), 1_000);
}
