//! Endpoint slices, and endpoints in the form of slices.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::api::discovery::v1 as discovery;
use serde_json::Value;

use super::{Context, FieldPath, Issue, checks, decode, meta};
use crate::api::core::{AddressType, EndpointSlice, SliceEndpoint, SlicePort};
use crate::api::{Kind, Meta, Object, Str};

/// The label of a slice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Projects an endpoint slice.
pub(super) fn endpoint_slice(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let slice: discovery::EndpointSlice = decode::kubernetes(Kind::EndpointSlice, value, context)?;
    let address_type = address_type(&slice.address_type)?;
    let meta = meta::project(Kind::EndpointSlice, slice.metadata, context)?;
    let endpoints = slice.endpoints.into_iter().flatten().enumerate();
    Ok(Object::EndpointSlice(Arc::new(EndpointSlice {
        service: meta.label(SERVICE_NAME).cloned().unwrap_or_default(),
        address_type,
        endpoints: endpoints
            .map(|(i, endpoint)| slice_endpoint(i, endpoint, address_type, &meta, context))
            .collect::<Result<_, _>>()?,
        ports: slice_ports(slice.ports.as_deref().unwrap_or_default(), context)?,
        meta,
    })))
}

fn address_type(name: &str) -> Result<AddressType, Issue> {
    match name {
        "IPv4" => Ok(AddressType::V4),
        "IPv6" => Ok(AddressType::V6),
        "FQDN" => Ok(AddressType::Fqdn),
        other => Err(Issue::error(
            FieldPath::of("addressType"),
            format!("{other:?} is no address type: use IPv4, IPv6 or FQDN"),
        )),
    }
}

fn slice_endpoint(
    index: usize,
    endpoint: discovery::Endpoint,
    address_type: AddressType,
    meta: &Meta,
    context: &mut Context<'_>,
) -> Result<SliceEndpoint, Issue> {
    let path = |field: &str| FieldPath::of("endpoints").index(index).key(field);
    let conditions = endpoint.conditions.unwrap_or_default();
    let addresses = match address_type {
        // Host names are not used: nothing is left to check.
        AddressType::Fqdn => Vec::new(),
        AddressType::V4 | AddressType::V6 => endpoint
            .addresses
            .iter()
            .enumerate()
            .map(|(i, address)| checks::ip(address, || path("addresses").index(i)))
            .collect::<Result<_, _>>()?,
    };
    Ok(SliceEndpoint {
        addresses,
        ready: conditions.ready,
        serving: conditions.serving,
        terminating: conditions.terminating,
        hostname: context.text(endpoint.hostname.as_deref()),
        node_name: context.text(endpoint.node_name.as_deref()),
        pod: pod(endpoint.target_ref, meta, || path("targetRef"), context),
        ports: None,
    })
}

/// A port without a number means all of them, for which there is no use: it is left out.
fn slice_ports(
    ports: &[discovery::EndpointPort],
    context: &mut Context<'_>,
) -> Result<Vec<SlicePort>, Issue> {
    let mut projected = Vec::with_capacity(ports.len());
    for (i, port) in ports.iter().enumerate() {
        let path = |field: &str| FieldPath::of("ports").index(i).key(field);
        if let Some(number) = port.port {
            projected.push(SlicePort {
                name: context.text(port.name.as_deref()),
                port: checks::port(number, || path("port"))?,
                transport: checks::transport(port.protocol.as_deref(), || path("protocol"))?,
            });
        }
    }
    Ok(projected)
}

/// Projects endpoints: one slice, in which the endpoints of every subset name their own ports if there are
/// several subsets.
pub(super) fn endpoints(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let object: k8s::Endpoints = decode::kubernetes(Kind::Endpoints, value, context)?;
    let meta = meta::project(Kind::Endpoints, object.metadata, context)?;
    let subsets = object.subsets.unwrap_or_default();
    let several = subsets.len() > 1;
    let mut slice = EndpointSlice { service: meta.name.clone(), ..EndpointSlice::default() };
    for (i, subset) in subsets.into_iter().enumerate() {
        let base = FieldPath::of("subsets").index(i);
        let ports = subset_ports(subset.ports.as_deref().unwrap_or_default(), &base, context)?;
        let own: Option<Arc<[SlicePort]>> = several.then(|| ports.as_slice().into());
        if !several {
            slice.ports = ports;
        }
        let lists = [
            ("addresses", subset.addresses, true),
            ("notReadyAddresses", subset.not_ready_addresses, false),
        ];
        for (field, addresses, ready) in lists {
            for (j, address) in addresses.into_iter().flatten().enumerate() {
                let path = base.clone().key(field).index(j);
                let mut endpoint = subset_endpoint(address, ready, &meta, &path, context)?;
                endpoint.ports = own.clone();
                slice.endpoints.push(endpoint);
            }
        }
    }
    let first = slice.endpoints.first().and_then(|endpoint| endpoint.addresses.first());
    slice.address_type = match first {
        Some(std::net::IpAddr::V6(_)) => AddressType::V6,
        _ => AddressType::V4,
    };
    slice.meta = meta;
    Ok(Object::Endpoints(Arc::new(slice)))
}

/// Pods that terminate are never part of an object of this kind, so all that it lists are not terminating.
fn subset_endpoint(
    address: k8s::EndpointAddress,
    ready: bool,
    meta: &Meta,
    path: &FieldPath,
    context: &mut Context<'_>,
) -> Result<SliceEndpoint, Issue> {
    Ok(SliceEndpoint {
        addresses: vec![checks::ip(&address.ip, || path.clone().key("ip"))?],
        ready: Some(ready),
        serving: Some(ready),
        terminating: Some(false),
        hostname: context.text(address.hostname.as_deref()),
        node_name: context.text(address.node_name.as_deref()),
        pod: pod(address.target_ref, meta, || path.clone().key("targetRef"), context),
        ports: None,
    })
}

fn subset_ports(
    ports: &[k8s::EndpointPort],
    base: &FieldPath,
    context: &mut Context<'_>,
) -> Result<Vec<SlicePort>, Issue> {
    let one = |(i, port): (usize, &k8s::EndpointPort)| {
        let path = |field: &str| base.clone().key("ports").index(i).key(field);
        Ok(SlicePort {
            name: context.text(port.name.as_deref()),
            port: checks::port(port.port, || path("port"))?,
            transport: checks::transport(port.protocol.as_deref(), || path("protocol"))?,
        })
    };
    ports.iter().enumerate().map(one).collect()
}

/// The name of the pod that an endpoint stands for; empty for anything else.
fn pod(
    target: Option<k8s::ObjectReference>,
    meta: &Meta,
    path: impl FnOnce() -> FieldPath,
    context: &mut Context<'_>,
) -> Str {
    let Some(target) = target.filter(|target| target.kind.as_deref() == Some("Pod")) else {
        return Str::default();
    };
    match target.namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) if namespace != *meta.namespace => {
            let message = format!(
                "names a pod of namespace {namespace}, which has no effect: endpoints are of their own namespace"
            );
            context.warn(path().key("namespace"), message);
            Str::default()
        }
        _ => context.text(target.name.as_deref()),
    }
}
