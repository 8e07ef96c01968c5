//! What API servers said of tokens, for a short time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::api::Str;
use crate::model::Caller;

/// How many answers are remembered: twice the proxies of a large mesh. Each has a few hundred bytes.
const MAX: usize = 40_000;

/// A token, by its cluster and hash.
pub type Key = (Str, [u8; 32]);

type Answer = Result<Caller, String>;

/// The answers.
#[derive(Debug, Default)]
pub struct Memory {
    answers: Mutex<HashMap<Key, (Answer, Instant)>>,
}

impl Memory {
    /// What was said of a token, if that still counts.
    pub fn get(&self, key: &Key, now: Instant) -> Option<Answer> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(key).filter(|(_, until)| now < *until).map(|(answer, _)| answer.clone())
    }

    /// Remembers what was said. Where there is no room, what is over goes, and then everything: to ask again is no
    /// harm.
    pub fn put(&self, key: Key, answer: Answer, until: Instant) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MAX {
            let now = Instant::now();
            answers.retain(|_, (_, until)| now < *until);
        }
        if answers.len() >= MAX {
            answers.clear();
        }
        answers.insert(key, (answer, until));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn answers_are_forgotten_in_time_and_when_there_are_too_many() {
        let (memory, now) = (Memory::default(), Instant::now());
        let key = |number: usize| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            (Str::from("c"), hash)
        };
        let soon = now + Duration::from_secs(1000);
        memory.put(key(0), Err("no".to_owned()), now + Duration::from_secs(5));
        assert_eq!(memory.get(&key(0), now), Some(Err("no".to_owned())));
        assert_eq!(memory.get(&key(0), now + Duration::from_secs(5)), None);
        for number in 1..=MAX {
            memory.put(key(number), Err(String::new()), soon);
        }
        assert!(memory.answers.lock().unwrap().len() <= MAX);
        assert!(memory.get(&key(MAX), now).is_some());
    }
}
