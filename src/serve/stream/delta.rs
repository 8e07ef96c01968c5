//! What a request means in the incremental form.
//!
//! A request adds names and gives names up; its nonce only tells which response it answers, so that a
//! subscription counts even if the nonce is an old one. Resources have versions (the hash of their content):
//! a client that comes back tells what it holds, and is sent the rest.

use tonic::Status;

use super::super::cache::known;
use super::super::envelope::Request;
use super::watch::Watch;
use super::{Received, Stream, Warming};
use crate::api::Str;
use crate::translate::{Resource, ResourceType};

/// The most names that one watch may gather over time. See `envelope::MAX_NAMES`, the same for one request.
const MAX_NAMES: usize = 200_000;

/// Means everything of a type.
const STAR: &str = "*";

impl Stream {
    pub(super) fn receive_delta(
        &mut self,
        kind: ResourceType,
        request: &Request,
    ) -> Result<Received, Status> {
        if self.watch(kind).is_none() {
            return Ok(self.begin_delta(kind, request));
        }
        let answered = self.settle_delta(kind, request);
        let changes = self.change_delta(kind, request)?;
        Ok(match answered {
            Some(Received::Stale) | None if changes => Received::Subscribed,
            Some(answered) => answered,
            None => Received::Nothing,
        })
    }

    /// Which response the request answers. An answer to an older one settles nothing.
    fn settle_delta(&mut self, kind: ResourceType, request: &Request) -> Option<Received> {
        let watch = self.watch_mut(kind)?;
        if request.nonce.is_empty() {
            return None;
        }
        if request.nonce != format!("{:x}", watch.sent).as_bytes() {
            return Some(Received::Stale);
        }
        Some(watch.settle(request).map_or(Received::Acknowledged, Received::Refused))
    }

    /// The first request of a type. Clusters, listeners and the name table are told as a whole, whatever
    /// names are asked for, as Istio does.
    fn begin_delta(&mut self, kind: ResourceType, request: &Request) -> Received {
        let mut held: Vec<(&str, &[u8])> = request.initial_versions().collect();
        held.sort_unstable();
        held.dedup_by_key(|(name, _)| *name);
        let asked = request.names().filter(|name| *name != STAR);
        let wildcard = kind.is_wildcard() || request.names().any(|name| name == STAR);
        let find = |name: &str| known(&self.newest.view, kind, name);
        let names = if wildcard {
            self.cache.names(asked, find)
        } else {
            self.cache.names(asked.chain(held.iter().map(|(name, _)| *name)), find)
        };
        if names.is_empty() && !wildcard {
            return Received::Nothing;
        }
        let mut watch = Watch::new(kind, wildcard, names, self.newest.view.clone());
        watch.owed.answer = true;
        if held.is_empty() {
            watch.owed.all = true;
        } else {
            self.owe_what_is_not_held(&mut watch, &held);
        }
        if kind == ResourceType::Endpoint {
            match std::mem::take(&mut self.warming) {
                Warming::None => {}
                Warming::Names(names) => watch.owe(&names),
                Warming::All => watch.owed.all = true,
            }
        }
        self.begin(watch);
        Received::Subscribed
    }

    /// `held` is sorted by name. What differs is owed; what is held and does not exist is gone.
    fn owe_what_is_not_held(&self, watch: &mut Watch, held: &[(&str, &[u8])]) {
        let view = &self.newest.view;
        let holds = |resource: &Resource| {
            held.binary_search_by(|(name, _)| (*name).cmp(&resource.name))
                .ok()
                .and_then(|at| held.get(at))
                .is_some_and(|(_, version)| *version == resource.version().as_bytes())
        };
        if watch.wildcard {
            let missing = view.items(watch.kind).filter(|resource| !holds(resource));
            watch.owe(missing.map(|resource| &resource.name));
            watch.owed.all = watch.owed.names.len() == view.items(watch.kind).count();
            let gone = held.iter().map(|(name, _)| *name);
            let gone = gone.filter(|name| view.get(watch.kind, name).is_none());
            watch.owed.gone = gone.map(Str::from).collect();
        } else {
            let (kind, names) = (watch.kind, watch.names.clone());
            let missing = names.iter().filter(|name| match view.get(kind, name) {
                Some(resource) => !holds(resource),
                None => !view.absent(kind, name).is_some_and(|resource| holds(&resource)),
            });
            watch.owe(missing);
            watch.owed.all = watch.owed.names.len() == watch.names.len();
        }
    }

    /// Adds and gives up names. True if the request changes anything or asks again for what it has: the
    /// protocol demands that a name that is asked for is answered, as clients may have forgotten it.
    fn change_delta(&mut self, kind: ResourceType, request: &Request) -> Result<bool, Status> {
        let view = self.newest.view.clone();
        let cache = self.cache.clone();
        let Some(watch) = self.watch_mut(kind) else { return Ok(false) };
        let (mut star, mut asked) = (false, Vec::new());
        for name in request.names() {
            if name == STAR {
                star = true;
            } else {
                asked.push(name);
            }
        }
        let mut given_up: Vec<&str> = request.unsubscribed().collect();
        given_up.sort_unstable();
        let gives_up = |name: &str| given_up.binary_search(&name).is_ok();
        if asked.is_empty() && given_up.is_empty() && !star {
            return Ok(false);
        }
        if watch.names.len() + asked.len() > MAX_NAMES {
            let text = format!("more than {MAX_NAMES} names of {}", kind.type_url());
            return Err(Status::resource_exhausted(text));
        }
        let kept: Vec<Str> = watch.names.iter().filter(|name| !gives_up(name)).cloned().collect();
        let names = cache.names(kept.iter().map(|n| &**n).chain(asked.iter().copied()), |name| {
            known(&view, kind, name)
        });
        let had_all = watch.wildcard;
        watch.wildcard = (watch.wildcard && !gives_up(STAR)) || star;
        watch.rename(names);
        watch.recheck(&view, &cache);
        if star || (had_all && watch.wildcard && !given_up.is_empty()) {
            // Giving up one name of a wildcard leaves it wanted: the client is told so.
            watch.owed.all = true;
            watch.owed.answer = true;
        } else if !asked.is_empty() {
            let asked: Vec<Str> = asked.into_iter().map(Str::from).collect();
            watch.owed.answer = true;
            watch.owe(&asked);
        }
        Ok(true)
    }
}
