//! The indexes of Istio's kinds that are read as a whole: each made again when an object of its kind changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::config::{Config, Spec, by_age};
use crate::api::{Diagnostic, Features, Kind, MeshConfig};
use crate::model::{Gateways, Networks, Rules, Sidecars, VirtualServices};
use crate::snapshot::Objects;

/// The indexes.
#[derive(Debug, Default)]
pub(super) struct Configs {
    pub(super) virtual_services: Arc<VirtualServices>,
    pub(super) destination_rules: Arc<Rules>,
    pub(super) gateways: Arc<Gateways>,
    pub(super) sidecars: Arc<Sidecars>,
    pub(super) networks: Arc<Networks>,
    /// What all of them have to say, sorted.
    pub(super) diagnostics: Arc<[Diagnostic]>,
}

impl Configs {
    /// Makes the indexes of these kinds again.
    pub(super) fn refresh(
        &mut self,
        kinds: &BTreeSet<Kind>,
        objects: &Objects,
        mesh: &MeshConfig,
        domain: &str,
        features: &Features,
    ) {
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
                _ => {}
            }
        }
        if !kinds.is_empty() {
            self.gather_diagnostics();
        }
    }

    /// Collects what all indexes have to say.
    pub(super) fn gather_diagnostics(&mut self) {
        let lists = [
            &self.virtual_services.diagnostics,
            &self.destination_rules.diagnostics,
            &self.gateways.diagnostics,
            &self.sidecars.diagnostics,
            &self.networks.diagnostics,
        ];
        let mut all: Vec<Diagnostic> = lists.into_iter().flatten().cloned().collect();
        all.sort();
        all.dedup();
        self.diagnostics = all.into();
    }
}

/// All objects of a kind, oldest first.
fn oldest_first<S: Spec>(objects: &Objects) -> Vec<Arc<Config<S>>> {
    let mut all: Vec<_> = objects.of_kind(S::KIND).filter_map(S::of).cloned().collect();
    all.sort_by(|a, b| by_age(&a.meta, &b.meta));
    all
}
