//! The state of one type on one stream.
//!
//! A client *holds* a resource for each name that it wants and that is not owed to it: that of the view `base`,
//! or, if the name is lingering, the one from before its removal. All the rest follows from that sentence.

use std::sync::Arc;
use std::time::Instant;

use super::super::cache::{Cache, Names};
use super::super::diff::Diff;
use super::super::envelope::{Protocol, Request};
use super::PATIENCE;
use crate::api::Str;
use crate::translate::{Resource, ResourceSet, ResourceType, View};

/// A refusal of a response (NACK).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The nonce of the response.
    pub nonce: u64,
    /// A gRPC status code.
    pub code: i32,
    /// The client's words, cut to 4 kB.
    pub message: Str,
}

impl Refusal {
    fn of(request: &Request, nonce: u64) -> Option<Refusal> {
        /// Envoy repeats the name of each refused resource with its error.
        const MAX_MESSAGE: usize = 4096;
        let error = request.error.as_ref()?;
        let message = &error.message;
        let end = message.floor_char_boundary(MAX_MESSAGE);
        let message = message.get(..end).unwrap_or_default().into();
        Some(Refusal { nonce, code: error.code, message })
    }
}

/// What was promised to the client, whatever it holds.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// An answer, be it empty.
    pub answer: bool,
    /// Everything that it wants.
    pub all: bool,
    /// These resources; sorted.
    pub names: Vec<Str>,
    /// To be told that these do not exist (delta); sorted.
    pub gone: Vec<Str>,
}

impl Owed {
    /// Something is owed.
    pub fn promises(&self) -> bool {
        self.answer || self.all || !self.names.is_empty() || !self.gone.is_empty()
    }
}

/// One type that a client watches.
#[derive(Debug)]
pub struct Watch {
    /// The type.
    pub kind: ResourceType,
    /// The client wants everything of the type, and `names` besides.
    pub(super) wildcard: bool,
    pub(super) names: Names,
    /// Of the request that `names` are from (SotW).
    pub(super) fingerprint: u64,
    pub(super) base: Arc<View>,
    /// Resources that are gone from `base` and that the client is to keep for now; sorted by name.
    pub(super) lingering: Vec<Arc<Resource>>,
    pub(super) lingering_since: Option<Instant>,
    /// Since when `base` differs from the newest view in something that the client wants.
    pub(super) pending_since: Option<Instant>,
    pub(super) owed: Owed,
    /// The next request is answered in full even if it only acknowledges (SotW: the client renews its
    /// subscription when a cluster warms).
    pub(super) answer_next: bool,
    pub(super) sent: u64,
    /// The last response that the client answered, be it by a refusal.
    pub(super) acknowledged: u64,
    accepted: u64,
    pub(super) sent_at: Option<Instant>,
    /// The last response that was more than news: listeners wait for its acknowledgement, as clusters warm
    /// by it.
    pub(super) warms: u64,
    refusal: Option<Refusal>,
}

impl Watch {
    pub(super) fn new(kind: ResourceType, wildcard: bool, names: Names, base: Arc<View>) -> Watch {
        Watch {
            kind,
            wildcard,
            names,
            fingerprint: 0,
            base,
            lingering: Vec::new(),
            lingering_since: None,
            pending_since: None,
            owed: Owed::default(),
            answer_next: false,
            sent: 0,
            acknowledged: 0,
            accepted: 0,
            sent_at: None,
            warms: 0,
            refusal: None,
        }
    }

    /// The nonce of the last response; 0 before the first.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// When the last response was made.
    pub fn sent_at(&self) -> Option<Instant> {
        self.sent_at
    }

    /// The last nonce that the client accepted; 0 before the first.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Why the client refused the last response that it answered.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// How many names the client asked for, apart from any wildcard.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The client wants everything of the type.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Something that the client wants changed since it was last sent.
    pub(super) fn is_pending(&self) -> bool {
        self.pending_since.is_some()
    }

    /// An answer to a request is due.
    pub(super) fn owes(&self) -> bool {
        self.owed.promises()
    }

    /// The last response was not answered yet, and there is still hope.
    pub(super) fn in_flight(&self, now: Instant) -> bool {
        self.acknowledged < self.sent && self.sent_at.is_some_and(|at| now < at + PATIENCE)
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.wildcard || self.lists(name)
    }

    /// The client asked for the name as such.
    pub(super) fn lists(&self, name: &str) -> bool {
        self.names.binary_search_by(|n| (**n).cmp(name)).is_ok()
    }

    /// Owes the resources of these names, as far as the client wants them.
    pub(super) fn owe<'a>(&mut self, names: impl IntoIterator<Item = &'a Str>) {
        let mut owed = std::mem::take(&mut self.owed.names);
        owed.extend(names.into_iter().filter(|name| self.wants(name)).cloned());
        owed.sort_unstable();
        owed.dedup();
        self.owed.names = owed;
    }

    /// Replaces the names. What the client no longer wants is neither owed nor kept.
    pub(super) fn rename(&mut self, names: Names) {
        self.names = names;
        let mut owed = std::mem::take(&mut self.owed);
        owed.names.retain(|name| self.wants(name));
        owed.gone.retain(|name| self.wants(name));
        self.owed = owed;
        let mut lingering = std::mem::take(&mut self.lingering);
        lingering.retain(|resource| self.wants(&resource.name));
        self.lingering_since = self.lingering_since.filter(|_| !lingering.is_empty());
        self.lingering = lingering;
    }

    /// Notes the answer to the last response.
    pub(super) fn settle(&mut self, request: &Request) -> Option<Refusal> {
        self.acknowledged = self.sent;
        self.refusal = Refusal::of(request, self.sent);
        if self.refusal.is_none() {
            self.accepted = self.sent;
        }
        self.refusal.clone()
    }

    /// Finds out whether a view brings something new. If it does not, the client holds that view.
    pub(super) fn compare(&mut self, newest: &Arc<View>, cache: &Cache, now: Instant) {
        self.pending_since = self.pending_since.or(Some(now));
        self.recheck(newest, cache);
    }

    /// News that the client no longer wants are none.
    pub(super) fn recheck(&mut self, newest: &Arc<View>, cache: &Cache) {
        if !self.is_pending() {
            return;
        }
        let diffs = differences(self.kind, &self.base, newest, cache);
        let concerns = |resource: &Arc<Resource>| self.wants(&resource.name);
        let news = diffs
            .iter()
            .any(|diff| diff.changed.iter().any(concerns) || diff.removed.iter().any(concerns));
        if !news {
            self.base = newest.clone();
            self.pending_since = None;
        }
    }

    /// Takes note of what a view removed. Returns what lingered before and exists again, and the names that
    /// the client need not keep.
    pub(super) fn linger(
        &mut self,
        protocol: Protocol,
        owed: &Owed,
        diffs: &[Arc<Diff>],
        view: &View,
        now: Instant,
    ) -> (Vec<Arc<Resource>>, Vec<Str>) {
        let (kind, exists) =
            (self.kind, |r: &Arc<Resource>| view.get(self.kind, &r.name).is_some());
        let (back, mut lingering): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.lingering).into_iter().partition(exists);
        let removed = diffs
            .iter()
            .flat_map(|diff| &diff.removed)
            .filter(|resource| self.holds(&resource.name, owed) && !exists(resource));
        if kind.is_silent_about_nothing() {
            // A proxy goes on with what it has: nobody gains from an outage.
            return (back, Vec::new());
        }
        if !lingers(kind, protocol) {
            return (back, removed.map(|resource| resource.name.clone()).collect());
        }
        lingering.extend(removed.cloned());
        lingering.sort_by(|a, b| a.name.cmp(&b.name));
        lingering.dedup_by(|b, a| a.name == b.name);
        self.lingering_since = match lingering.is_empty() {
            true => None,
            false => self.lingering_since.or(Some(now)),
        };
        self.lingering = lingering;
        (back, Vec::new())
    }

    /// The client wants the name, and it is not among what it was only promised.
    fn holds(&self, name: &Str, owed: &Owed) -> bool {
        let promised = owed.all && self.sent == 0 || owed.names.binary_search(name).is_ok();
        self.wants(name) && !promised
    }

    /// The client is to keep nothing any more.
    pub(super) fn let_go(&mut self) -> Vec<Arc<Resource>> {
        self.lingering_since = None;
        std::mem::take(&mut self.lingering)
    }
}

/// Whether the type can wait with removals: not where a type lists all that there is, or (SotW) has no word for
/// nothing.
fn lingers(kind: ResourceType, protocol: Protocol) -> bool {
    match kind {
        ResourceType::Cluster | ResourceType::Endpoint | ResourceType::Route => true,
        ResourceType::Extension => protocol == Protocol::Delta,
        ResourceType::Listener
        | ResourceType::Secret
        | ResourceType::NameTable
        | ResourceType::ProxyConfig => false,
    }
}

/// What differs between two views in one type, layer by layer. Layers that are the same cost nothing.
pub(super) fn differences(
    kind: ResourceType,
    old: &View,
    new: &View,
    cache: &Cache,
) -> Vec<Arc<Diff>> {
    let empty = || Arc::new(ResourceSet::new(kind, Vec::new()));
    let layers = old.layers.len().max(new.layers.len());
    (0..layers)
        .filter_map(|layer| {
            let set = |view: &View| view.layers.get(layer).map(|layer| layer.get(kind).clone());
            let (old, new) = match (set(old), set(new)) {
                (Some(old), Some(new)) if Arc::ptr_eq(&old, &new) => return None,
                (Some(old), Some(new)) if old.items().is_empty() && new.items().is_empty() => {
                    return None;
                }
                (old, new) => (old.unwrap_or_else(empty), new.unwrap_or_else(empty)),
            };
            Some(cache.diff(&old, &new)).filter(|diff| !diff.is_empty())
        })
        .collect()
}
