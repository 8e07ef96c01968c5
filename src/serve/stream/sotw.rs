//! What a request means in the state-of-the-world form.
//!
//! A request lists all names that the client wants. It either begins (no nonce, or one of another stream), or
//! answers the last response, or is stale: the client had not seen the last response when it wrote it, and
//! will write again.

use super::super::cache::{Names, known};
use super::super::envelope::Request;
use super::watch::Watch;
use super::{Received, Stream};
use crate::api::Str;
use crate::translate::ResourceType;

impl Stream {
    pub(super) fn receive_sotw(&mut self, kind: ResourceType, request: &Request) -> Received {
        let answered = self.watch(kind).filter(|watch| watch.sent > 0);
        let last = answered.map(|watch| format!("{:x}", watch.sent));
        match last {
            Some(last) if !request.nonce.is_empty() => {
                if request.nonce != last.as_bytes() {
                    return Received::Stale;
                }
                self.answer_sotw(kind, request)
            }
            _ => self.begin_sotw(kind, request),
        }
    }

    fn begin_sotw(&mut self, kind: ResourceType, request: &Request) -> Received {
        let names = self.sotw_names(kind, request);
        let star = names.iter().any(|name| &**name == "*");
        if names.is_empty() && !kind.is_wildcard() {
            self.end(kind);
            return Received::Nothing;
        }
        let wildcard = star || kind.is_wildcard();
        let mut watch = Watch::new(kind, wildcard, names, self.newest.view.clone());
        watch.fingerprint = request.fingerprint();
        watch.owed.all = true;
        self.begin(watch);
        Received::Subscribed
    }

    /// The answer to the last response. Names are what the client wants now, whether it accepted or refused.
    fn answer_sotw(&mut self, kind: ResourceType, request: &Request) -> Received {
        let fingerprint = request.fingerprint();
        let names = match self.watch(kind) {
            Some(watch) if watch.fingerprint == fingerprint => None,
            _ => Some(self.sotw_names(kind, request)),
        };
        if names.as_ref().is_some_and(|names| names.is_empty()) && !kind.is_wildcard() {
            self.end(kind);
            return Received::Nothing;
        }
        let (view, cache) = (self.newest.view.clone(), self.cache.clone());
        let Some(watch) = self.watch_mut(kind) else { return Received::Nothing };
        let refusal = watch.settle(request);
        watch.fingerprint = fingerprint;
        if let Some(names) = names {
            let added = added(&watch.names, &names);
            watch.wildcard = kind.is_wildcard() || names.iter().any(|name| &**name == "*");
            watch.rename(names);
            watch.recheck(&view, &cache);
            // Of a type that is told as a whole, a list with one more name is a new question.
            watch.owed.all |= watch.wildcard && !added.is_empty();
            if !watch.owed.all {
                watch.owe(&added);
            }
        }
        watch.owed.all |= std::mem::take(&mut watch.answer_next);
        refusal.map_or(Received::Acknowledged, Received::Refused)
    }

    fn sotw_names(&self, kind: ResourceType, request: &Request) -> Names {
        self.cache.names(request.names(), |name| known(&self.newest.view, kind, name))
    }
}

/// The names of the second sorted list that the first lacks.
fn added(old: &[Str], new: &[Str]) -> Vec<Str> {
    let mut old = old.iter().peekable();
    let mut added = Vec::new();
    for name in new {
        while old.next_if(|o| *o < name).is_some() {}
        if old.next_if(|o| *o == name).is_none() {
            added.push(name.clone());
        }
    }
    added
}
