//! Prometheus' text format 0.0.4, numbers written as Go writes them, so that labels such as `le="1e+06"` are
//! those of the reference.

use std::fmt::Write as _;

use super::primitives::{Counter, Family, Gauge, Histogram};

/// What can be printed.
pub(super) trait Metric {
    /// The word of the `# TYPE` line.
    const TYPE: &'static str;

    /// Whether there is something to print.
    fn is_used(&self) -> bool {
        true
    }

    /// The names of its labels.
    fn labels(&self) -> &'static [&'static str] {
        &[]
    }

    /// The upper ends of its buckets.
    fn bounds(&self) -> &'static [f64] {
        &[]
    }

    /// Writes its lines; `labels` is `a="b",c="d"`, or empty.
    fn write(&self, out: &mut String, name: &str, labels: &str);
}

/// Who looks at all metrics.
pub(super) trait Visit {
    /// Takes one, with its explanation.
    fn metric<M: Metric>(&mut self, name: &'static str, help: &str, metric: &M);
}

/// A text in the making.
#[derive(Debug, Default)]
pub(super) struct Text(Vec<(&'static str, String)>);

impl Visit for Text {
    /// A family nothing of which occurred is left out.
    fn metric<M: Metric>(&mut self, name: &'static str, help: &str, metric: &M) {
        if metric.is_used() {
            let mut out = format!("# HELP {name} {help}\n# TYPE {name} {}\n", M::TYPE);
            metric.write(&mut out, name, "");
            self.0.push((name, out));
        }
    }
}

impl Text {
    /// All of it, sorted by name.
    pub(super) fn finish(mut self) -> String {
        self.0.sort_by_key(|(name, _)| *name);
        self.0.into_iter().map(|(_, text)| text).collect()
    }
}

impl Metric for Counter {
    const TYPE: &'static str = "counter";

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        line(out, name, labels, &self.get().to_string());
    }
}

impl Metric for Gauge {
    const TYPE: &'static str = "gauge";

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        line(out, name, labels, &number(self.get()));
    }
}

impl Metric for Histogram {
    const TYPE: &'static str = "histogram";

    fn bounds(&self) -> &'static [f64] {
        Histogram::bounds(self)
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let mut count = 0;
        for (bound, upto) in self.cumulative() {
            let comma = if labels.is_empty() { "" } else { "," };
            let labels = format!("{labels}{comma}le=\"{}\"", number(bound));
            line(out, &format!("{name}_bucket"), &labels, &upto.to_string());
            count = upto;
        }
        line(out, &format!("{name}_sum"), labels, &number(self.sum()));
        line(out, &format!("{name}_count"), labels, &count.to_string());
    }
}

impl<M: Metric> Metric for Family<M> {
    const TYPE: &'static str = M::TYPE;

    fn labels(&self) -> &'static [&'static str] {
        Family::labels(self)
    }

    fn bounds(&self) -> &'static [f64] {
        Family::bounds(self)
    }

    fn is_used(&self) -> bool {
        let mut used = false;
        self.for_each(|_, _| used = true);
        used
    }

    fn write(&self, out: &mut String, name: &str, _labels: &str) {
        self.for_each(|values, child| {
            let pairs = Family::labels(self).iter().zip(values);
            let labels: Vec<_> = pairs.map(|(n, v)| format!("{n}=\"{}\"", escaped(v))).collect();
            child.write(out, name, &labels.join(","));
        });
    }
}

fn line(out: &mut String, name: &str, labels: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = match labels {
        "" => writeln!(out, "{name} {value}"),
        _ => writeln!(out, "{name}{{{labels}}} {value}"),
    };
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The shortest text that reads back as the number; with an exponent where it is below -4 or above 5.
pub(super) fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (value, want) in [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.275029966, "0.275029966"),
            (20000.0, "20000"),
            (272272.0, "272272"),
            (1e6, "1e+06"),
            (138346496.0, "1.38346496e+08"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(number(value), want);
        }
    }

    #[test]
    fn a_histogram_counts_upwards_and_a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(&[1.0, 1e6]);
        for value in [0.5, 1.0, 2.0, 2e6] {
            histogram.observe(value);
        }
        let mut out = String::new();
        histogram.write(&mut out, "size", "type=\"a\"");
        let want = "size_bucket{type=\"a\",le=\"1\"} 2\nsize_bucket{type=\"a\",le=\"1e+06\"} 3\n\
                    size_bucket{type=\"a\",le=\"+Inf\"} 4\nsize_sum{type=\"a\"} 2.0000035e+06\n\
                    size_count{type=\"a\"} 4\n";
        assert_eq!(out, want);
    }

    #[test]
    fn label_values_are_escaped() {
        let family = Family::gauges(&["err"]);
        family.with(&["a \"b\"\n\\"]).set(1.0);
        let mut out = String::new();
        family.write(&mut out, "x", "");
        assert_eq!(out, "x{err=\"a \\\"b\\\"\\n\\\\\"} 1\n");
    }
}
