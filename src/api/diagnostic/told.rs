//! What was told already: each diagnostic is logged once, whatever line it moves to.

use std::collections::BTreeMap;

use super::{Diagnostic, Location};

/// The diagnostics that somebody was told of, and that still hold.
#[derive(Debug, Default)]
pub struct Told(BTreeMap<Diagnostic, Diagnostic>);

/// What changed with a newer list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Those that nobody was told of.
    pub new: Vec<Diagnostic>,
    /// Those that hold no more.
    pub resolved: Vec<Diagnostic>,
}

impl Told {
    /// Replaces the list. What is told before and after is no news; both lists of news are sorted.
    pub fn replace(&mut self, now: impl IntoIterator<Item = Diagnostic>) -> News {
        let now: BTreeMap<_, _> = now.into_iter().map(|d| (without_line(d.clone()), d)).collect();
        let before = std::mem::replace(&mut self.0, now);
        let missing = |from: &BTreeMap<Diagnostic, Diagnostic>, than: &BTreeMap<_, _>| {
            let only = from.iter().filter(|(key, _)| !than.contains_key(*key));
            only.map(|(_, diagnostic)| diagnostic.clone()).collect()
        };
        News { new: missing(&self.0, &before), resolved: missing(&before, &self.0) }
    }

    /// Adds to the list. Those that nobody was told of come back, sorted.
    pub fn add<'a>(&mut self, more: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<Diagnostic> {
        let mut new = Vec::new();
        for diagnostic in more {
            let key = without_line(diagnostic.clone());
            if self.0.insert(key, diagnostic.clone()).is_none() {
                new.push(diagnostic.clone());
            }
        }
        new.sort();
        new
    }
}

fn without_line(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.location =
        diagnostic.location.map(|Location { file, .. }| Location { file, line: 0 });
    diagnostic
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::{Code, Severity};

    fn diagnostic(line: usize, message: &str) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            location: Some(Location { file: Arc::new("a.yaml".into()), line }),
            object: None,
            path: String::new(),
            message: message.to_owned(),
            code: Code::Other,
        }
    }

    #[test]
    fn each_is_told_once_wherever_it_moves() {
        let mut told = Told::default();
        let (a, b) = (diagnostic(1, "a"), diagnostic(2, "b"));
        let news = told.replace([b.clone(), a.clone()]);
        assert_eq!(news, News { new: vec![a.clone(), b.clone()], resolved: vec![] });
        assert_eq!(told.replace([diagnostic(9, "a"), b.clone()]), News::default());
        let news = told.replace([b]);
        assert_eq!(news, News { new: vec![], resolved: vec![diagnostic(9, "a")] });
        assert_eq!(told.add([&a, &diagnostic(3, "b")]), vec![a.clone()]);
        assert_eq!(told.add([&a]), vec![]);
        let news = told.replace([]);
        assert_eq!(news, News { new: vec![], resolved: vec![a, diagnostic(3, "b")] });
    }
}
