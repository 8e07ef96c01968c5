//! What a metric is, whatever its value: for those who check names against what is declared.

use super::text::{Metric, Visit};

/// A metric as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// What it counts.
    pub help: String,
    /// The word of the `# TYPE` line.
    pub kind: &'static str,
    /// The names of its labels, sorted.
    pub labels: &'static [&'static str],
    /// The upper ends of a histogram's buckets, without the infinite one.
    pub bounds: &'static [f64],
}

/// Collects them.
#[derive(Default)]
pub(super) struct Shapes(pub Vec<Shape>);

impl Visit for Shapes {
    fn metric<M: Metric>(&mut self, name: &'static str, help: &str, metric: &M) {
        let (labels, bounds) = (metric.labels(), metric.bounds());
        self.0.push(Shape { name, help: help.to_owned(), kind: M::TYPE, labels, bounds });
    }
}
