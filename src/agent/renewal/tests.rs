use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Authority, Policy, State, run};
use crate::agent::keys::KeyKind;
use crate::agent::material::Identity;
use crate::agent::material::tests::Ca;

const HOUR: Duration = Duration::from_secs(3600);

/// A CA that can be away, and remembers when it was asked.
#[derive(Clone)]
struct Fake {
    ca: Arc<Mutex<Ca>>,
    away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    life: Duration,
    start: Instant,
}

/// A clock that goes as tokio's does, paused or not.
fn clock(start: Instant) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + start.elapsed()
}

impl Authority for Fake {
    async fn sign(&self, csr: String, _: Option<Identity>) -> anyhow::Result<Vec<String>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        anyhow::ensure!(!self.away.load(Ordering::Relaxed), "away");
        let ca = self.ca.lock().unwrap();
        Ok(vec![ca.sign(&csr, clock(self.start), self.life), ca.root.clone()])
    }
}

struct Running {
    fake: Fake,
    state: watch::Receiver<State>,
}

fn start(grace: f64) -> Running {
    let fake = Fake {
        ca: Arc::new(Mutex::new(Ca::new())),
        away: Arc::default(),
        asked: Arc::default(),
        life: 24 * HOUR,
        start: Instant::now(),
    };
    let policy = Policy {
        spiffe: "spiffe://cluster.local/ns/shop/sa/web".into(),
        keys: KeyKind::P256,
        grace,
        jitter: 0.0,
    };
    let (sender, state) = watch::channel(State::default());
    let began = fake.start;
    tokio::spawn(run(fake.clone(), policy, sender, move || clock(began)));
    Running { fake, state }
}

impl Running {
    /// The next certificate, and when it came.
    async fn next(&mut self) -> (Vec<u8>, Duration) {
        let before = self.state.borrow().issued.clone();
        let state = self.state.wait_for(|state| state.issued != before).await.unwrap();
        (state.issued.as_ref().unwrap().identity.chain.clone(), self.fake.start.elapsed())
    }
}

fn about(at: Duration, want: Duration) {
    let slack = Duration::from_secs(31);
    assert!(at + slack >= want && at <= want + slack, "{at:?} is not about {want:?}");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_renewed_in_the_middle_of_its_life() {
    let mut running = start(0.5);
    let (first, at) = running.next().await;
    about(at, Duration::ZERO);
    let (second, at) = running.next().await;
    about(at, 12 * HOUR);
    assert_ne!(first, second);
    let (_, at) = running.next().await;
    about(at, 24 * HOUR);
}

#[tokio::test(start_paused = true)]
async fn the_ratio_is_what_is_left() {
    let mut running = start(0.25);
    running.next().await;
    let (_, at) = running.next().await;
    about(at, 18 * HOUR);
}

#[tokio::test(start_paused = true)]
async fn the_old_certificate_stays_while_the_ca_is_away() {
    let mut running = start(0.5);
    let (first, _) = running.next().await;
    running.fake.away.store(true, Ordering::Relaxed);
    let state = running.state.wait_for(|state| state.failures >= 10).await.unwrap();
    assert_eq!(state.issued.as_ref().unwrap().identity.chain, first);
    assert_eq!(state.error.as_deref(), Some("away"));
    drop(state);
    // Ten failures take at least half of 1+2+4+8+16+30+30+30+30 s.
    assert!(running.fake.start.elapsed() >= 12 * HOUR + Duration::from_secs(75));
    running.fake.away.store(false, Ordering::Relaxed);
    let (second, _) = running.next().await;
    assert_ne!(first, second);
    assert_eq!(running.state.borrow().error, None);
}

#[tokio::test(start_paused = true)]
async fn a_new_root_comes_with_the_next_certificate() {
    let mut running = start(0.5);
    running.next().await;
    let before = running.state.borrow().issued.clone().unwrap().roots.clone();
    *running.fake.ca.lock().unwrap() = Ca::new();
    running.next().await;
    assert_ne!(running.state.borrow().issued.as_ref().unwrap().roots, before);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_watchers() {
    let Running { fake, mut state } = start(0.5);
    state.wait_for(|state| state.issued.is_some()).await.unwrap();
    drop(state);
    tokio::time::sleep(48 * HOUR).await;
    assert_eq!(fake.asked.load(Ordering::Relaxed), 1);
}
