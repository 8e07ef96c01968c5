use super::*;

#[test]
fn is_read_from_both_sides() {
    let mut relation = Relation::default();
    assert!(relation.set(&"a", vec![2, 1, 2]));
    assert!(relation.set(&"b", vec![2]));
    assert!(!relation.set(&"a", vec![1, 2]), "the same");
    assert_eq!(relation.rights(&"a"), [1, 2]);
    assert_eq!(relation.lefts(&1), ["a"]);
    assert_eq!(relation.lefts(&2), ["a", "b"]);

    assert!(relation.set(&"a", vec![3]));
    assert_eq!(relation.lefts(&1), [""; 0]);
    assert_eq!(relation.lefts(&2), ["b"]);
    assert_eq!(relation.lefts(&3), ["a"]);
}

#[test]
fn forgets_what_has_nothing() {
    let mut relation = Relation::default();
    relation.set(&"a", vec![1]);
    assert!(relation.set(&"a", Vec::new()));
    assert!(!relation.set(&"a", Vec::new()));
    assert!(relation.rights.is_empty() && relation.lefts.is_empty());
}
