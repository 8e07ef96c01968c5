//! Where the layers of the mesh configuration meet: over the defaults what meshes share, over that the mesh's
//! own. The layers come from different places, each at its time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{Given, defaults, lay};
use crate::api::MeshConfig;
use crate::sources::project::Issue;

/// A layer over the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// What several meshes have in common.
    Shared,
    /// The mesh's own; it wins.
    Own,
}

/// The layers. Clones share them.
#[derive(Clone, Debug)]
pub struct Layers(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    shared: Given,
    own: Given,
    publish: watch::Sender<Arc<MeshConfig>>,
}

impl Layers {
    /// None yet, and where the configuration that they make is published: the defaults, so far.
    pub fn new() -> (Layers, watch::Receiver<Arc<MeshConfig>>) {
        let (publish, mesh) = watch::channel(Arc::new(defaults()));
        let state = State { shared: Given::new(), own: Given::new(), publish };
        (Layers(Arc::new(Mutex::new(state))), mesh)
    }

    /// Replaces a layer, and publishes the configuration if that changes it. Nothing changes when the layers make
    /// no valid one.
    pub(super) fn set(&self, layer: Layer, given: Given) -> Result<(), Issue> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (shared, own) = match layer {
            Layer::Shared => (&given, &state.own),
            Layer::Own => (&state.shared, &given),
        };
        let mesh = lay([shared.clone(), own.clone()])?;
        match layer {
            Layer::Shared => state.shared = given,
            Layer::Own => state.own = given,
        }
        state.publish.send_if_modified(|last| {
            let changed = **last != mesh;
            if changed {
                *last = Arc::new(mesh);
            }
            changed
        });
        Ok(())
    }
}
