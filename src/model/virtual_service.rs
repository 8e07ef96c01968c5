//! VirtualServices as proxies follow them: host names in full, delegates put in place.
//!
//! What was made from the same objects keeps its `Arc`: a change of one of thousands resolves that one, and those that
//! delegate to it.

mod delegate;
mod resolve;
mod routing;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use self::routing::{Routing, RuleOrigin};
use super::Visibility;
use crate::api::config::Config;
use crate::api::networking::VirtualService;
use crate::api::{Diagnostic, MeshConfig, ObjectKey, Str};

/// The name by which VirtualServices are bound to sidecars instead of gateways.
pub const MESH: &str = "mesh";

/// An object of the kind.
type Object = Arc<Config<VirtualService>>;

/// All VirtualServices that have hosts.
#[derive(Clone, Debug, Default)]
pub struct VirtualServices {
    all: Vec<Arc<Routing>>,
    mesh: Arc<[Arc<Routing>]>,
    by_gateway: BTreeMap<Str, Vec<Arc<Routing>>>,
    label_keys: BTreeSet<Str>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
    made: HashMap<ObjectKey, Made>,
    settings: Settings,
}

/// What all of them were resolved with.
#[derive(Clone, Debug, Default, PartialEq)]
struct Settings {
    export_to: Vec<Str>,
    domain: Str,
}

/// What was made from one object.
#[derive(Clone, Debug)]
struct Made {
    /// Those that its rules delegate to, in their order, as far as they exist.
    delegates: Vec<Option<Object>>,
    routing: Arc<Routing>,
    diagnostics: Vec<Diagnostic>,
}

impl Made {
    /// Whether it would be made again from these.
    fn is_of(&self, object: &Object, delegates: &[Option<&Object>]) -> bool {
        let same = |(a, b): (&Option<Object>, &Option<&Object>)| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        Arc::ptr_eq(&self.routing.config, object)
            && self.delegates.len() == delegates.len()
            && self.delegates.iter().zip(delegates).all(same)
    }
}

impl VirtualServices {
    /// Of these objects, oldest first. What `before` made from the same objects is kept.
    pub fn new(
        configs: &[Object],
        mesh: &MeshConfig,
        domain: &str,
        before: &VirtualServices,
    ) -> VirtualServices {
        let settings = Settings {
            export_to: mesh.default_virtual_service_export_to.clone(),
            domain: domain.into(),
        };
        let kept = (before.settings == settings).then_some(&before.made);
        let without_hosts = configs.iter().filter(|config| config.spec.hosts.is_empty());
        let delegates: HashMap<(&str, &str), &Object> = without_hosts
            .map(|config| ((&*config.meta.namespace, &*config.meta.name), config))
            .collect();
        let mut all = VirtualServices { settings, ..VirtualServices::default() };
        let mut of_mesh = Vec::new();
        for config in configs.iter().filter(|config| !config.spec.hosts.is_empty()) {
            let found = delegate::keys(config).map(|key| delegates.get(&key).copied());
            let found: Vec<Option<&Object>> = found.collect();
            let key = config.key();
            let same = kept.and_then(|made| made.get(&key)).filter(|m| m.is_of(config, &found));
            let made = same.cloned().unwrap_or_else(|| make(config, &found, &all.settings));
            all.list(&made.routing, &mut of_mesh);
            all.all.push(made.routing.clone());
            all.diagnostics.extend(made.diagnostics.iter().cloned());
            all.made.insert(key, made);
        }
        all.mesh = of_mesh.into();
        all
    }

    fn list(&mut self, routing: &Arc<Routing>, of_mesh: &mut Vec<Arc<Routing>>) {
        self.label_keys.extend(routing.label_keys().cloned());
        if routing.spec.gateways.is_empty() {
            of_mesh.push(routing.clone());
        }
        let mut known: Vec<&Str> = Vec::new();
        for gateway in &routing.spec.gateways {
            if known.contains(&gateway) {
                continue;
            }
            known.push(gateway);
            match &**gateway {
                MESH => of_mesh.push(routing.clone()),
                _ => self.by_gateway.entry(gateway.clone()).or_default().push(routing.clone()),
            }
        }
    }

    /// All, oldest first, whoever they are for.
    pub fn all(&self) -> &[Arc<Routing>] {
        &self.all
    }

    /// Those for sidecars, oldest first.
    pub fn of_mesh(&self) -> &Arc<[Arc<Routing>]> {
        &self.mesh
    }

    /// Those for a gateway, named `NAMESPACE/NAME`, oldest first, whoever may see them.
    pub fn of_gateway(&self, gateway: &str) -> &[Arc<Routing>] {
        self.by_gateway.get(gateway).map_or(&[], Vec::as_slice)
    }

    /// Those for a gateway that its proxies in `namespace` see, in the order of [`VirtualServices::visible`].
    pub fn visible_at_gateway(&self, gateway: &str, namespace: &str) -> Vec<Arc<Routing>> {
        by_rank(self.of_gateway(gateway), namespace)
    }

    /// Those for sidecars that a namespace sees: first its own that nobody else sees, then those that others show to it
    /// by name, then those that all see; each the oldest first. The list of all where it sees all in this order.
    pub fn visible(&self, namespace: &str) -> Arc<[Arc<Routing>]> {
        if self.mesh.iter().all(|r| r.visibility == Visibility::Public) {
            return self.mesh.clone();
        }
        by_rank(&self.mesh, namespace).into()
    }

    /// The keys of labels by which routes tell clients apart.
    pub fn label_keys(&self) -> &BTreeSet<Str> {
        &self.label_keys
    }
}

/// What is seen from a namespace, see [`VirtualServices::visible`].
fn by_rank(all: &[Arc<Routing>], namespace: &str) -> Vec<Arc<Routing>> {
    let seen = all.iter().filter(|routing| routing.visibility.includes(namespace));
    let mut seen: Vec<Arc<Routing>> = seen.cloned().collect();
    seen.sort_by_key(|routing| match routing.visibility {
        Visibility::Public => 2,
        Visibility::Namespaces(_) if *routing.config.meta.namespace == *namespace => 0,
        Visibility::Namespaces(_) => 1,
    });
    seen
}

fn make(config: &Object, delegates: &[Option<&Object>], settings: &Settings) -> Made {
    let mut diagnostics = Vec::new();
    let spec = resolve::resolve(config, &settings.domain);
    let visibility = visibility(config, settings);
    let routing = delegate::merge(config, spec, visibility, delegates, settings, &mut diagnostics);
    Made {
        delegates: delegates.iter().map(|found| found.cloned()).collect(),
        routing: Arc::new(routing),
        diagnostics,
    }
}

/// Who sees an object. `~` hides it from all, whatever is written beside it, unless that is `*`.
fn visibility(config: &Config<VirtualService>, settings: &Settings) -> Visibility {
    let own = &config.spec.export_to;
    let export_to = if own.is_empty() { &settings.export_to } else { own };
    match Visibility::of(export_to.iter().map(|e| &**e), &config.meta.namespace) {
        Visibility::Namespaces(_) if export_to.iter().any(|e| &**e == "~") => {
            Visibility::Namespaces(Vec::new())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
