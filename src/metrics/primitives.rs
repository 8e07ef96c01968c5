//! Counters, gauges, histograms, and families of them by labels. None of them blocks for longer than a look-up.

use std::cmp::Ordering as Order;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The most label values that a family keeps apart. Proxies and objects name themselves, so a stranger could
/// fill the memory otherwise; what comes later is counted together under [`OVERFLOW`].
const MAX_CHILDREN: usize = 1_000;

/// The value of every label of what no longer found a place.
const OVERFLOW: &str = "(other)";

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Some more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// At least so many by now, where somebody else counts.
    pub fn raise_to(&self, total: u64) {
        self.0.fetch_max(total, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// It is this now.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// It is at least this.
    pub fn raise_to(&self, value: f64) {
        self.update(|old| old.max(value));
    }

    /// More, or less when negative.
    pub fn add(&self, value: f64) {
        self.update(|old| old + value);
    }

    /// The value.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn update(&self, change: impl Fn(f64) -> f64) {
        let change = |bits| Some(change(f64::from_bits(bits)).to_bits());
        // The closure always gives a value, so the update cannot fail.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }
}

/// How often values fell into which range.
#[derive(Debug)]
pub struct Histogram {
    /// The upper ends of the buckets, ascending; the last bucket has none.
    bounds: &'static [f64],
    /// One more than `bounds`; each bucket counts its own values only.
    counts: Box<[AtomicU64]>,
    sum: Gauge,
}

impl Histogram {
    /// With these upper ends, ascending.
    pub fn new(bounds: &'static [f64]) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds, counts, sum: Gauge::default() }
    }

    /// Counts a value.
    pub fn observe(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.add(value);
    }

    /// Counts a time in seconds.
    pub fn observe_time(&self, time: Duration) {
        self.observe(time.as_secs_f64());
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// The upper ends of the buckets, without the infinite one.
    pub(super) fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// What they add up to.
    pub(super) fn sum(&self) -> f64 {
        self.sum.get()
    }

    /// For each bucket its upper end and how many values are at most that.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.counts).scan(0, |total, (bound, count)| {
            *total += count.load(Ordering::Relaxed);
            Some((bound, *total))
        })
    }
}

/// A metric for each combination of label values that occurred.
#[derive(Debug)]
pub struct Family<M> {
    labels: &'static [&'static str],
    bounds: &'static [f64],
    make: fn(&'static [f64]) -> M,
    /// Sorted by label values.
    children: RwLock<Vec<Child<M>>>,
}

/// Label values, and the metric that counts what has them.
type Child<M> = (Box<[Box<str>]>, Arc<M>);

impl Family<Counter> {
    /// Counters with these labels.
    pub fn counters(labels: &'static [&'static str]) -> Self {
        Family { labels, bounds: &[], make: |_| Counter::default(), children: RwLock::default() }
    }
}

impl Family<Gauge> {
    /// Gauges with these labels.
    pub fn gauges(labels: &'static [&'static str]) -> Self {
        Family { labels, bounds: &[], make: |_| Gauge::default(), children: RwLock::default() }
    }
}

impl Family<Histogram> {
    /// Histograms with these labels and bounds.
    pub fn histograms(labels: &'static [&'static str], bounds: &'static [f64]) -> Self {
        Family { labels, bounds, make: Histogram::new, children: RwLock::default() }
    }
}

impl<M> Family<M> {
    /// The metric with these label values, one for each label.
    pub fn with(&self, values: &[&str]) -> Arc<M> {
        debug_assert_eq!(values.len(), self.labels.len(), "one value for each label");
        {
            let children = self.children.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, found)) = find(&children, values).ok().and_then(|at| children.get(at)) {
                return found.clone();
            }
        }
        let mut children = self.children.write().unwrap_or_else(PoisonError::into_inner);
        let overflow = vec![OVERFLOW; values.len()];
        let values = if children.len() < MAX_CHILDREN { values } else { &overflow };
        match find(&children, values) {
            Ok(at) if let Some((_, found)) = children.get(at) => found.clone(),
            Ok(at) | Err(at) => {
                let child = Arc::new((self.make)(self.bounds));
                children.insert(at, (values.iter().map(|v| (*v).into()).collect(), child.clone()));
                child
            }
        }
    }

    /// Forgets the metric with these label values.
    pub fn remove(&self, values: &[&str]) {
        let mut children = self.children.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(at) = find(&children, values) {
            children.remove(at);
        }
    }

    /// Forgets all metrics of which the first label has this value.
    pub fn remove_all(&self, first: &str) {
        let mut children = self.children.write().unwrap_or_else(PoisonError::into_inner);
        children.retain(|(values, _)| values.first().is_none_or(|value| **value != *first));
    }

    /// The names of the labels.
    pub(super) fn labels(&self) -> &'static [&'static str] {
        self.labels
    }

    /// The upper ends of the buckets of histograms.
    pub(super) fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// All metrics, sorted by label values.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&[Box<str>], &M)) {
        let children = self.children.read().unwrap_or_else(PoisonError::into_inner);
        for (values, child) in children.iter() {
            visit(values, child);
        }
    }
}

/// Where the child with these values is, or belongs.
fn find<M>(children: &[Child<M>], values: &[&str]) -> Result<usize, usize> {
    children.binary_search_by(|(own, _)| -> Order {
        own.iter().map(|value| &**value).cmp(values.iter().copied())
    })
}
