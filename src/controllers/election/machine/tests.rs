//! Elections without sockets: contenders share a record, and time passes as the test says.

use super::*;

/// A lock and those who want it, each with a clock that may go ahead of the others'.
struct Election {
    start: Instant,
    seconds: f64,
    stored: Option<Record>,
    version: usize,
    default_revision: &'static str,
}

impl Election {
    fn new() -> Election {
        let start = Instant::now();
        Election { start, seconds: 0.0, stored: None, version: 0, default_revision: "" }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_secs_f64(self.seconds)
    }

    fn pass(&mut self, seconds: f64) {
        self.seconds += seconds;
    }

    fn seen(&self) -> Seen {
        match &self.stored {
            None => Seen::Absent,
            Some(record) => {
                Seen::Present { text: self.version.to_string(), record: Some(record.clone()) }
            }
        }
    }

    fn store(&mut self, record: Record) {
        self.stored = Some(record);
        self.version += 1;
    }

    /// One attempt that takes no time. Times in records are the same all along: they must not matter.
    fn attempt(&mut self, machine: &mut Machine) -> Role {
        let step = machine.look(self.seen(), self.default_revision, self.now(), Timestamp::MIN);
        if let Step::Write(record) = step {
            self.store(record);
            machine.wrote(self.now());
        }
        machine.role(self.now())
    }

    fn holder(&self) -> &str {
        self.stored.as_ref().map_or("", |record| &record.holder_identity)
    }
}

fn of_revision(name: &str, revision: &str) -> Machine {
    Machine::new(Candidate {
        identity: name.into(),
        revision: revision.into(),
        remote: false,
        prioritised: true,
    })
}

fn replica(name: &str) -> Machine {
    of_revision(name, "default")
}

fn leads(role: Role) -> bool {
    matches!(role, Role::Leader(_))
}

#[test]
fn the_first_leads_and_the_second_waits_for_as_long_as_it_is_renewed() {
    let mut lock = Election::new();
    let (mut a, mut b) = (replica("a"), replica("b"));
    assert!(leads(lock.attempt(&mut a)));
    for _ in 0..20 {
        assert_eq!(lock.attempt(&mut b), Role::Contender);
        lock.pass(7.5);
        assert!(leads(lock.attempt(&mut a)), "renewed in time");
    }
    assert_eq!(lock.stored.as_ref().unwrap().leader_transitions, 0);
}

#[test]
fn one_that_cannot_renew_ends_before_another_begins() {
    let mut lock = Election::new();
    let (mut a, mut b) = (replica("a"), replica("b"));
    lock.attempt(&mut a);
    lock.attempt(&mut b);
    a.failed();
    lock.pass(22.4);
    assert!(leads(a.role(lock.now())));
    lock.pass(0.1);
    assert_eq!(a.role(lock.now()), Role::Contender);
    lock.pass(7.4);
    assert_eq!(lock.attempt(&mut b), Role::Contender, "29.9 s after it saw the record first");
    lock.pass(0.1);
    assert!(leads(lock.attempt(&mut b)));
    assert_eq!(lock.stored.as_ref().unwrap().leader_transitions, 1);
    assert_eq!(lock.attempt(&mut a), Role::Contender);
}

#[test]
fn a_renewal_counts_from_when_it_was_asked_for() {
    let mut lock = Election::new();
    let mut a = replica("a");
    lock.attempt(&mut a);
    lock.pass(7.5);
    let (seen, began) = (lock.seen(), lock.now());
    let Step::Write(record) = a.look(seen, "", began, Timestamp::MIN) else { panic!("renews") };
    lock.store(record);
    lock.pass(20.0);
    a.wrote(began);
    assert!(leads(a.role(lock.now())));
    lock.pass(2.5);
    assert_eq!(
        a.role(lock.now()),
        Role::Contender,
        "22.5 s after the request, 2.5 after the answer"
    );
}

#[test]
fn one_that_sees_another_holder_no_longer_leads() {
    let mut lock = Election::new();
    let mut a = replica("a");
    lock.attempt(&mut a);
    let other = Record { holder_identity: "b".into(), ..Record::default() };
    lock.store(other);
    assert_eq!(lock.attempt(&mut a), Role::Contender);
}

#[test]
fn what_is_released_is_free_at_once_and_only_the_holder_releases() {
    let mut lock = Election::new();
    let (mut a, mut b) = (replica("a"), replica("b"));
    lock.attempt(&mut a);
    assert_eq!(b.release(&lock.seen(), lock.now(), Timestamp::MIN), None);
    let record = a.release(&lock.seen(), lock.now(), Timestamp::MIN).unwrap();
    assert_eq!(record.holder_identity, "");
    lock.store(record);
    assert_eq!(a.role(lock.now()), Role::Contender);
    assert!(leads(lock.attempt(&mut b)));
}

#[test]
fn one_that_comes_back_under_its_name_goes_on_at_once() {
    let mut lock = Election::new();
    lock.attempt(&mut replica("a"));
    lock.pass(3.0);
    assert!(leads(lock.attempt(&mut replica("a"))));
    assert_eq!(lock.stored.as_ref().unwrap().leader_transitions, 0);
}

#[test]
fn a_record_that_nobody_can_read_is_respected_until_it_is_old() {
    let mut lock = Election::new();
    let mut a = replica("a");
    let seen = Seen::Present { text: "{".into(), record: None };
    let look =
        |a: &mut Machine, lock: &Election| a.look(seen.clone(), "", lock.now(), Timestamp::MIN);
    assert_eq!(look(&mut a, &lock), Step::Wait);
    lock.pass(29.9);
    assert_eq!(look(&mut a, &lock), Step::Wait);
    lock.pass(0.1);
    assert!(matches!(look(&mut a, &lock), Step::Write(_)));
}

#[test]
fn the_default_revision_takes_the_lock_but_leads_only_when_the_other_must_have_noticed() {
    let mut lock = Election::new();
    let (mut old, mut canary) = (of_revision("old", "1-29"), of_revision("new", "1-30"));
    lock.attempt(&mut old);
    assert_eq!(lock.attempt(&mut canary), Role::Contender, "none is the default");
    lock.default_revision = "1-30";
    assert!(matches!(lock.attempt(&mut canary), Role::Elected(_)));
    assert_eq!((lock.holder(), &*lock.stored.as_ref().unwrap().holder_key), ("new", "1-30"));
    // The other one may have renewed just before, and may not reach the API server any more.
    lock.pass(22.5);
    assert_eq!(old.role(lock.now()), Role::Contender);
    assert!(matches!(lock.attempt(&mut canary), Role::Elected(_)));
    lock.pass(7.5);
    assert!(leads(lock.attempt(&mut canary)));
    assert_eq!(lock.attempt(&mut old), Role::Contender, "and never takes it back");
}

#[test]
fn who_precedes_whom() {
    let check = |revision: &str, remote, holder, default, want| {
        let identity = String::new();
        let revision = revision.into();
        let me = Candidate { identity, revision, remote, prioritised: true };
        assert_eq!(me.precedes(holder, default), want, "{me:?} {holder} {default}");
        let own = Candidate { prioritised: false, ..me };
        assert!(!own.precedes(holder, default) && own.key().is_empty());
    };
    check("a", false, "b", "a", true);
    check("a", false, "", "a", true);
    check("a", false, "b", "b", false);
    check("a", false, "b", "", false);
    check("a", false, "a", "a", false);
    check("a", false, "^a", "", true);
    check("a", true, "^a", "a", false);
    check("a", true, "a", "a", false);
    check("a", true, "^b", "a", true);
    check("a", false, "^b", "b", false);
}

#[test]
fn a_lost_answer_does_not_shorten_the_wait_of_one_that_took_the_lock() {
    let mut lock = Election::new();
    lock.attempt(&mut of_revision("old", "1-29"));
    lock.default_revision = "1-30";
    let mut new = of_revision("new", "1-30");
    let step = new.look(lock.seen(), "1-30", lock.now(), Timestamp::MIN);
    let Step::Write(record) = step else { panic!("takes it") };
    lock.store(record);
    new.failed();
    lock.pass(2.0);
    assert!(matches!(lock.attempt(&mut new), Role::Elected(_)));
}

#[test]
fn pauses_are_spread_for_contenders_and_short_after_a_failed_renewal() {
    let mut lock = Election::new();
    let (mut a, b) = (replica("a"), replica("b"));
    lock.attempt(&mut a);
    assert_eq!(a.pause(Duration::ZERO, 1.0), PERIOD);
    assert_eq!(a.pause(Duration::from_secs(7), 1.0), Duration::from_millis(500));
    assert_eq!(b.pause(Duration::ZERO, 0.0), PERIOD);
    assert_eq!(b.pause(Duration::ZERO, 1.0), Duration::from_secs(9));
    a.failed();
    assert_eq!(a.pause(Duration::ZERO, 0.0), REPEAT);
}

proptest::proptest! {
    /// Whoever can reach the lock, whenever they try: never do two lead at once.
    #[test]
    fn never_do_two_lead(
        events in proptest::collection::vec((0usize..3, 0.1f64..9.0, 0u8..7), 1..120),
        defaults in proptest::collection::vec(0usize..4, 1..5),
    ) {
        let revisions = ["x", "x", "y"];
        let mut lock = Election::new();
        let mut all: Vec<Machine> =
            (0..3).map(|i| of_revision(&format!("r{i}"), revisions[i])).collect();
        for (step, (who, pause, what)) in events.into_iter().enumerate() {
            lock.default_revision = ["", "x", "y", "z"][defaults[step / 30 % defaults.len()]];
            match what {
                // It cannot reach the API server.
                0 => all[who].failed(),
                // Its request arrives and the answer is lost.
                1 => {
                    let (seen, now) = (lock.seen(), lock.now());
                    let step = all[who].look(seen, lock.default_revision, now, Timestamp::MIN);
                    if let Step::Write(record) = step {
                        lock.store(record);
                    }
                    all[who].failed();
                }
                // It is told to stop, and another begins in its place.
                2 => {
                    let now = lock.now();
                    if let Some(record) = all[who].release(&lock.seen(), now, Timestamp::MIN) {
                        lock.store(record);
                    }
                    all[who] = of_revision(&format!("r{who}-{step}"), revisions[who]);
                }
                _ => {
                    lock.attempt(&mut all[who]);
                }
            }
            lock.pass(pause);
            let now = lock.now();
            let leaders = all.iter_mut().filter_map(|m| leads(m.role(now)).then_some(())).count();
            proptest::prop_assert!(leaders <= 1, "{leaders} lead");
        }
    }
}
