//! Which clusters are read, with which clients: from secrets to what is to be done. Without IO.
//!
//! Invariants: a cluster has at most one client that serves and one that is to take over from it. The one that
//! serves stays until the other has read everything, whatever becomes of the secret meanwhile, unless nobody offers
//! the cluster any more. Who has a cluster keeps it while it offers it; else the oldest secret gets it whose
//! kubeconfig can be used. A kubeconfig that cannot be used is not tried again before it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::config::Kubeconfig;

use super::kubeconfig::Allowed;
use super::offers::{Digest, Offer, Offers, concerns, told};
use crate::api::{Change, Code, Diagnostic, ObjectKey, Severity, Str};

/// Names a client; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(u64);

/// What is to be done, in this order.
#[derive(Clone, Debug)]
pub enum Action {
    /// A client is to read a cluster.
    Start {
        /// The client.
        client: ClientId,
        /// The cluster.
        cluster: Str,
        /// How it is reached.
        kubeconfig: Arc<Kubeconfig>,
    },
    /// A client is to end.
    Stop(ClientId),
    /// Nobody tells of the cluster any more: nothing is to be left of it.
    Forget(Str),
    /// A secret tells of the own cluster, which is not read twice.
    Skip(ObjectKey),
}

/// What is read, and why.
#[derive(Debug)]
pub struct Plan {
    own: Str,
    namespace: Str,
    allowed: Allowed,
    secrets: BTreeMap<ObjectKey, Offers>,
    clusters: BTreeMap<Str, Cluster>,
    last: u64,
    actions: Vec<Action>,
}

/// A cluster that is read. It has a client.
#[derive(Debug)]
struct Cluster {
    /// The secret that it is of.
    holder: ObjectKey,
    /// The client of which everything is in use.
    serving: Option<Client>,
    /// The client that is still reading.
    next: Option<Client>,
}

#[derive(Debug)]
struct Client {
    id: ClientId,
    digest: Digest,
    timed_out: bool,
}

/// A cluster as it stands.
#[derive(Debug)]
pub struct View<'a> {
    /// Its id.
    pub id: &'a Str,
    /// The secret that it is of, or that would have it if it could be used.
    pub secret: &'a ObjectKey,
    /// The client that serves.
    pub serving: Option<ClientId>,
    /// The client that is still reading, and whether it takes too long.
    pub next: Option<(ClientId, bool)>,
    /// Why what the secret says now is not used.
    pub refusal: Option<&'a str>,
}

impl Plan {
    /// For the cluster with this id, from secrets of this namespace.
    pub fn new(own: Str, namespace: Str, allowed: Allowed) -> Plan {
        Plan {
            own,
            namespace,
            allowed,
            secrets: BTreeMap::new(),
            clusters: BTreeMap::new(),
            last: 0,
            actions: Vec::new(),
        }
    }

    /// A secret came, changed or went. Returns what istiod calls that, unless it is about other secrets.
    pub fn take(&mut self, change: &Change) -> Option<&'static str> {
        if !concerns(change, &self.namespace) {
            return None;
        }
        let key = change.key();
        let old = self.secrets.remove(&key);
        let knew = old.is_some();
        let ids = |offers: &Offers| offers.clusters.keys().cloned().collect::<Vec<_>>();
        let mut touched: BTreeSet<Str> = old.iter().flat_map(ids).collect();
        let secret = told(change);
        if let Some(secret) = secret {
            let offers = Offers::of(secret, old, &self.allowed);
            touched.extend(ids(&offers));
            if offers.clusters.contains_key(&self.own) {
                self.actions.push(Action::Skip(key.clone()));
            }
            self.secrets.insert(key, offers);
        }
        touched.iter().for_each(|cluster| self.settle(cluster));
        match (knew, secret.is_some()) {
            (false, true) => Some("add"),
            (true, true) => Some("update"),
            (true, false) => Some("delete"),
            (false, false) => None,
        }
    }

    /// What is to be done since the last call.
    pub fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Whether what a client tells counts.
    pub fn serves(&self, cluster: &Str, client: ClientId) -> bool {
        let serving = self.clusters.get(cluster).and_then(|cluster| cluster.serving.as_ref());
        serving.is_some_and(|serving| serving.id == client)
    }

    /// A client has read everything. True if it serves from now on, as it was the last to be asked.
    pub fn synced(&mut self, cluster: &Str, client: ClientId) -> bool {
        let Some(cluster) = self.clusters.get_mut(cluster) else { return false };
        let Some(next) = cluster.next.take_if(|next| next.id == client) else { return false };
        let old = cluster.serving.replace(next);
        self.actions.extend(old.map(|old| Action::Stop(old.id)));
        true
    }

    /// A client takes too long. True if it was still waited for.
    pub fn timed_out(&mut self, cluster: &Str, client: ClientId) -> bool {
        let next = self.clusters.get_mut(cluster).and_then(|cluster| cluster.next.as_mut());
        let Some(next) = next.filter(|next| next.id == client) else { return false };
        next.timed_out = true;
        true
    }

    /// A client could not be made of its kubeconfig.
    pub fn refuse(&mut self, id: &Str, client: ClientId, reason: String) {
        let Some(cluster) = self.clusters.get_mut(id) else { return };
        let Some(next) = cluster.next.take_if(|next| next.id == client) else { return };
        self.actions.push(Action::Stop(client));
        let offers = self.secrets.get_mut(&cluster.holder);
        if let Some(offer) = offers.and_then(|offers| offers.clusters.get_mut(id))
            && offer.digest == next.digest
        {
            offer.kubeconfig = Err(reason);
        }
        if cluster.serving.is_none() {
            self.clusters.remove(id);
            self.actions.push(Action::Forget(id.clone()));
        }
        self.settle(id);
    }

    /// The clusters of which nothing was read, and for which it is still waited.
    pub fn waiting(&self) -> impl Iterator<Item = &Str> {
        let waits = |cluster: &Cluster| {
            cluster.serving.is_none() && cluster.next.as_ref().is_some_and(|next| !next.timed_out)
        };
        self.clusters.iter().filter(move |(_, cluster)| waits(cluster)).map(|(id, _)| id)
    }

    /// How many clusters are read.
    pub fn count(&self) -> usize {
        self.clusters.len()
    }

    /// All clusters as they stand, sorted: those that are read, and those that nobody offers in a way that can be
    /// used.
    pub fn views(&self) -> Vec<View<'_>> {
        let offered = self.secrets.values().flat_map(|offers| offers.clusters.keys());
        let ids: BTreeSet<&Str> = offered.filter(|id| **id != self.own).collect();
        ids.into_iter().filter_map(|id| self.view(id)).collect()
    }

    fn view<'a>(&'a self, id: &'a Str) -> Option<View<'a>> {
        let (secret, serving, next) = match self.clusters.get(id) {
            Some(Cluster { holder, serving, next }) => (holder, serving.as_ref(), next.as_ref()),
            None => (self.oldest(id, |_| true)?, None, None),
        };
        let refusal = self.offer(secret, id).and_then(|offer| offer.kubeconfig.as_ref().err());
        let next = next.map(|next| (next.id, next.timed_out));
        let serving = serving.map(|serving| serving.id);
        Some(View { id, secret, serving, next, refusal: refusal.map(String::as_str) })
    }

    /// What is wrong with the secrets.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let offers = self.secrets.iter().flat_map(|(secret, offers)| {
            offers.clusters.iter().map(move |(id, offer)| (secret, id, offer))
        });
        let offers = offers.filter(|(_, id, _)| **id != self.own);
        offers.flat_map(|(secret, id, offer)| self.told_of(secret, id, offer)).collect()
    }

    /// What is wrong with one offer.
    fn told_of(&self, secret: &ObjectKey, id: &Str, offer: &Offer) -> Vec<Diagnostic> {
        let diagnostic = |severity, object: &ObjectKey, message| Diagnostic {
            severity,
            location: None,
            object: Some(object.clone()),
            path: format!("data[{id}]"),
            message,
            code: Code::Other,
        };
        let holder = self.clusters.get(id).map(|cluster| &cluster.holder);
        if let Err(reason) = &offer.kubeconfig {
            let mut message = format!("the kubeconfig of the cluster {id} is refused: {reason}");
            if holder == Some(secret) {
                message.push_str("; what it said before stays in use");
            }
            return vec![diagnostic(Severity::Error, secret, message)];
        }
        let Some(holder) = holder.filter(|holder| *holder != secret) else { return Vec::new() };
        let lost = format!(
            "the cluster {id} is also in {holder}, which has it; this one is ignored: remove one of them"
        );
        let won = format!("the cluster {id} is also in {secret}, which is ignored");
        vec![
            diagnostic(Severity::Warning, secret, lost),
            diagnostic(Severity::Warning, holder, won),
        ]
    }

    fn offer(&self, secret: &ObjectKey, cluster: &Str) -> Option<&Offer> {
        self.secrets.get(secret)?.clusters.get(cluster)
    }

    /// The oldest secret of which the offer of a cluster is such.
    fn oldest(&self, cluster: &Str, such: impl Fn(&Offer) -> bool) -> Option<&ObjectKey> {
        let offering = self
            .secrets
            .iter()
            .filter(|(_, offers)| offers.clusters.get(cluster).is_some_and(&such));
        offering.min_by_key(|(key, offers)| (offers.created, *key)).map(|(key, _)| key)
    }

    /// Makes of a cluster what the secrets say.
    fn settle(&mut self, id: &Str) {
        if *id == self.own {
            return;
        }
        let before = self.clusters.remove(id);
        let keeps = before.as_ref().map(|cluster| &cluster.holder);
        let keeps = keeps.filter(|holder| self.offer(holder, id).is_some());
        let holder = keeps.or_else(|| self.oldest(id, |offer| offer.kubeconfig.is_ok())).cloned();
        let Some(holder) = holder else {
            if let Some(Cluster { serving, next, .. }) = before {
                let clients = serving.into_iter().chain(next);
                self.actions.extend(clients.map(|client| Action::Stop(client.id)));
                self.actions.push(Action::Forget(id.clone()));
            }
            return;
        };
        let offer = self.offer(&holder, id);
        let wanted = offer.and_then(|o| Some((o.digest, o.kubeconfig.as_ref().ok()?.clone())));
        let new = Cluster { holder: holder.clone(), serving: None, next: None };
        let mut cluster = Cluster { holder, ..before.unwrap_or(new) };
        if let Some((digest, kubeconfig)) = wanted {
            self.follow(&mut cluster, id, digest, kubeconfig);
        }
        self.clusters.insert(id.clone(), cluster);
    }

    /// Sees to it that the cluster is, or will be, read with this kubeconfig.
    fn follow(&mut self, cluster: &mut Cluster, id: &Str, digest: Digest, with: Arc<Kubeconfig>) {
        let uses = |client: &Option<Client>| client.as_ref().is_some_and(|c| c.digest == digest);
        let serves = uses(&cluster.serving);
        if !serves && uses(&cluster.next) {
            return;
        }
        let dropped = cluster.next.take();
        self.actions.extend(dropped.map(|client| Action::Stop(client.id)));
        if !serves {
            self.last += 1;
            let client = ClientId(self.last);
            cluster.next = Some(Client { id: client, digest, timed_out: false });
            self.actions.push(Action::Start { client, cluster: id.clone(), kubeconfig: with });
        }
    }
}

#[cfg(test)]
mod tests;
