//! What a response consists of: pieces that streams share, and a few that are this stream's own.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::super::cache::Cache;
use super::super::diff::{Diff, encode, encode_set};
use super::super::envelope::Protocol;
use super::super::type_url::TypeUrl;
use super::watch::{Owed, Watch, differences};
use super::{Stream, Warming};
use crate::api::Str;
use crate::translate::{Resource, ResourceType, View};

/// A response, to be written as it is. What it says is not shown by its debug output: it may be a secret.
#[derive(Clone)]
pub struct Response {
    /// Of what it tells.
    pub type_url: TypeUrl,
    /// The version of the state that it is from.
    pub version: Str,
    /// Unique in its stream; written in hexadecimal.
    pub nonce: u64,
    /// Encoded fields, which nearly always are entries of `resources`, to be written one after the other.
    pub pieces: Vec<Bytes>,
    /// Names of resources that do not exist any more (delta).
    pub removed: Vec<Str>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Response { type_url, version, nonce, removed, .. } = self;
        let mut shown = f.debug_struct("Response");
        shown.field("type_url", type_url).field("version", version).field("nonce", nonce);
        shown.field("bytes", &self.size()).field("removed", removed).finish()
    }
}

impl Response {
    /// The size of its resources, in bytes.
    pub fn size(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }
}

/// What a response is made from.
struct Contents {
    pieces: Vec<Bytes>,
    removed: Vec<Str>,
    /// The names of what is sent; None when it is everything.
    names: Option<Vec<Str>>,
}

impl Stream {
    /// A response of no resource, of a type without a watch.
    pub(super) fn empty(&mut self, type_url: TypeUrl) -> Response {
        self.respond(type_url, Vec::new(), Vec::new())
    }

    /// A response of a type without a watch that was made elsewhere.
    pub fn told(&mut self, type_url: TypeUrl, piece: Bytes) -> Response {
        self.respond(type_url, vec![piece], Vec::new())
    }

    fn respond(&mut self, type_url: TypeUrl, pieces: Vec<Bytes>, removed: Vec<Str>) -> Response {
        self.nonce += 1;
        let version = self.newest.version.clone();
        Response { type_url, version, nonce: self.nonce, pieces, removed }
    }

    /// The response that brings the client up to the newest view in one type. None if it has all of it, but
    /// for what it is to keep for now.
    pub(super) fn answer(&mut self, kind: ResourceType, now: Instant) -> Option<Response> {
        let (protocol, cache) = (self.protocol, self.cache.clone());
        let view = self.newest.view.clone();
        let watch = self.watch_mut(kind)?;
        let diffs = match watch.is_pending() {
            true => differences(kind, &watch.base, &view, &cache),
            false => Vec::new(),
        };
        let owed = std::mem::take(&mut watch.owed);
        watch.base = view.clone();
        watch.pending_since = None;
        let (kept, gone) = watch.linger(protocol, &owed, &diffs, &view, now);
        let let_go = match self.may_remove(kind, now) {
            true => self.watch_mut(kind).map(Watch::let_go).unwrap_or_default(),
            false => Vec::new(),
        };
        let watch = self.watch(kind)?;
        let maker = Maker { protocol, cache: &cache, view: &view, watch, kept: &kept };
        let contents = maker.contents(&owed, &diffs, &gone, &let_go)?;
        if kind == ResourceType::Cluster {
            self.force_endpoints(contents.names);
        }
        let response = self.respond(TypeUrl::Known(kind), contents.pieces, contents.removed);
        let nonce = self.nonce;
        let watch = self.watch_mut(kind)?;
        watch.sent = nonce;
        watch.sent_at = Some(now);
        if owed.all || !owed.names.is_empty() {
            watch.warms = nonce;
        }
        // What was to be answered in full is.
        watch.answer_next &= !owed.all;
        Some(response)
    }

    /// A changed cluster warms, and waits for its endpoints even if they did not change: they are sent again.
    /// After a full answer a SotW client asks for them itself, with what looks like an acknowledgement.
    fn force_endpoints(&mut self, clusters: Option<Vec<Str>>) {
        let protocol = self.protocol;
        if let Some(endpoints) = self.watch_mut(ResourceType::Endpoint) {
            match (clusters, protocol) {
                (Some(names), _) => endpoints.owe(&names),
                (None, Protocol::Sotw) => endpoints.answer_next = true,
                (None, Protocol::Delta) => endpoints.owed.all = true,
            }
        } else if protocol == Protocol::Delta {
            self.warming = match (clusters, std::mem::take(&mut self.warming)) {
                (None, _) | (_, Warming::All) => Warming::All,
                (Some(names), Warming::None) => Warming::Names(names),
                (Some(names), Warming::Names(others)) => {
                    Warming::Names(names.into_iter().chain(others).collect())
                }
            };
        }
    }
}

/// Makes the contents of one response.
struct Maker<'a> {
    protocol: Protocol,
    cache: &'a Cache,
    view: &'a View,
    watch: &'a Watch,
    /// What the client kept although it was gone, and what is there again.
    kept: &'a [Arc<Resource>],
}

impl Maker<'_> {
    /// None if nothing is to be said.
    fn contents(
        &self,
        owed: &Owed,
        diffs: &[Arc<Diff>],
        gone: &[Str],
        let_go: &[Arc<Resource>],
    ) -> Option<Contents> {
        let news = self.news(diffs);
        let silent = news.pieces.is_empty() && gone.is_empty() && let_go.is_empty();
        if silent && !owed.promises() {
            return None;
        }
        let told_as_a_whole = self.protocol == Protocol::Sotw && self.watch.kind.is_wildcard();
        let mut contents = if owed.all {
            self.everything()
        } else if told_as_a_whole {
            Contents { names: news.names, ..self.everything() }
        } else if owed.names.is_empty() {
            news
        } else {
            self.named(owed, diffs)
        };
        match self.protocol {
            Protocol::Delta => {
                let owed = owed.gone.iter().filter(|name| self.find(name).is_none());
                contents.removed.extend(owed.chain(gone).cloned());
                contents.removed.extend(let_go.iter().map(|resource| resource.name.clone()));
                contents.removed.sort_unstable();
                contents.removed.dedup();
            }
            // A type that is told by name has no word for a removal: what it has is nothing.
            Protocol::Sotw if !told_as_a_whole => {
                let nothing =
                    let_go.iter().filter_map(|r| self.view.absent(self.watch.kind, &r.name));
                self.push(&mut contents, nothing.map(Arc::new).collect());
            }
            Protocol::Sotw => {}
        }
        // Who asks for what is not there waits for it.
        let unsaid = self.watch.kind.is_silent_about_nothing() && contents.pieces.is_empty();
        (!unsaid).then_some(contents)
    }

    /// All that the client wants, and what it is to keep.
    fn everything(&self) -> Contents {
        let kind = self.watch.kind;
        let mut contents = Contents { pieces: vec![], removed: vec![], names: None };
        let sets = self.view.layers.iter().map(|layer| layer.get(kind));
        let sets: Vec<_> = sets.filter(|set| !set.items().is_empty()).collect();
        if self.watch.wildcard {
            contents.pieces = sets.iter().map(|set| encode_set(set, self.protocol)).collect();
            self.push(&mut contents, self.watch.lingering.clone());
            if self.protocol == Protocol::Delta {
                let exists = |name: &Str| self.find(name).is_some();
                let vain = self.watch.names.iter().filter(|name| !exists(name));
                contents.removed.extend(vain.cloned());
            }
        } else if let [set] = sets.as_slice() {
            let selection = self.cache.select(set, &self.watch.names);
            if !selection.found.is_empty() {
                contents.pieces.push(selection.entries(self.protocol));
            }
            self.push_named(&mut contents, &selection.missing);
        } else {
            self.push_named(&mut contents, &self.watch.names);
        }
        contents
    }

    /// What changed, as far as the client wants it.
    fn news(&self, diffs: &[Arc<Diff>]) -> Contents {
        let mut contents = Contents { pieces: vec![], removed: vec![], names: Some(vec![]) };
        for diff in diffs {
            let wanted: Vec<_> = diff.changed.iter().filter(|r| self.is_news(r)).collect();
            if wanted.is_empty() {
                continue;
            }
            if wanted.len() == diff.changed.len() {
                contents.pieces.push(diff.entries(self.watch.kind, self.protocol));
            } else {
                self.push(&mut contents, wanted.iter().map(|r| (*r).clone()).collect());
            }
            let names = contents.names.get_or_insert_default();
            names.extend(wanted.into_iter().map(|resource| resource.name.clone()));
        }
        contents
    }

    /// The client wants it and does not hold it.
    fn is_news(&self, resource: &Resource) -> bool {
        let holds = |kept: &Arc<Resource>| kept.name == resource.name && kept.hash == resource.hash;
        self.watch.wants(&resource.name) && !self.kept.iter().any(holds)
    }

    /// What was promised by name, and what changed besides.
    fn named(&self, owed: &Owed, diffs: &[Arc<Diff>]) -> Contents {
        let mut contents = Contents { pieces: vec![], removed: vec![], names: None };
        let changed = diffs.iter().flat_map(|diff| &diff.changed).filter(|r| self.is_news(r));
        let changed = changed.map(|resource| &resource.name);
        let mut names: Vec<Str> = owed.names.iter().chain(changed).cloned().collect();
        names.sort_unstable();
        names.dedup();
        self.push_named(&mut contents, &names);
        contents.names = Some(names);
        contents
    }

    /// The resource of a name as the client is to have it.
    fn find(&self, name: &str) -> Option<Arc<Resource>> {
        let kept = || self.watch.lingering.iter().find(|resource| *resource.name == *name);
        self.view.get(self.watch.kind, name).or_else(kept).cloned()
    }

    /// Adds resources by name. A name of nothing is answered with what stands for nothing, else (delta) with
    /// its removal.
    fn push_named(&self, contents: &mut Contents, names: &[Str]) {
        let mut found = Vec::with_capacity(names.len());
        for name in names.iter().filter(|name| &***name != "*") {
            let absent = || self.view.absent(self.watch.kind, name).map(Arc::new);
            match self.find(name).or_else(absent) {
                Some(resource) => found.push(resource),
                None if self.protocol == Protocol::Delta => contents.removed.push(name.clone()),
                None => {}
            }
        }
        self.push(contents, found);
    }

    fn push(&self, contents: &mut Contents, resources: Vec<Arc<Resource>>) {
        if !resources.is_empty() {
            contents.pieces.push(encode(self.watch.kind, self.protocol, &resources));
        }
    }
}
