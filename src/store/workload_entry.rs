//! From a WorkloadEntry, or an endpoint that a ServiceEntry lists, to a workload.
//!
//! <https://istio.io/latest/docs/reference/config/networking/workload-entry/>

use super::instances::Surroundings;
use super::workload::{self, Place};
use crate::api::config::Config;
use crate::api::networking::WorkloadEntry;
use crate::api::networking::workload_entry::{Condition, Status};
use crate::api::{Features, Labels, Meta, ObjectKey, Str};
use crate::model::identity::spiffe;
use crate::model::report::HEALTH_CHECKED;
use crate::model::{Address, Locality, TlsMode, Workload};

/// The WorkloadGroup that an instance registered itself with.
const GROUP: &str = "istio.io/autoRegistrationGroup";

/// An instance that is no pod.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instance<'a> {
    /// Its name; that of its metrics too, unless labels tell another.
    pub(super) name: &'a Str,
    pub(super) namespace: &'a Str,
    /// The name of what it belongs to.
    pub(super) workload_name: &'a Str,
    pub(super) labels: &'a Labels,
    pub(super) spec: &'a WorkloadEntry,
    /// The object that describes it.
    pub(super) origin: &'a ObjectKey,
}

/// The labels of a WorkloadEntry: what its metadata says counts.
pub(super) fn labels(object: &Config<WorkloadEntry>) -> Labels {
    let mut labels = object.spec.labels.clone();
    labels.extend(object.meta.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    labels
}

/// Whether it counts. One whose health is checked does only once it was found healthy.
pub(super) fn is_healthy(object: &Config<WorkloadEntry>, features: &Features) -> bool {
    let checked = object
        .meta
        .annotation(HEALTH_CHECKED)
        .is_some_and(|value| matches!(&**value, "1" | "t" | "T" | "true" | "TRUE" | "True"));
    !(features.workload_health && checked) || is_reported_healthy(&object.status)
}

fn is_reported_healthy(status: &Status) -> bool {
    let healthy =
        |c: &Condition| &*c.kind == Condition::HEALTHY && c.status.eq_ignore_ascii_case("true");
    status.conditions.iter().any(healthy)
}

/// The workload of a WorkloadEntry with these labels.
pub(super) fn of_object(
    object: &Config<WorkloadEntry>,
    labels: &Labels,
    around: Surroundings<'_>,
) -> Workload {
    let Meta { name, namespace, .. } = &object.meta;
    let own = object.meta.label(workload::WORKLOAD_NAME).filter(|name| !name.is_empty());
    let group = object.meta.annotation(GROUP).filter(|name| !name.is_empty());
    let instance = Instance {
        name,
        namespace,
        workload_name: own.or(group).unwrap_or(name),
        labels,
        spec: &object.spec,
        origin: &object.key(),
    };
    derive(instance, around)
}

/// The workload of an instance.
pub(super) fn derive(of: Instance<'_>, around: Surroundings<'_>) -> Workload {
    let Surroundings { mesh, cluster } = around;
    let Instance { labels, spec, namespace, .. } = of;
    let locality = locality(spec, labels);
    let address = Address::parse(&spec.address);
    let network = match &*spec.network {
        "" => cluster.membership.network(labels.get(workload::NETWORK), address.ip()),
        _ => spec.network.clone(),
    };
    let place = Place {
        locality: &locality,
        network: &network,
        cluster: &cluster.name,
        node: &Str::default(),
    };
    let identity = match &*spec.service_account {
        "" => Str::default(),
        account => spiffe(&mesh.trust_domain, namespace, account),
    };
    Workload {
        name: of.name.clone(),
        namespace: namespace.clone(),
        all_labels: place.add_to(labels),
        ips: address.ip().into_iter().collect(),
        canonical_name: workload::canonical_name(labels).unwrap_or(of.workload_name).clone(),
        canonical_revision: workload::canonical_revision(labels),
        labels: labels.clone(),
        locality,
        node_name: Str::default(),
        network: spec.network.clone(),
        cluster: cluster.name.clone(),
        identity,
        service_account: spec.service_account.clone(),
        workload_name: of.workload_name.clone(),
        hostname: Str::default(),
        subdomain: Str::default(),
        tls_mode: tls_mode(spec, labels),
        origin: of.origin.clone(),
    }
}

fn locality(spec: &WorkloadEntry, labels: &Labels) -> Locality {
    let label = workload::labelled_locality(labels).filter(|_| spec.locality.is_empty());
    match label {
        Some(label) => Locality::parse(label),
        None => Locality::parse(&spec.locality),
    }
}

/// As a label says; else who has an identity has a sidecar.
fn tls_mode(spec: &WorkloadEntry, labels: &Labels) -> TlsMode {
    let takes_mtls = match labels.get(workload::TLS_MODE) {
        Some(mode) => &**mode == "istio",
        None => !spec.service_account.is_empty(),
    };
    if takes_mtls { TlsMode::Istio } else { TlsMode::Disabled }
}
