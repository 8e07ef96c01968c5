//! From a pod to a workload: who it is and where it runs.

use std::sync::LazyLock;

use super::cluster::Cluster;
use crate::api::core::{self, Owner};
use crate::api::{Kind, Labels, MeshConfig, Meta, ObjectKey, Str};
use crate::model::identity::spiffe;
use crate::model::{Locality, TlsMode, Workload};

const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";
/// What nodes of old Kubernetes versions have instead.
const OLD_REGION: &str = "failure-domain.beta.kubernetes.io/region";
const OLD_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const SUBZONE: &str = "topology.istio.io/subzone";
const CLUSTER: &str = "topology.istio.io/cluster";
/// Also on a namespace: the control plane's own names the network of the cluster.
pub(super) const NETWORK: &str = "topology.istio.io/network";
const HOSTNAME: &str = "kubernetes.io/hostname";
/// On a workload: override the locality of its node, the first before the second.
const LOCALITIES: [&str; 2] = ["topology.istio.io/locality", "istio-locality"];
pub(super) const TLS_MODE: &str = "security.istio.io/tlsMode";

pub(super) const WORKLOAD_NAME: &str = "service.istio.io/workload-name";
const CANONICAL_NAMES: [&str; 3] =
    ["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"];
const CANONICAL_REVISIONS: [&str; 3] =
    ["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"];
/// The revision of workloads that name none.
const LATEST: &str = "latest";

/// What a workload depends on besides its pod.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    /// The node that the pod runs on, if it is known.
    pub(super) node: Option<&'a core::Node>,
    /// For the trust domain of clusters that have none of their own.
    pub(super) mesh: &'a MeshConfig,
    /// The cluster that the pod is of, which knows the network of pods that do not name one.
    pub(super) cluster: &'a Cluster,
}

/// The workload of a pod; None once the pod has finished.
pub(super) fn derive(pod: &core::Pod, around: Surroundings<'_>) -> Option<Workload> {
    if pod.finished {
        return None;
    }
    let meta = &pod.meta;
    let service_account = match &*pod.service_account {
        "" => "default".into(),
        _ => pod.service_account.clone(),
    };
    let locality = locality(meta, around.node);
    let network = around.cluster.membership.network(meta.label(NETWORK), pod.ips.first().copied());
    let workload_name = workload_name(pod);
    Some(Workload {
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        labels: meta.labels.clone(),
        all_labels: Place {
            locality: &locality,
            network: &network,
            cluster: &around.cluster.name,
            node: &pod.node_name,
        }
        .add_to(&meta.labels),
        ips: pod.ips.clone(),
        locality,
        node_name: pod.node_name.clone(),
        network,
        cluster: around.cluster.name.clone(),
        identity: spiffe(
            around.cluster.trust_domain(around.mesh),
            &meta.namespace,
            &service_account,
        ),
        service_account,
        canonical_name: canonical_name(&meta.labels).unwrap_or(&workload_name).clone(),
        canonical_revision: canonical_revision(&meta.labels),
        workload_name,
        hostname: pod.hostname.clone(),
        subdomain: pod.subdomain.clone(),
        tls_mode: match meta.label(TLS_MODE) {
            Some(mode) if **mode == *"istio" => TlsMode::Istio,
            _ => TlsMode::Disabled,
        },
        origin: ObjectKey {
            kind: Kind::Pod,
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
        },
    })
}

/// The canonical name that labels tell.
pub(super) fn canonical_name(labels: &Labels) -> Option<&Str> {
    first(labels, &CANONICAL_NAMES)
}

/// The canonical revision that labels tell; empty when they do not, or tell the default.
pub(super) fn canonical_revision(labels: &Labels) -> Str {
    match first(labels, &CANONICAL_REVISIONS) {
        Some(revision) if **revision != *LATEST => revision.clone(),
        _ => Str::default(),
    }
}

/// The first label of these that is set.
fn first<'a>(labels: &'a Labels, keys: &[&str]) -> Option<&'a Str> {
    keys.iter().find_map(|key| labels.get(*key)).filter(|value| !value.is_empty())
}

/// The locality that labels tell.
pub(super) fn labelled_locality(labels: &Labels) -> Option<&Str> {
    first(labels, &LOCALITIES)
}

fn locality(pod: &Meta, node: Option<&core::Node>) -> Locality {
    if let Some(own) = labelled_locality(&pod.labels) {
        return Locality::parse(own);
    }
    let Some(node) = node else { return Locality::default() };
    let label = |keys: &[&str]| first(&node.meta.labels, keys).map_or("", |value| &**value);
    Locality::of(label(&[REGION, OLD_REGION]), label(&[ZONE, OLD_ZONE]), label(&[SUBZONE]))
}

/// The keys that `add_to` adds, made once for all pods.
static ADDED: LazyLock<(Str, [Str; 5])> =
    LazyLock::new(|| (NETWORK.into(), [REGION, ZONE, SUBZONE, CLUSTER, HOSTNAME].map(Str::from)));

/// Where a workload runs, as labels tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) locality: &'a Locality,
    pub(super) network: &'a Str,
    pub(super) cluster: &'a Str,
    pub(super) node: &'a Str,
}

impl Place<'_> {
    /// A workload's own labels, and those that tell where it runs. The network is told even when it is empty.
    pub(super) fn add_to(self, own: &Labels) -> Labels {
        let mut labels = own.clone();
        let Locality { region, zone, subzone, .. } = self.locality;
        let values = [region, zone, subzone, self.cluster, self.node];
        let (network_key, keys) = &*ADDED;
        for (key, value) in keys.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            labels.insert(key.clone(), value.clone());
        }
        labels.insert(network_key.clone(), self.network.clone());
        labels
    }
}

/// The name of what the pod belongs to: what its label says, else its owner, seen through to the owner's own
/// owner as far as names tell. Pods whose name was not generated stand for themselves.
fn workload_name(pod: &core::Pod) -> Str {
    if let Some(name) = pod.meta.label(WORKLOAD_NAME).filter(|name| !name.is_empty()) {
        return name.clone();
    }
    match &pod.owner {
        Some(owner) if !pod.generate_name.is_empty() => {
            owner_of(owner, &pod.meta).unwrap_or_else(|| owner.name.clone())
        }
        _ => pod.meta.name.clone(),
    }
}

/// The name of the owner's owner: the Deployment of a ReplicaSet, the CronJob of a Job, the DeploymentConfig
/// of a ReplicationController.
fn owner_of(owner: &Owner, pod: &Meta) -> Option<Str> {
    match &*owner.kind {
        "ReplicaSet" => {
            let hash = ["pod-template-hash", "rollouts-pod-template-hash"]
                .iter()
                .find_map(|key| pod.label(key))
                .filter(|hash| !hash.is_empty())?;
            owner.name.strip_suffix(&**hash)?.strip_suffix('-').map(Str::from)
        }
        "Job" => {
            // A CronJob names its Jobs after the time at which they are due, in minutes or seconds.
            let (name, due) = owner.name.rsplit_once('-')?;
            let is_time =
                (8..=10).contains(&due.len()) && due.bytes().all(|byte| byte.is_ascii_digit());
            is_time.then(|| name.into())
        }
        "ReplicationController" => pod.label("deploymentconfig").cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
