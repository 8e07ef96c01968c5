//! What somebody may have meant who names a host that nobody has.
//!
//! The cost of a search follows the length of the name and not the number of services: names that differ in one letter
//! are made and looked up.

use std::collections::BTreeMap;

use super::HostIndex;
use crate::api::Str;

/// How many names are searched for at a time: whoever has more mistakes than this first mends those.
const SEARCHES: usize = 32;

/// What host names are made of.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-.";

/// Searches, each name once.
#[derive(Debug)]
pub(super) struct Near<'a> {
    hosts: &'a HostIndex,
    domain: &'a str,
    found: BTreeMap<Str, Option<String>>,
}

impl<'a> Near<'a> {
    pub(super) fn new(hosts: &'a HostIndex, domain: &'a str) -> Near<'a> {
        Near { hosts, domain, found: BTreeMap::new() }
    }

    /// The remedy for a host that nobody has: what it may mean, or else what to do.
    pub(super) fn remedy(&mut self, host: &Str) -> String {
        let known = self.found.get(host).cloned();
        let meant = known.unwrap_or_else(|| {
            let found = (self.found.len() < SEARCHES).then(|| self.search(host)).flatten();
            self.found.insert(host.clone(), found.clone());
            found
        });
        match meant {
            Some(meant) => format!("{meant} may be meant"),
            None => "create a Service or ServiceEntry for it, or correct the name".to_owned(),
        }
    }

    fn search(&self, host: &str) -> Option<String> {
        self.unfinished(host).or_else(|| self.elsewhere(host)).or_else(|| self.misspelt(host))
    }

    /// `NAME.NAMESPACE` and `NAME.NAMESPACE.svc` are not short for a Kubernetes Service.
    fn unfinished(&self, host: &str) -> Option<String> {
        let endings = [format!(".svc.{}", self.domain), format!(".{}", self.domain)];
        let mut finished = endings.iter().map(|ending| format!("{host}{ending}"));
        finished.find(|full| !self.hosts.of(full).is_empty())
    }

    /// A Kubernetes Service of this name in another namespace.
    fn elsewhere(&self, host: &str) -> Option<String> {
        let rest = host.strip_suffix(self.domain)?.strip_suffix(".svc.")?;
        let (name, _) = rest.split_once('.')?;
        self.hosts.of_name(name).next().map(|host| host.to_string())
    }

    /// A host that differs in one letter, or in two that changed places; the first by the alphabet.
    fn misspelt(&self, host: &str) -> Option<String> {
        let bytes = host.as_bytes();
        let mut found: Option<String> = None;
        let mut consider = |candidate: Vec<u8>| {
            if let Ok(name) = String::from_utf8(candidate)
                && !self.hosts.of(&name).is_empty()
                && found.as_ref().is_none_or(|best| name < *best)
            {
                found = Some(name);
            }
        };
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            for letter in LETTERS {
                consider([head, &[*letter], tail].concat());
            }
            let Some((first, rest)) = tail.split_first() else { continue };
            consider([head, rest].concat());
            for letter in LETTERS {
                consider([head, &[*letter], rest].concat());
            }
            if let Some((second, rest)) = rest.split_first() {
                consider([head, &[*second, *first], rest].concat());
            }
        }
        found
    }
}
