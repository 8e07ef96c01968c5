//! `/debug/syncz`: what each connected proxy was sent, and what it accepted.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::Context;
use super::answer::Parameters;
use super::connections::{Client, Watched, clients};
use crate::api::Str;
use crate::translate::ResourceType;

/// `/debug/syncz`, of one namespace with `?namespace=`.
pub(super) async fn syncz(State(context): State<Context>, parameters: Parameters) -> Response {
    let sources = context.state;
    let namespace = parameters.get("namespace").cloned();
    let make = move || {
        let own = sources.snapshots.load().cluster.clone();
        let wanted =
            |client: &Client| namespace.as_ref().is_none_or(|n| **n == *client.proxy.namespace);
        let clients = clients(&sources).into_iter().filter(wanted);
        clients.map(|client| Status::of(&client, &own)).collect::<Vec<_>>()
    };
    context.gate.json(&parameters, make).await
}

#[derive(Default, Serialize)]
struct Status {
    cluster_id: Str,
    proxy: Str,
    proxy_type: &'static str,
    istio_version: Str,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_sent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_acked: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    listener_sent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    listener_acked: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    route_sent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    route_acked: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    endpoint_sent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    endpoint_acked: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    extensionconfig_sent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    extensionconfig_acked: String,
    resources: BTreeMap<Str, TypeStatus>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypeStatus {
    #[serde(skip_serializing_if = "String::is_empty")]
    sent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    acked: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_time: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
}

impl Status {
    /// `own` is the cluster of proxies that tell none.
    fn of(client: &Client, own: &Str) -> Status {
        let proxy = &client.proxy;
        let nonces = |kind: ResourceType| {
            let watched = client.watches.iter().find(|w| *w.type_url == *kind.type_url());
            watched.map(|w| (w.sent.clone(), w.accepted.clone())).unwrap_or_default()
        };
        let (cluster_sent, cluster_acked) = nonces(ResourceType::Cluster);
        let (listener_sent, listener_acked) = nonces(ResourceType::Listener);
        let (route_sent, route_acked) = nonces(ResourceType::Route);
        let (endpoint_sent, endpoint_acked) = nonces(ResourceType::Endpoint);
        let (extensionconfig_sent, extensionconfig_acked) = nonces(ResourceType::Extension);
        let cluster_id = if proxy.cluster.is_empty() { own } else { &proxy.cluster };
        Status {
            cluster_id: cluster_id.clone(),
            proxy: proxy.workload_id.clone(),
            proxy_type: proxy.kind.name(),
            istio_version: proxy.istio_version.clone(),
            cluster_sent,
            cluster_acked,
            listener_sent,
            listener_acked,
            route_sent,
            route_acked,
            endpoint_sent,
            endpoint_acked,
            extensionconfig_sent,
            extensionconfig_acked,
            resources: client
                .watches
                .iter()
                .map(|w| (w.type_url.clone(), TypeStatus::of(w)))
                .collect(),
        }
    }
}

impl TypeStatus {
    fn of(watched: &Watched) -> TypeStatus {
        TypeStatus {
            sent: watched.sent.clone(),
            acked: watched.accepted.clone(),
            sent_time: watched.sent_at,
            last_error: watched.error.clone(),
        }
    }
}
