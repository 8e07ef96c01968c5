use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::{Authority, Clock, Issued, Policy, State, run};
use crate::agent::keys::KeyKind;
use crate::agent::material::tests::Ca;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// A clock that the test turns.
#[derive(Clone)]
struct Hand(watch::Sender<SystemTime>);

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        *self.0.borrow()
    }

    async fn sleep(&self, time: Duration) {
        let until = self.now() + time;
        let mut turns = self.0.subscribe();
        turns.wait_for(|now| *now >= until).await.unwrap();
    }
}

/// A CA that can be away.
#[derive(Clone)]
struct Fake {
    ca: Arc<Mutex<Ca>>,
    away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clock: Hand,
}

impl Authority for Fake {
    async fn sign(&self, csr: String, _: Option<Arc<Issued>>) -> anyhow::Result<Vec<String>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        anyhow::ensure!(!self.away.load(Ordering::Relaxed), "away");
        let ca = self.ca.lock().unwrap();
        Ok(vec![ca.sign(&csr, self.clock.now(), 24 * HOUR), ca.root.clone()])
    }
}

struct Running {
    fake: Fake,
    state: watch::Receiver<State>,
}

/// A day's certificates, of which the first is there.
async fn start(grace: f64) -> Running {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let fake = Fake {
        ca: Arc::new(Mutex::new(Ca::new())),
        away: Arc::default(),
        asked: Arc::default(),
        clock: Hand(watch::channel(start).0),
    };
    let policy = Policy {
        spiffe: "spiffe://cluster.local/ns/shop/sa/web".into(),
        keys: KeyKind::P256,
        grace,
        jitter: 0.01,
    };
    let (sender, mut state) = watch::channel(State::default());
    tokio::spawn(run(fake.clone(), policy, sender, fake.clock.clone()));
    state.wait_for(|state| state.issued.is_some()).await.unwrap();
    Running { fake, state }
}

impl Running {
    /// Turns the clock, and lets what waits for it happen.
    async fn pass(&self, time: Duration) {
        self.fake.clock.0.send_modify(|now| *now += time);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    fn asked(&self) -> usize {
        self.fake.asked.load(Ordering::Relaxed)
    }

    fn chain(&self) -> Vec<u8> {
        self.state.borrow().issued.as_ref().unwrap().identity.chain.clone()
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_in_the_middle_of_its_life() {
    let running = start(0.5).await;
    for renewals in 1..3 {
        let before = running.chain();
        // A hundredth of a day, either way, is what varies.
        running.pass(12 * HOUR - 15 * MINUTE).await;
        assert_eq!(running.asked(), renewals);
        running.pass(30 * MINUTE).await;
        assert_eq!(running.asked(), renewals + 1);
        assert_ne!(running.chain(), before);
    }
}

#[tokio::test]
async fn the_ratio_is_what_is_left() {
    let running = start(0.25).await;
    running.pass(18 * HOUR - 15 * MINUTE).await;
    assert_eq!(running.asked(), 1);
    running.pass(30 * MINUTE).await;
    assert_eq!(running.asked(), 2);
}

#[tokio::test]
async fn the_old_certificate_stays_while_the_ca_is_away() {
    let running = start(0.5).await;
    let first = running.chain();
    running.fake.away.store(true, Ordering::Relaxed);
    running.pass(13 * HOUR).await;
    assert_eq!(running.asked(), 2);
    // Waits of half to all of 1, 2, 4 … 30 s.
    running.pass(Duration::from_millis(400)).await;
    assert_eq!(running.asked(), 2);
    for failures in 3..10 {
        running.pass(Duration::from_secs(30)).await;
        assert_eq!(running.asked(), failures);
    }
    assert_eq!(running.chain(), first);
    assert_eq!(running.state.borrow().error.as_deref(), Some("away"));
    running.fake.away.store(false, Ordering::Relaxed);
    running.pass(Duration::from_secs(30)).await;
    assert_ne!(running.chain(), first);
    let state = running.state.borrow();
    assert_eq!((state.error.as_deref(), state.requests, state.failures), (None, 10, 8));
}

#[tokio::test]
async fn a_new_root_comes_with_the_next_certificate() {
    let running = start(0.5).await;
    let before = running.state.borrow().issued.clone().unwrap().roots.clone();
    *running.fake.ca.lock().unwrap() = Ca::new();
    running.pass(13 * HOUR).await;
    assert_ne!(running.state.borrow().issued.as_ref().unwrap().roots, before);
}

#[tokio::test]
async fn it_ends_with_its_watchers() {
    let Running { fake, state } = start(0.5).await;
    drop(state);
    tokio::task::yield_now().await;
    fake.clock.0.send_modify(|now| *now += 48 * HOUR);
    tokio::task::yield_now().await;
    assert_eq!(fake.asked.load(Ordering::Relaxed), 1);
}
