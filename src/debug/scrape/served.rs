//! What connected proxies are served: how much of it there is, and how much of it they share.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::debug::State;
use crate::serve::connections::Connection;
use crate::translate::{Resource, ResourceSet, ResourceType, View};

/// Measures it. Proxies share sets: each is walked once.
pub(super) fn measure(state: &State) {
    let served = &state.metrics.served;
    let connections = state.connections.list();
    let views: Vec<Arc<View>> = connections.iter().map(|connection| connection.view()).collect();
    let scopes: HashSet<*const _> = views.iter().map(|view| Arc::as_ptr(&view.scope)).collect();
    served.scopes.set(scopes.len() as f64);
    for kind in ResourceType::ALL {
        let Sum { resources, bytes, shared } = Sum::of(&views, kind);
        let name = [kind.short_name()];
        served.resources.with(&name).set(resources as f64);
        served.resource_bytes.with(&name).set(bytes as f64);
        served.shared.with(&name).set(shared as f64);
    }
    let waits: Vec<f64> = connections.iter().filter_map(|c| unanswered(c)).collect();
    served.unacknowledged.set(waits.len() as f64);
    served.oldest_unacknowledged.set(waits.into_iter().fold(0.0, f64::max));
    served.measure_memory(connections.len());
}

/// The resources of one type.
#[derive(Debug, Default)]
struct Sum {
    /// Each counted once.
    resources: usize,
    /// Of each once.
    bytes: usize,
    /// Counted for each view.
    shared: usize,
}

impl Sum {
    fn of(views: &[Arc<View>], kind: ResourceType) -> Sum {
        let mut sum = Sum::default();
        let mut sets: HashMap<*const ResourceSet, &Arc<ResourceSet>> = HashMap::new();
        for set in views.iter().flat_map(|view| &view.layers).map(|layer| layer.get(kind)) {
            sum.shared += set.items().len();
            sets.insert(Arc::as_ptr(set), set);
        }
        let items = sets.values().flat_map(|set| set.items());
        let mut seen: HashSet<*const Resource> = HashSet::new();
        for resource in items.filter(|resource| seen.insert(Arc::as_ptr(resource))) {
            sum.resources += 1;
            sum.bytes += resource.body.len();
        }
        sum
    }
}

/// For how many seconds a proxy has had a response that it did not answer.
fn unanswered(connection: &Connection) -> Option<f64> {
    let now = jiff::Timestamp::now();
    let watched = connection.watched().into_iter();
    let open = watched.filter(|watched| {
        let answered = watched.accepted.max(watched.refusal.as_ref().map(|refusal| refusal.nonce));
        watched.sent > answered
    });
    let since = open.filter_map(|watched| watched.sent_at).min()?;
    Some(now.duration_since(since).as_secs_f64())
}
