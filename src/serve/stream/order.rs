//! Which type may be sent now.
//!
//! Make before break: clusters and endpoints that are new or changed go first. Listeners and routes follow when
//! the client acknowledged them, so that no route leads to a cluster that is still warming. What nothing uses
//! any more is removed last: route configurations after the listeners, clusters after both, endpoints after
//! the clusters. Each wait ends after [`PATIENCE`]. What a client asks for it gets at once, and a response in
//! flight holds up only news of its own type, which then goes out as one difference.

use std::time::Instant;

use super::{PATIENCE, Response, Stream};
use crate::translate::ResourceType;

impl Stream {
    /// The next response to write, if any is due.
    pub fn next(&mut self, now: Instant) -> Option<Response> {
        if let Some(unknown) = self.unknown.iter_mut().find(|unknown| unknown.owed) {
            unknown.owed = false;
            let type_url = unknown.type_url.clone();
            return Some(self.empty(type_url));
        }
        // A type of which there is nothing to say is settled, which may let another one go on.
        loop {
            let kind = ResourceType::ALL.into_iter().find(|kind| self.is_type_due(*kind, now))?;
            if let Some(response) = self.answer(kind, now) {
                return Some(response);
            }
        }
    }

    /// When [`Stream::next`] is to be called again though nothing else happens. None when only a request or a
    /// new view brings something.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let waits = |watch: &super::Watch| {
            let blocked = watch.pending_since.or(watch.lingering_since)?;
            let flying = watch.sent_at.filter(|_| watch.in_flight(now));
            Some(flying.map_or(blocked, |at| at.max(blocked)) + PATIENCE)
        };
        let due = self.watches.iter().filter_map(waits).min()?;
        // What a wait ended for may still wait for another type, which is in flight for no longer than this.
        Some(if due > now { due } else { now + PATIENCE })
    }

    /// [`Stream::next`] has something to do.
    pub fn is_due(&self, now: Instant) -> bool {
        self.unknown.iter().any(|unknown| unknown.owed)
            || ResourceType::ALL.into_iter().any(|kind| self.is_type_due(kind, now))
    }

    fn is_type_due(&self, kind: ResourceType, now: Instant) -> bool {
        let Some(watch) = self.watch(kind) else { return false };
        if watch.owes() {
            return !self.awaits_unsent_clusters(kind, now);
        }
        if watch.in_flight(now) {
            return false;
        }
        let news = watch
            .pending_since
            .is_some_and(|since| now >= since + PATIENCE || self.may_send(kind, now));
        news || (!watch.lingering.is_empty() && self.may_remove(kind, now))
    }

    /// An answer must not lead to clusters that the client was not even sent.
    fn awaits_unsent_clusters(&self, kind: ResourceType, now: Instant) -> bool {
        uses_clusters(kind)
            && self
                .watch(ResourceType::Cluster)
                .and_then(|clusters| clusters.pending_since)
                .is_some_and(|since| now < since + PATIENCE)
    }

    /// Nothing that the type's news may refer to is on its way.
    fn may_send(&self, kind: ResourceType, now: Instant) -> bool {
        if !uses_clusters(kind) {
            return true;
        }
        let endpoints = self.watch(ResourceType::Endpoint).is_none_or(|endpoints| {
            !endpoints.owes()
                && (endpoints.acknowledged >= endpoints.warms || !endpoints.in_flight(now))
        });
        endpoints && self.is_settled(ResourceType::Cluster, now)
    }

    /// Nothing that the client has uses what is lingering.
    pub(super) fn may_remove(&self, kind: ResourceType, now: Instant) -> bool {
        let waited = self
            .watch(kind)
            .and_then(|watch| watch.lingering_since)
            .is_some_and(|since| now >= since + PATIENCE);
        let settled = |kind| self.is_settled(kind, now);
        waited
            || match kind {
                ResourceType::Cluster => {
                    settled(ResourceType::Listener) && settled(ResourceType::Route)
                }
                ResourceType::Endpoint => {
                    let kept = self.watch(ResourceType::Cluster).map(|watch| &watch.lingering);
                    kept.is_none_or(Vec::is_empty)
                        && settled(ResourceType::Cluster)
                        && settled(ResourceType::Listener)
                        && settled(ResourceType::Route)
                }
                ResourceType::Route | ResourceType::Extension => settled(ResourceType::Listener),
                ResourceType::Listener
                | ResourceType::Secret
                | ResourceType::NameTable
                | ResourceType::ProxyConfig => true,
            }
    }

    /// The client acknowledged all that it is to have of the type, or does not watch it.
    fn is_settled(&self, kind: ResourceType, now: Instant) -> bool {
        self.watch(kind)
            .is_none_or(|watch| !watch.owes() && !watch.is_pending() && !watch.in_flight(now))
    }
}

/// Resources of the type lead requests to clusters.
fn uses_clusters(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Listener | ResourceType::Route | ResourceType::Extension)
}
