//! What proxies refuse is logged once, however many refuse it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::api::Str;
use crate::translate::ResourceType;

/// How long the words of a refusal are remembered since they were last heard. A proxy that tries again does so within
/// seconds, and a new change that is refused with the same words is told of again after that.
const MEMORY: Duration = Duration::from_secs(60);

/// How many different refusals are remembered. Proxies choose the words.
const MAX_REMEMBERED: usize = 256;

/// The refusals of all streams.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    heard: Mutex<HashMap<(ResourceType, Str), Instant>>,
}

impl Refusals {
    /// Whether these words were not heard from any proxy for a while. Where too many are remembered, none are new.
    pub(super) fn are_new(&self, kind: ResourceType, words: &Str, now: Instant) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = heard.get_mut(&(kind, words.clone())) {
            let new = now.saturating_duration_since(*last) > MEMORY;
            *last = now;
            return new;
        }
        if heard.len() == MAX_REMEMBERED {
            heard.retain(|_, last| now.saturating_duration_since(*last) <= MEMORY);
        }
        let room = heard.len() < MAX_REMEMBERED;
        if room {
            heard.insert((kind, words.clone()), now);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_new_once_a_while() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let words = Str::from("no such cluster");
        assert!(refusals.are_new(ResourceType::Listener, &words, now));
        assert!(!refusals.are_new(ResourceType::Listener, &words, now));
        assert!(refusals.are_new(ResourceType::Route, &words, now));
        assert!(refusals.are_new(ResourceType::Listener, &"another".into(), now));
        // They are heard again and again.
        let soon = now + MEMORY;
        assert!(!refusals.are_new(ResourceType::Listener, &words, soon));
        assert!(!refusals.are_new(ResourceType::Listener, &words, soon + MEMORY));
        assert!(refusals.are_new(ResourceType::Listener, &words, soon + MEMORY * 3));
    }

    #[test]
    fn strangers_cannot_fill_the_memory() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        for i in 0..MAX_REMEMBERED {
            assert!(refusals.are_new(ResourceType::Listener, &format!("words {i}").into(), now));
        }
        assert!(!refusals.are_new(ResourceType::Listener, &"more".into(), now));
        let later = now + MEMORY * 2;
        assert!(refusals.are_new(ResourceType::Listener, &"more".into(), later));
    }
}
