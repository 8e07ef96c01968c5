use super::*;

/// Waits without their chance: the longest that they can be.
fn waits(schedule: &mut Schedule, steps: &[(bool, bool)]) -> Vec<u64> {
    let most = |(succeeded, has_keys): &(bool, bool)| {
        let wait = schedule.wait(*succeeded, *has_keys);
        (wait.as_secs_f64() / 0.95).round() as u64
    };
    steps.iter().map(most).collect()
}

#[test]
fn failures_wait_longer_and_longer() {
    let mut schedule = Schedule::new(Duration::from_secs(1_200));
    let without = waits(&mut schedule, &[(false, false); 9]);
    assert!(without[..7].is_sorted() && without[0] <= 2 && without[1] >= 2, "{without:?}");
    assert!((57..=63).contains(&without[8]), "{without:?}");
    let with = schedule.wait(false, true);
    assert!(with > WITHOUT_KEYS && with <= WITH_KEYS, "{with:?}");
    let success = schedule.wait(true, true);
    assert!(success > Duration::from_secs(1_079) && success <= Duration::from_secs(1_200));
    assert!(schedule.wait(false, true) <= FIRST);
}

#[test]
fn no_wait_is_longer_than_the_interval_and_none_is_nothing() {
    let mut schedule = Schedule::new(Duration::from_secs(2));
    for step in 0..20 {
        let wait = schedule.wait(step % 7 == 0, step % 2 == 0);
        assert!(wait <= Duration::from_secs(2) && wait >= Duration::from_millis(800), "{wait:?}");
    }
    let mut restless = Schedule::new(Duration::ZERO);
    assert!(restless.wait(true, true) >= Duration::from_millis(90));
}
