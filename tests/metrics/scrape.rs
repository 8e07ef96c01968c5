//! Reads Prometheus' text format.

use std::collections::BTreeMap;

/// Labels with their values.
pub type Labels = BTreeMap<String, String>;

/// One metric of a scrape.
#[derive(Debug, Default)]
pub struct Shown {
    pub kind: String,
    pub help: String,
    /// Without the label of buckets.
    pub samples: Vec<(Labels, f64)>,
    /// Of a histogram, without the infinite one.
    pub bounds: Vec<f64>,
}

/// All of them, by name.
#[derive(Debug, Default)]
pub struct Scrape {
    pub metrics: BTreeMap<String, Shown>,
    /// All samples, by the names that they have: those of histograms end in `_bucket`, `_sum` and `_count`.
    pub samples: BTreeMap<String, Vec<(Labels, f64)>>,
}

impl Scrape {
    pub fn of(text: &str) -> Scrape {
        let mut scrape = Scrape::default();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                current = name.to_owned();
                scrape.metrics.entry(current.clone()).or_default().help = help.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, current, "{line}");
                scrape.metrics.entry(current.clone()).or_default().kind = kind.to_owned();
            } else {
                let (name, mut labels, value) = sample(line);
                assert!(name.starts_with(&current), "{line} does not belong to {current}");
                scrape.samples.entry(name.clone()).or_default().push((labels.clone(), value));
                let shown = scrape.metrics.get_mut(&current).unwrap();
                let bound = labels.remove("le").filter(|bound| bound != "+Inf");
                let bound = bound.map(|bound| bound.parse::<f64>().unwrap());
                shown.bounds.extend(bound.filter(|bound| !shown.bounds.contains(bound)));
                shown.samples.push((labels, value));
            }
        }
        scrape
    }

    /// What the samples of a name add up to that have these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let samples = self.samples.get(name).into_iter().flatten();
        let has = |own: &Labels| {
            labels.iter().all(|(name, value)| own.get(*name).is_some_and(|v| v == value))
        };
        samples.filter(|(own, _)| has(own)).map(|(_, value)| value).sum()
    }
}

/// `name{a="b",c="d"} 7`
fn sample(line: &str) -> (String, Labels, f64) {
    let (metric, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = metric.split_once('{').unwrap_or((metric, ""));
    let labels = labels.trim_end_matches('}').split("\",").filter(|pair| !pair.is_empty());
    let labels = labels.map(|pair| {
        let (name, value) = pair.split_once("=\"").unwrap();
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect(), value.parse().unwrap())
}
