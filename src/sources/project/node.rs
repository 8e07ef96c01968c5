//! The kinds without a namespace: namespaces and nodes.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as k8s;
use serde_json::Value;

use super::{Context, FieldPath, Issue, checks, decode, meta};
use crate::api::core::{Namespace, Node};
use crate::api::{Kind, Object};

/// How the annotations begin by which OpenShift gives users and groups to pods.
const OPENSHIFT: &str = "openshift.io/sa.scc.";

/// Projects a namespace.
pub(super) fn namespace(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let namespace: k8s::Namespace = decode::kubernetes(Kind::Namespace, value, context)?;
    let annotations = &namespace.metadata.annotations;
    let platform = context.map(annotations, |key| key.starts_with(OPENSHIFT));
    let meta = meta::project(Kind::Namespace, namespace.metadata, context)?;
    Ok(Object::Namespace(Arc::new(Namespace { meta, platform })))
}

/// Projects a node.
pub(super) fn node(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let node: k8s::Node = decode::kubernetes(Kind::Node, value, context)?;
    let status = node.status.unwrap_or_default();
    let kubelet = status.node_info.map(|info| info.kubelet_version).unwrap_or_default();
    let kubelet = context.shared(&kubelet);
    let addresses = status.addresses.unwrap_or_default();
    let external_ips = addresses
        .iter()
        .enumerate()
        .filter(|(_, address)| address.type_ == "ExternalIP")
        .map(|(i, address)| {
            checks::ip(&address.address, || {
                FieldPath::of("status").key("addresses").index(i).key("address")
            })
        })
        .collect::<Result<_, _>>()?;
    let meta = meta::project(Kind::Node, node.metadata, context)?;
    Ok(Object::Node(Arc::new(Node { meta, external_ips, kubelet })))
}
