//! Where the layers of the mesh configuration meet: over the defaults what meshes share, over that the mesh's
//! own. The layers come from different places, each at its time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{Content, Document, Given, defaults, lay};
use crate::api::{MeshConfig, MeshNetworks};
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
    shared: Said,
    own: Said,
    publish: watch::Sender<Arc<MeshConfig>>,
}

/// What one layer says.
#[derive(Clone, Debug, Default)]
struct Said {
    mesh: Given,
    /// None where it has no such document.
    networks: Option<MeshNetworks>,
}

impl Layers {
    /// None yet, and where the configuration that they make is published: the defaults, so far.
    pub fn new() -> (Layers, watch::Receiver<Arc<MeshConfig>>) {
        let (publish, mesh) = watch::channel(Arc::new(defaults()));
        let state = State { shared: Said::default(), own: Said::default(), publish };
        (Layers(Arc::new(Mutex::new(state))), mesh)
    }

    /// Replaces a document of a layer, and publishes the configuration if that changes it. Nothing changes when
    /// the layers make no valid one.
    pub(super) fn set(&self, layer: Layer, content: Content) -> Result<(), Issue> {
        self.edit(layer, |said| match content {
            Content::Mesh(given) => said.mesh = given,
            Content::Networks(networks) => said.networks = Some(networks),
        })
    }

    /// Takes a document out of a layer.
    pub(super) fn remove(&self, layer: Layer, document: Document) -> Result<(), Issue> {
        self.edit(layer, |said| match document {
            Document::Mesh => said.mesh = Given::new(),
            Document::Networks => said.networks = None,
        })
    }

    fn edit(&self, layer: Layer, edit: impl FnOnce(&mut Said)) -> Result<(), Issue> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut shared, mut own) = (state.shared.clone(), state.own.clone());
        edit(match layer {
            Layer::Shared => &mut shared,
            Layer::Own => &mut own,
        });
        let mut mesh = lay([shared.mesh.clone(), own.mesh.clone()])?;
        // Networks are not merged: as in Istio, the shared document, where there is one, is all that counts.
        mesh.networks =
            shared.networks.as_ref().or(own.networks.as_ref()).cloned().unwrap_or_default();
        (state.shared, state.own) = (shared, own);
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
