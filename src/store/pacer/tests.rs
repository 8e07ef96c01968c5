use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// With the defaults of the settings.
fn pacer() -> Pacer {
    Pacer::new(Limits { after: ms(100), max: ms(10_000) })
}

/// Changes at these times, in milliseconds; each flush costs `cost`. Returns when the flushes were.
fn run(pacer: &mut Pacer, changes: &[u64], cost: u64) -> Vec<u64> {
    let mut flushes = Vec::new();
    let mut changes = changes.iter().copied().peekable();
    loop {
        let due = pacer.due().and_then(|due| u64::try_from(due.as_millis()).ok());
        match (changes.peek(), due) {
            (Some(&change), due) if due.is_none_or(|due| change <= due) => {
                pacer.changed(ms(change));
                changes.next();
            }
            (_, Some(due)) => {
                pacer.flush(ms(due));
                pacer.learn(ms(cost));
                flushes.push(due);
            }
            (_, None) => return flushes,
        }
    }
}

fn every(step: u64, until: u64) -> Vec<u64> {
    (0..until).step_by(usize::try_from(step).expect("small")).collect()
}

#[test]
fn after_quiet_a_change_goes_out_at_once() {
    assert_eq!(run(&mut pacer(), &[7, 1_000, 1_100], 10), [7, 1_000, 1_100]);
    assert_eq!(run(&mut pacer(), &[7, 1_000, 1_100], 9_000), [7, 1_000, 1_100], "at any cost");
}

#[test]
fn in_a_storm_the_window_follows_the_cost() {
    assert_eq!(run(&mut pacer(), &every(1, 100), 5), [0, 20, 40, 60, 80, 100]);
    assert_eq!(run(&mut pacer(), &every(10, 1_000), 50), [0, 200, 400, 600, 800, 1_000]);
}

#[test]
fn quiet_ends_a_long_window() {
    let mut pacer = pacer();
    pacer.learn(ms(2_000));
    assert_eq!(run(&mut pacer, &[0, 10, 20], 2_000), [0, 120], "100 ms after the last change");
}

#[test]
fn no_change_waits_for_longer_than_the_maximum() {
    let mut pacer = Pacer::new(Limits { after: ms(100), max: ms(500) });
    assert_eq!(pacer.window(), Duration::ZERO);
    pacer.learn(Duration::from_secs(3_600));
    assert_eq!(pacer.window(), ms(500));
    assert_eq!(run(&mut pacer, &every(50, 2_000), 3_600_000), [0, 500, 1_000, 1_500, 2_000]);
}

#[test]
fn without_a_quiet_time_nothing_is_gathered() {
    let mut pacer = Pacer::new(Limits { after: Duration::ZERO, max: ms(10_000) });
    pacer.learn(ms(100));
    assert_eq!(run(&mut pacer, &[0, 1, 2], 100), [0, 1, 2]);
}

#[test]
fn nothing_pending_is_never_due() {
    let mut pacer = pacer();
    assert_eq!(pacer.due(), None);
    pacer.changed(ms(5));
    pacer.changed(ms(6));
    assert_eq!(pacer.flush(ms(8)), Some(ms(3)));
    assert_eq!(pacer.due(), None);
    assert_eq!(pacer.flush(ms(9)), None);
}

#[test]
fn a_cost_counts_at_once_and_is_forgotten_slowly() {
    let mut pacer = pacer();
    pacer.learn(ms(100));
    assert_eq!(pacer.window(), ms(400));
    pacer.learn(ms(20));
    assert_eq!(pacer.window(), ms(320));
    for _ in 0..40 {
        pacer.learn(ms(1));
    }
    assert!(pacer.window() < ms(5), "{:?}", pacer.window());
}

#[test]
fn only_slices_endpoints_and_pods_are_endpoints() {
    let endpoints: Vec<_> =
        Kind::ALL.iter().filter(|kind| Lane::of(**kind) == Lane::Endpoints).collect();
    assert_eq!(endpoints, [&Kind::Pod, &Kind::Endpoints, &Kind::EndpointSlice]);
}
