use std::sync::Arc;

use super::{Interner, MAX_BYTES, MIN_SWEEP};

#[test]
fn equal_strings_are_one() {
    let mut strings = Interner::default();
    let (a, b) = (strings.intern("app"), strings.intern("app"));
    assert!(Arc::ptr_eq(&a, &b));
    let long = "x".repeat(MAX_BYTES + 1);
    assert_eq!(&*strings.intern(&long), long);
    assert_eq!(&*strings.intern(""), "");
    assert_eq!(strings.strings.len(), 1);
}

#[test]
fn strings_that_nobody_holds_are_forgotten() {
    let mut strings = Interner::default();
    let held = strings.intern("held");
    for i in 0..10 * MIN_SWEEP {
        strings.intern(&i.to_string());
    }
    assert!(strings.strings.len() <= MIN_SWEEP);
    assert!(Arc::ptr_eq(&held, &strings.intern("held")));
}
