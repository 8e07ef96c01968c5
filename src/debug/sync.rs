//! `/debug/syncz`: what each connected proxy was sent, and what it accepted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};

use super::Context;
use super::answer::Parameters;
use super::connections::sorted;
use crate::api::Str;
use crate::serve::connections::{Connection, Watched};
use crate::translate::ResourceType;

/// `/debug/syncz`, of one namespace with `?namespace=`.
pub(super) async fn syncz(State(context): State<Context>, parameters: Parameters) -> Response {
    let sources = context.state;
    let namespace = parameters.get("namespace").cloned();
    let make = move || {
        let own = sources.snapshots.load().cluster.clone();
        let wanted = |connection: &Arc<Connection>| {
            namespace.as_ref().is_none_or(|n| **n == *connection.proxy.namespace)
        };
        let connections = sorted(&sources).into_iter().filter(wanted);
        connections.map(|connection| Status::of(&connection, &own)).collect::<Vec<_>>()
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
    resources: BTreeMap<&'static str, TypeStatus>,
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
    fn of(connection: &Connection, own: &Str) -> Status {
        let proxy = &connection.proxy;
        let watched = connection.watched();
        let nonces = |kind| {
            let watched = watched.iter().find(|watched| watched.kind == kind);
            watched.map(|w| (nonce(w.sent), nonce(w.accepted))).unwrap_or_default()
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
            resources: watched.iter().map(|w| (w.kind.type_url(), TypeStatus::of(w))).collect(),
        }
    }
}

impl TypeStatus {
    fn of(watched: &Watched) -> TypeStatus {
        let refusal = watched.refusal.as_ref();
        TypeStatus {
            sent: nonce(watched.sent),
            acked: nonce(watched.accepted),
            sent_time: watched.sent_at,
            last_error: refusal.map(|refusal| refusal.message.to_string()).unwrap_or_default(),
        }
    }
}

/// How far a proxy is with a type, as Envoy's status service would say it, and the type.
pub(super) fn as_status(watched: &Watched) -> (&'static str, Value) {
    let type_url = watched.kind.type_url();
    let refusal = watched.refusal.as_ref();
    let status = match (refusal, watched.sent) {
        (Some(_), _) => "ERROR",
        (None, None) => "NOT_SENT",
        (None, sent) if sent == watched.accepted => "SYNCED",
        (None, Some(_)) => "STALE",
    };
    let mut told = json!({ "typeUrl": type_url, "configStatus": status });
    if let Some(fields) = told.as_object_mut() {
        let at = watched.sent_at.map(|at| at.to_string());
        fields.extend(at.clone().map(|at| ("lastUpdated".to_owned(), at.into())));
        if let Some(refusal) = refusal {
            let error = json!({ "lastUpdateAttempt": at, "details": &*refusal.message });
            fields.insert("errorState".to_owned(), error);
        }
    }
    (type_url, told)
}

/// A nonce as the stream carries it; empty when there was none.
fn nonce(nonce: Option<u64>) -> String {
    nonce.map(|nonce| format!("{nonce:x}")).unwrap_or_default()
}
