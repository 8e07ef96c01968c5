//! Service accounts, secrets and config maps.

use std::sync::Arc;

use bytes::Bytes;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::Value;

use super::{Context, Issue, decode, meta};
use crate::api::core::{ConfigMap, Secret, ServiceAccount};
use crate::api::{Kind, Object};

/// Projects a service account.
pub(super) fn service_account(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let account: k8s::ServiceAccount = decode::kubernetes(Kind::ServiceAccount, value, context)?;
    let meta = meta::project(Kind::ServiceAccount, account.metadata, context)?;
    Ok(Object::ServiceAccount(Arc::new(ServiceAccount { meta })))
}

/// Projects a secret. `stringData` stands over `data`, as the API server merges them. What nobody reads of it is not
/// kept.
pub(super) fn secret(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let secret: k8s::Secret = decode::kubernetes(Kind::Secret, value, context)?;
    let decoded = secret.data.into_iter().flatten().map(|(key, value)| (key, value.0));
    let plain = secret.string_data.into_iter().flatten().map(|(k, v)| (k, v.into_bytes()));
    let meta = meta::project(Kind::Secret, secret.metadata, context)?;
    let all = Secret::tells_of_clusters(&meta);
    let read = decoded.chain(plain).filter(|(key, _)| all || Secret::TLS_KEYS.contains(&&**key));
    Ok(Object::Secret(Arc::new(Secret {
        kind: context.text(secret.type_.as_deref()),
        data: read.map(|(k, v)| (context.shared(&k), Bytes::from(v).into())).collect(),
        meta,
    })))
}

/// Projects a config map.
pub(super) fn config_map(value: Value, context: &mut Context<'_>) -> Result<Object, Issue> {
    let map: k8s::ConfigMap = decode::kubernetes(Kind::ConfigMap, value, context)?;
    Ok(Object::ConfigMap(Arc::new(ConfigMap {
        meta: meta::project(Kind::ConfigMap, map.metadata, context)?,
        data: context.map(&map.data, |_| true),
    })))
}
