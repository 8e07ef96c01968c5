//! The indexes of Istio's kinds that are read as a whole: each made again when an object of its kind changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::attached::Attached;
use super::clashes::{Around, Clashes};
use super::references::References;
use super::selected::{POLICIES, Selected};
use crate::api::config::{Config, Spec, by_age};
use crate::api::features::JwksFetcher;
use crate::api::jwks::KeySets;
use crate::api::networking::{DestinationRule, Sidecar};
use crate::api::security::AuthorizationPolicy;
use crate::api::{Diagnostic, Features, Kind, MeshConfig};
use crate::model::policy::authorization::providers;
use crate::model::policy::identity;
use crate::model::policy::request::RequestPolicies;
use crate::model::references::{self, World};
use crate::model::{
    AuthorizationPolicies, Gateways, Networks, Peers, Rules, Sidecars, VirtualServices,
};
use crate::snapshot::Objects;

/// The indexes.
#[derive(Debug, Default)]
pub(super) struct Configs {
    pub(super) virtual_services: Arc<VirtualServices>,
    pub(super) destination_rules: Arc<Rules>,
    pub(super) gateways: Arc<Gateways>,
    pub(super) sidecars: Arc<Sidecars>,
    pub(super) authorization_policies: Arc<AuthorizationPolicies>,
    pub(super) networks: Arc<Networks>,
    pub(super) peers: Arc<Peers>,
    pub(super) request_policies: Arc<RequestPolicies>,
    pub(super) key_sets: Arc<KeySets>,
    pub(super) references: References,
    clashes: Clashes,
    selected: Selected,
    attached: Attached,
    /// What AuthorizationPolicies ask of providers that cannot be asked.
    unasked: Vec<Diagnostic>,
    /// What AuthorizationPolicies ask that is not told.
    identities: Vec<Diagnostic>,
    /// What is to be said of Secrets and ConfigMaps.
    pub(super) of_credentials: Vec<Diagnostic>,
    /// What all of them have to say, sorted.
    pub(super) diagnostics: Arc<[Diagnostic]>,
}

impl Configs {
    /// Makes the indexes of these kinds again.
    pub(super) fn refresh(
        &mut self,
        kinds: &BTreeSet<Kind>,
        objects: &Objects,
        around: Around<'_>,
        mesh: &MeshConfig,
        features: &Features,
    ) {
        let domain = around.domain;
        for kind in kinds {
            match kind {
                Kind::VirtualService => {
                    let all = oldest_first(objects);
                    let new = VirtualServices::new(&all, mesh, domain, &self.virtual_services);
                    self.virtual_services = Arc::new(new);
                }
                Kind::DestinationRule => {
                    let all = oldest_first(objects);
                    let new = Rules::new(&all, mesh, domain, features, &self.destination_rules);
                    self.destination_rules = Arc::new(new);
                }
                Kind::Gateway => self.gateways = Arc::new(Gateways::new(&oldest_first(objects))),
                Kind::Sidecar => self.sidecars = Arc::new(Sidecars::new(&oldest_first(objects))),
                Kind::PeerAuthentication => {
                    let all = oldest_first(objects);
                    let new = Peers::new(&all, &mesh.root_namespace, &self.peers);
                    self.peers = Arc::new(new);
                }
                Kind::AuthorizationPolicy => {
                    let all = oldest_first(objects);
                    let new = AuthorizationPolicies::new(&all, &self.authorization_policies);
                    self.authorization_policies = Arc::new(new);
                }
                _ => {}
            }
        }
        if kinds.contains(&Kind::PeerAuthentication) || kinds.contains(&Kind::AuthorizationPolicy) {
            let policies = objects.configs::<AuthorizationPolicy>();
            self.identities = identity::check(policies, &self.peers, &mesh.root_namespace);
        }
        if self.references.stale || kinds.contains(&Kind::AuthorizationPolicy) {
            let policies = self.authorization_policies.all();
            self.unasked = providers::check(policies, mesh, &self.references.hosts);
        }
        self.refresh_request_policies(kinds, objects, mesh, features);
        let named = self.find_missing(kinds, objects, mesh, domain);
        let clashes =
            self.clashes.refresh(kinds, objects, around, &self.peers, &self.references.hosts);
        let selected = self.selected.refresh(kinds, objects, &mesh.root_namespace, around);
        let attached = self.attached.refresh(kinds, objects, around);
        if named || clashes || selected || attached || !kinds.is_empty() {
            self.gather_diagnostics();
        }
    }

    /// Where keys come from may depend on which hosts services have.
    fn refresh_request_policies(
        &mut self,
        kinds: &BTreeSet<Kind>,
        objects: &Objects,
        mesh: &MeshConfig,
        features: &Features,
    ) {
        let fetcher = features.jwks_fetcher;
        let by_hosts = fetcher != JwksFetcher::Istiod && self.references.stale;
        if by_hosts || kinds.contains(&Kind::RequestAuthentication) {
            let (all, root) = (oldest_first(objects), &mesh.root_namespace);
            let (hosts, before) = (&self.references.hosts, &self.request_policies);
            self.request_policies =
                Arc::new(RequestPolicies::new(&all, fetcher, hosts, root, before));
        }
    }

    /// Finds what objects name that is not there, if that may have changed.
    fn find_missing(
        &mut self,
        kinds: &BTreeSet<Kind>,
        objects: &Objects,
        mesh: &MeshConfig,
        domain: &str,
    ) -> bool {
        let References { hosts, stale, missing, .. } = &mut self.references;
        let stale = std::mem::take(stale);
        // Policies name no hosts.
        if !stale && kinds.iter().all(|kind| POLICIES.contains(kind)) {
            return false;
        }
        let world = World {
            hosts,
            virtual_services: &self.virtual_services,
            rules: &self.destination_rules,
            root_namespace: &mesh.root_namespace,
            domain,
        };
        let rules = objects.configs::<DestinationRule>();
        let sidecars = objects.configs::<Sidecar>();
        *missing = references::missing(world, rules, &self.gateways.all, sidecars);
        true
    }

    /// Collects what all indexes have to say.
    pub(super) fn gather_diagnostics(&mut self) {
        let lists = [
            &self.virtual_services.diagnostics,
            &self.destination_rules.diagnostics,
            &self.gateways.diagnostics,
            &self.sidecars.diagnostics,
            &self.networks.diagnostics,
            &self.peers.diagnostics,
            &self.request_policies.diagnostics,
            &self.request_policies.of_keys(&self.key_sets),
            &self.references.missing,
            &self.clashes.diagnostics,
            &self.selected.diagnostics,
            &self.attached.diagnostics,
            &self.unasked,
            &self.identities,
            &self.of_credentials,
        ];
        let rivals = self.references.rivals.values().flatten();
        let mut all: Vec<Diagnostic> = lists.into_iter().flatten().chain(rivals).cloned().collect();
        all.sort();
        all.dedup();
        if *self.diagnostics != *all {
            self.diagnostics = all.into();
        }
    }
}

/// All objects of a kind, oldest first.
pub(super) fn oldest_first<S: Spec>(objects: &Objects) -> Vec<Arc<Config<S>>> {
    let mut all: Vec<_> = objects.configs().cloned().collect();
    all.sort_by(|a, b| by_age(&a.meta, &b.meta));
    all
}
