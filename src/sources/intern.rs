//! Sharing strings that recur.
//!
//! The objects of a mesh say the same few thousand strings again and again: keys and values of labels, names of
//! namespaces, nodes and accounts. Each is held once.

use std::collections::HashSet;
use std::sync::Arc;

use crate::api::Str;

/// Longer strings hardly recur, and are not looked for.
const MAX_BYTES: usize = 128;

/// Below this many strings there is nothing to gain from forgetting any.
const MIN_SWEEP: usize = 4096;

/// The strings of one source. What nobody else holds any more is forgotten as new strings come.
#[derive(Debug)]
pub struct Interner {
    strings: HashSet<Str>,
    /// At this size it is time to look for strings that nobody holds.
    sweep_at: usize,
}

impl Default for Interner {
    fn default() -> Self {
        Interner { strings: HashSet::new(), sweep_at: MIN_SWEEP }
    }
}

impl Interner {
    /// The string, shared with all who interned an equal one.
    pub fn intern(&mut self, text: &str) -> Str {
        if text.is_empty() || text.len() > MAX_BYTES {
            return text.into();
        }
        if let Some(known) = self.strings.get(text) {
            return known.clone();
        }
        if self.strings.len() >= self.sweep_at {
            self.strings.retain(|string| Arc::strong_count(string) > 1);
            // Twice what is left: a sweep is paid for by as many new strings as it looks at.
            self.sweep_at = MIN_SWEEP.max(self.strings.len() * 2);
        }
        let string: Str = text.into();
        self.strings.insert(string.clone());
        string
    }
}

#[cfg(test)]
mod tests;
