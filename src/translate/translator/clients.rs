//! What is known of connected proxies: the scope and the traits of each, found again only when something changed that
//! they were found from.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::api::config::Config;
use crate::api::networking::Sidecar;
use crate::api::{MeshConfig, Str};
use crate::model::policy::peer::{Applied, Policies};
use crate::model::{Gateways, Proxy, ProxyKind, Service, ServiceTarget, Workload};
use crate::snapshot::Snapshot;
use crate::translate::capability;
use crate::translate::endpoint::balancing::Asked;
use crate::translate::memo::{Memo, Same};
use crate::translate::proxy_config::ProxyConfig;
use crate::translate::scope::{ListenerTraits, Scope};
use crate::translate::security::{self, Applying, Near};
use crate::translate::visible::Visible;

/// See the module.
#[derive(Debug, Default)]
pub struct Clients {
    clients: HashMap<Same<Proxy>, (Seen, Client), rapidhash::fast::RandomState>,
    capabilities: capability::Known,
    scopes: Memo<Scope, Scope>,
    traits: Memo<ListenerTraits, ListenerTraits>,
    peers: Memo<Applied, Applied>,
}

/// What is known of a proxy. Equal values are one.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its scope.
    pub scope: Arc<Scope>,
    /// What else shapes its listeners.
    pub traits: Arc<ListenerTraits>,
    /// The services that lead to it.
    pub targets: Arc<[ServiceTarget]>,
    /// Which connections it takes.
    pub peers: Arc<Applied>,
    /// The policies that apply to it.
    pub policies: Applying,
}

/// What of a snapshot a `Client` depends on.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    mesh: Same<MeshConfig>,
    gateways: Same<Gateways>,
    policies: Near,
    sidecar: Option<Same<Config<Sidecar>>>,
    peers: Same<Policies>,
    label_keys: Same<BTreeSet<Str>>,
    asked: Same<Asked>,
    node_local: bool,
    workload: Option<(Same<Workload>, Same<[ServiceTarget]>)>,
    /// The services of a gateway's namespace.
    services: Option<Same<[Arc<Service>]>>,
}

impl Clients {
    /// A proxy that sees this of a snapshot.
    pub fn find(
        &mut self,
        snapshot: &Snapshot,
        proxy: &Arc<Proxy>,
        visible: &Visible,
        security: &mut security::Memos,
    ) -> Client {
        let workload = snapshot.workload_of(proxy);
        let is_router = proxy.kind == ProxyKind::Router;
        let own = is_router.then(|| snapshot.namespaces.get(&proxy.namespace)).flatten();
        let seen = Seen {
            mesh: Same(snapshot.mesh.clone()),
            gateways: Same(snapshot.gateways.clone()),
            policies: Near::of(snapshot, proxy),
            sidecar: visible.sidecar().cloned(),
            peers: Same(snapshot.peers.of(&proxy.namespace).clone()),
            label_keys: Same(visible.label_keys.clone()),
            asked: Same(visible.asked.clone()),
            node_local: visible.node_local,
            workload: workload.map(|w| (Same(w.workload.clone()), Same(w.targets.clone()))),
            services: own.map(|namespace| Same(namespace.services.clone())),
        };
        let before = self.clients.get(&Same(proxy.clone()));
        if let Some((_, client)) = before.filter(|(before, _)| *before == seen) {
            return client.clone();
        }
        let config = ProxyConfig::of(proxy, &snapshot.mesh);
        let capabilities = self.capabilities.of(proxy);
        let scope = Scope::of(proxy, snapshot, visible, capabilities, &config);
        let traits = ListenerTraits::of(proxy, config);
        let client = Client {
            scope: self.scopes.get(scope, Scope::clone),
            traits: self.traits.get(traits, ListenerTraits::clone),
            targets: workload.map(|state| state.targets.clone()).unwrap_or_default(),
            peers: self.peers.get(seen.peers.0.apply(&proxy.labels), Applied::clone),
            policies: security.applying(snapshot, proxy),
        };
        self.clients.insert(Same(proxy.clone()), (seen, client.clone()));
        client
    }

    /// Forgets proxies that are gone.
    pub fn sweep(&mut self) {
        self.clients.retain(|Same(proxy), _| Arc::strong_count(proxy) > 1);
        self.scopes.sweep();
        self.traits.sweep();
        self.peers.sweep();
        self.capabilities.sweep();
    }
}
