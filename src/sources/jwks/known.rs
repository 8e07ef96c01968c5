//! What is known of one source, as fetching succeeds and fails. Pure: the time is told.

use jiff::{SignedDuration, Timestamp};

use crate::api::Str;
use crate::api::jwks::document::same_keys;
use crate::api::jwks::{Failure, KeySet};

/// How long keys hold that cannot be fetched again. An issuer that gave up a key must not be believed for ever.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The newest keys, and when they were fetched last.
    keys: Option<(Str, Timestamp)>,
    /// Since when fetching fails, and why it failed last.
    failing: Option<(Timestamp, Str)>,
}

impl Known {
    /// There are keys that hold.
    pub(super) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// The last fetch gave these keys.
    pub(super) fn has(&self, keys: &str) -> bool {
        let own = self.keys.as_ref().filter(|_| self.failing.is_none());
        own.is_some_and(|(own, _)| same_keys(own, keys))
    }

    /// The last fetch failed for this reason.
    pub(super) fn fails_with(&self, why: &str) -> bool {
        self.failing.as_ref().is_some_and(|(_, last)| **last == *why)
    }

    /// Takes the result of a fetch in. Keys that only changed their order or spacing are those before.
    pub(super) fn take(&mut self, fetched: Result<Str, String>, now: Timestamp) {
        match fetched {
            Ok(new) => {
                let kept = self.keys.take().map(|(old, _)| old).filter(|old| same_keys(old, &new));
                self.keys = Some((kept.unwrap_or(new), now));
                self.failing = None;
            }
            Err(why) => {
                let since = self.failing.as_ref().map_or(now, |(since, _)| *since);
                self.failing = Some((since, why.into()));
                self.keys.take_if(|(_, fetched)| now.duration_since(*fetched) >= LONGEST);
            }
        }
    }

    /// What others see of it. It changes only when they should know.
    pub(super) fn shown(&self) -> KeySet {
        let failure = self.failing.as_ref().map(|(since, why)| Failure {
            since: *since,
            why: why.clone(),
            fetched: self.keys.as_ref().map(|(_, fetched)| *fetched),
        });
        KeySet { text: self.keys.as_ref().map(|(text, _)| text.clone()), failure }
    }
}

#[cfg(test)]
mod tests;
