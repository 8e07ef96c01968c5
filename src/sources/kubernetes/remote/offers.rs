//! What a secret offers: for each key a cluster, and how it is reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use kube::config::Kubeconfig;

use super::kubeconfig::{self, Allowed};
use crate::api::core::Secret;
use crate::api::{Change, Kind, Object, Str};

/// What selects these secrets.
pub const SELECTOR: &str = "istio/multiCluster=true";

/// The SHA-256 of a kubeconfig.
pub type Digest = [u8; 32];

/// What one secret offers.
#[derive(Debug)]
pub(super) struct Offers {
    /// When the secret was made; decides who has a cluster that several offer.
    pub created: Option<jiff::Timestamp>,
    /// By the id of the cluster.
    pub clusters: BTreeMap<Str, Offer>,
}

/// How a cluster is reached.
#[derive(Debug)]
pub(super) struct Offer {
    /// The kubeconfig in short.
    pub digest: Digest,
    /// The kubeconfig, or why it is refused.
    pub kubeconfig: Result<Arc<Kubeconfig>, String>,
}

/// The secret that a change makes, if it is one that tells of clusters.
pub(super) fn told(change: &Change) -> Option<&Secret> {
    match change {
        Change::Apply(Object::Secret(secret)) if Secret::tells_of_clusters(&secret.meta) => {
            Some(secret)
        }
        _ => None,
    }
}

/// Whether a change may be about a secret that tells of clusters, or told of them before.
pub(super) fn concerns(change: &Change, namespace: &str) -> bool {
    let key = change.key();
    key.kind == Kind::Secret && *key.namespace == *namespace
}

impl Offers {
    /// What a secret offers. What it offered before is not read again.
    pub fn of(secret: &Secret, before: Option<Offers>, allowed: &Allowed) -> Offers {
        let mut before = before.map(|offers| offers.clusters).unwrap_or_default();
        let mut offer = |cluster: &Str, bytes: &[u8]| {
            let digest = sha256(bytes);
            match before.remove(cluster) {
                Some(same) if same.digest == digest => same,
                _ => Offer { digest, kubeconfig: kubeconfig::read(bytes, allowed).map(Arc::new) },
            }
        };
        let clusters = secret.data.iter();
        Offers {
            created: secret.meta.created,
            clusters: clusters.map(|(id, bytes)| (id.clone(), offer(id, bytes.expose()))).collect(),
        }
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    let mut short = Digest::default();
    // A digest has as many bytes as its algorithm says.
    short.iter_mut().zip(digest(&SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
    short
}
