//! The roots of the mesh for agents (PCDS): one ProxyConfig without a name, the same for everybody.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::memo::{Recent, Same};
use super::resource::Resource;
use super::translator::{Built, Context};
use crate::api::Str;
use crate::proto::encode::encode;
use crate::proto::mesh::ProxyConfig;

/// What the builder remembers.
#[derive(Debug, Default)]
pub struct Memos {
    built: Recent<Option<Same<[Str]>>, Built>,
}

impl Memos {
    /// See [`Recent::sweep`].
    pub fn sweep(&mut self) {
        self.built.sweep();
    }
}

/// The roots, where the mesh has several; nothing otherwise.
pub fn build(context: &Context<'_>, memos: &mut Memos) -> Arc<Built> {
    let anchors = context.snapshot.trust_anchors.clone().map(Same);
    memos.built.get(anchors, |anchors| {
        let resource = anchors.as_ref().map(|Same(anchors)| {
            let ca_certificates_pem = anchors.iter().map(|text| text.to_string()).collect();
            let config = ProxyConfig { ca_certificates_pem };
            Arc::new(Resource::new("".into(), encode(&config), []))
        });
        Built { resources: resource.into_iter().collect(), ..Built::default() }
    })
}
