//! What waits to be written, and when each has its turn. Pure: times and chance are told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{Decide, Make, Target};

/// The most writes that wait. A cluster has fewer objects of the kinds that are written to, and one that has more is
/// looked through again later.
const MAX_WAITING: usize = 20_000;

/// The pause after a first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// A write that has its turn, or waits for it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) decide: Decide,
    pub(super) make: Option<Make>,
    /// How often it failed.
    pub(super) tries: u32,
    /// When its turn was to be.
    pub(super) due: Instant,
}

/// Whose turn it is.
pub(super) enum Turn {
    /// That of this one, which is under way from now on.
    Now(Entry),
    /// Nobody's before this moment.
    At(Instant),
    /// Nobody's before something happens.
    Idle,
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Target, (Key, Entry)>,
    schedule: BTreeMap<Key, Target>,
    under_way: BTreeSet<Target>,
    /// Counts entries, so that those of one moment keep their order.
    last: u64,
}

/// When a turn is.
type Key = (Instant, u64);

impl Queue {
    /// Adds a write, in place of one to the same target. False when there is no room.
    pub(super) fn push(
        &mut self,
        target: Target,
        decide: Decide,
        make: Option<Make>,
        now: Instant,
    ) -> bool {
        if let Some((_, entry)) = self.waiting.get_mut(&target) {
            entry.decide = decide;
            entry.make = make;
            return true;
        }
        let room = self.waiting.len() < MAX_WAITING;
        if room {
            self.wait(Entry { target, decide, make, tries: 0, due: now }, now);
        }
        room
    }

    /// Takes the next that is due. Nobody is under way twice.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        let free = |(_, target): &(&Key, &Target)| !self.under_way.contains(*target);
        let Some((&key, target)) = self.schedule.iter().find(free) else { return Turn::Idle };
        if key.0 > now {
            return Turn::At(key.0);
        }
        let target = target.clone();
        self.schedule.remove(&key);
        match self.waiting.remove(&target) {
            Some((_, entry)) => {
                self.under_way.insert(target);
                Turn::Now(entry)
            }
            None => Turn::Idle,
        }
    }

    /// What was under way is done with.
    pub(super) fn done(&mut self, target: &Target) {
        self.under_way.remove(target);
    }

    /// What was under way failed, and waits again for at least this long. `random` is from 0 to 1.
    pub(super) fn retry(&mut self, mut entry: Entry, least: Duration, now: Instant, random: f64) {
        self.done(&entry.target);
        // A newer one came meanwhile.
        if self.waiting.contains_key(&entry.target) {
            return;
        }
        let doubled = FIRST_PAUSE.saturating_mul(1u32.checked_shl(entry.tries).unwrap_or(u32::MAX));
        // Half of it is chance, so that replicas do not come together.
        let pause = doubled.min(LAST_PAUSE).mul_f64(0.5 + random / 2.0);
        entry.tries = entry.tries.saturating_add(1);
        self.wait(entry, now + pause.max(least.min(LAST_PAUSE)));
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn wait(&mut self, mut entry: Entry, due: Instant) {
        self.last += 1;
        entry.due = due;
        let key = (due, self.last);
        self.schedule.insert(key, entry.target.clone());
        self.waiting.insert(entry.target.clone(), (key, entry));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Edit, Part};
    use super::*;
    use crate::api::{Kind, ObjectKey};

    fn target(name: &str) -> Target {
        Target { key: ObjectKey::new(Kind::ServiceEntry, "shop", name), part: Part::Status }
    }

    fn write(text: &'static str) -> Decide {
        Arc::new(move |_| Some(Edit::Status(text.into())))
    }

    fn next(queue: &mut Queue, now: Instant) -> Option<Entry> {
        match queue.turn(now) {
            Turn::Now(entry) => Some(entry),
            Turn::At(_) | Turn::Idle => None,
        }
    }

    fn says(entry: &Entry) -> String {
        let object = serde_json::from_value(serde_json::json!({"metadata": {}})).unwrap();
        match (entry.decide)(&object) {
            Some(Edit::Status(text)) => text.as_str().unwrap_or_default().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn turns_are_in_order_and_the_newest_write_of_a_target_counts() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        assert!(queue.push(target("b"), write("old"), None, now));
        assert!(queue.push(target("a"), write("a"), None, now));
        assert!(queue.push(target("b"), write("new"), None, now));
        assert_eq!(queue.len(), 2);
        let first = next(&mut queue, now).unwrap();
        assert_eq!((first.target.clone(), says(&first)), (target("b"), "new".to_owned()));
        queue.push(target("b"), write("newest"), None, now);
        assert_eq!(next(&mut queue, now).unwrap().target, target("a"), "b is under way");
        assert!(next(&mut queue, now).is_none());
        queue.done(&target("b"));
        assert_eq!(says(&next(&mut queue, now).unwrap()), "newest");
    }

    #[test]
    fn what_fails_waits_longer_each_time_unless_something_newer_came() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.push(target("a"), write("old"), None, now);
        let mut entry = next(&mut queue, now).unwrap();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            queue.retry(entry, Duration::ZERO, now, 1.0);
            let Turn::At(due) = queue.turn(now) else { panic!("it waits") };
            pauses.push((due - now).as_millis());
            entry = next(&mut queue, due).unwrap();
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        queue.retry(entry, Duration::ZERO, now, 0.0);
        let Turn::At(due) = queue.turn(now) else { panic!("it waits") };
        assert_eq!((due - now).as_millis(), 30_000);
        let entry = next(&mut queue, due).unwrap();
        queue.push(target("a"), write("new"), None, now);
        queue.retry(entry, Duration::ZERO, now, 0.0);
        assert_eq!(says(&next(&mut queue, now).unwrap()), "new");
    }

    #[test]
    fn what_the_server_asks_for_is_kept() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.push(target("a"), write("a"), None, now);
        let entry = next(&mut queue, now).unwrap();
        queue.retry(entry, Duration::from_secs(7), now, 0.0);
        let Turn::At(due) = queue.turn(now) else { panic!("it waits") };
        assert_eq!(due - now, Duration::from_secs(7));
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for number in 0..MAX_WAITING {
            assert!(queue.push(target(&number.to_string()), write("a"), None, now));
        }
        assert!(!queue.push(target("more"), write("a"), None, now));
        assert!(queue.push(target("0"), write("b"), None, now), "one that waits already");
    }
}
