use std::time::Duration;

use super::{Backoff, FIRST, LONGEST};

#[test]
fn waits_double_with_jitter_up_to_the_longest() {
    let mut backoff = Backoff::default();
    let mut expected = FIRST;
    for _ in 0..12 {
        let wait = backoff.wait(Duration::ZERO);
        assert!(wait >= expected / 2 && wait <= expected, "{wait:?} of {expected:?}");
        expected = (expected * 2).min(LONGEST);
    }
    assert!(backoff.reset());
    assert!(!backoff.reset(), "it worked before");
    assert!(backoff.wait(Duration::ZERO) <= FIRST);
}

#[test]
fn what_the_server_asks_for_is_kept_to_within_reason() {
    let mut backoff = Backoff::default();
    assert_eq!(backoff.wait(Duration::from_secs(5)), Duration::from_secs(5));
    assert_eq!(backoff.wait(Duration::from_secs(86400)), LONGEST);
}
