//! What became of recent pods, and why.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use crate::webhooks::inject::decision::{By, Decision};
use crate::webhooks::review::Review;

/// How many pods are remembered: what a cluster that starts anew asks within a minute or so.
const MAX_ENTRIES: usize = 1_000;

/// The longest text that is kept or logged: strangers may send any.
const MAX_TEXT: usize = 1_024;

/// What became of one pod.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// Its namespace.
    pub namespace: String,
    /// Its name; empty as long as the API server has not made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What its name is made of.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub generate_name: String,
    /// Where the API server asked.
    pub path: String,
    /// What the review is known by.
    pub uid: String,
    /// Whether it was.
    pub injected: bool,
    /// What decided.
    pub because: String,
    /// The object that said so.
    pub decided_by: String,
    /// Why the API server asked at all, as far as labels tell.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub asked_by: String,
    /// The templates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What its user should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// How long the answer took.
    pub milliseconds: f64,
}

/// A text that is not too long to keep.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl Entry {
    /// About a review that is not decided yet.
    pub fn of(review: &Review, path: &str) -> Entry {
        let said = |key: &str| {
            let metadata = review.object.get("metadata").and_then(|metadata| metadata.get(key));
            cut(metadata.and_then(Json::as_str).unwrap_or_default())
        };
        let namespace = Some(said("namespace")).filter(|namespace| !namespace.is_empty());
        Entry {
            time: Timestamp::now(),
            namespace: namespace.unwrap_or_else(|| cut(&review.namespace)),
            name: said("name"),
            generate_name: said("generateName"),
            path: cut(path),
            uid: cut(&review.uid),
            ..Entry::default()
        }
    }

    /// It was decided, and the API server asked because of something.
    pub fn decided(&mut self, decision: &Decision, asked_by: &str) {
        self.because = cut(&decision.because);
        self.decided_by = match decision.by {
            By::Pod => "the pod",
            By::Namespace => "its namespace",
            By::Configuration => "the injector's configuration",
        }
        .to_owned();
        self.asked_by = cut(asked_by);
        self.warning = decision.warning.as_deref().map(cut);
    }

    /// `shop/web`, or `shop/web-5d8f-*` before it has a name.
    pub fn pod(&self) -> String {
        match self.name.is_empty() {
            true => format!("{}/{}*", self.namespace, self.generate_name),
            false => format!("{}/{}", self.namespace, self.name),
        }
    }

    /// Whether it may be about a pod of this name, in this namespace if that is said.
    fn is_about(&self, namespace: Option<&str>, name: &str) -> bool {
        let named = match self.name.is_empty() {
            true => !self.generate_name.is_empty() && name.starts_with(&self.generate_name),
            false => self.name == name,
        };
        named && namespace.is_none_or(|namespace| namespace == self.namespace)
    }
}

/// One line for the log.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match (&self.error, self.injected) {
            (Some(_), _) => "refused",
            (None, true) => "injected",
            (None, false) => "not injected",
        };
        write!(f, "pod {}: {done}", self.pod())?;
        if !self.because.is_empty() {
            write!(f, ": {} ({})", self.because, self.decided_by)?;
        }
        if !self.asked_by.is_empty() {
            write!(f, "; asked because of {}", self.asked_by)?;
        }
        if let Some(error) = &self.error {
            write!(f, "; {error}")?;
        }
        self.warning.as_ref().map_or(Ok(()), |warning| write!(f, "; {warning}"))
    }
}

/// The newest entries.
#[derive(Debug, Default)]
pub struct Recent(Mutex<VecDeque<Arc<Entry>>>);

impl Recent {
    /// Keeps one more, and forgets the oldest.
    pub fn add(&self, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == MAX_ENTRIES {
            entries.pop_back();
        }
        entries.push_front(Arc::new(entry));
    }

    /// Those that may be about a pod, `NAME`, `NAMESPACE/NAME` or `NAME.NAMESPACE`; all if none is named. The newest first.
    pub fn of(&self, pod: Option<&str>) -> Vec<Arc<Entry>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let about = |entry: &Entry| match pod {
            None => true,
            Some(pod) => match (pod.split_once('/'), pod.rsplit_once('.')) {
                (Some((namespace, name)), _) => entry.is_about(Some(namespace), name),
                (None, Some((name, namespace))) => {
                    entry.is_about(Some(namespace), name) || entry.name == pod
                }
                (None, None) => entry.is_about(None, pod),
            },
        };
        entries.iter().filter(|entry| about(entry)).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
