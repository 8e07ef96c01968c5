//! Objects as YAML has them, and how a cluster takes them: in an order in which each finds what it needs, status
//! through the subresource. Knows nothing of servers.

use std::collections::HashMap;

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::{ApiCapabilities, ApiResource, Scope, pinned_kind};
use kube::{Api, Client, ResourceExt};
use serde::Deserialize;
use tokio::sync::Mutex;

/// Kinds that others need, in this order; all others come after them.
const FIRST: [&str; 6] = ["Namespace", "ServiceAccount", "Node", "Service", "ConfigMap", "Secret"];

/// Requests that are under way at the same time.
const CONCURRENCY: usize = 16;

/// Who the fields belong to that tests set.
const MANAGER: &str = "tests";

/// Reads, writes and deletes objects of any kind.
pub struct Objects {
    client: Client,
    kinds: Mutex<HashMap<GroupVersionKind, (ApiResource, ApiCapabilities)>>,
}

/// What may be done to an object.
pub enum Change {
    /// It becomes this.
    Apply(DynamicObject),
    /// It goes.
    Delete(DynamicObject),
}

/// The objects of a text with any number of documents.
pub fn parse(yaml: &str) -> Result<Vec<DynamicObject>> {
    let documents = serde_yaml::Deserializer::from_str(yaml);
    let values = documents.map(|document| Ok(serde_json::Value::deserialize(document)?));
    let values = values.filter(|value| !matches!(value, Ok(serde_json::Value::Null)));
    values.map(|value: Result<_>| Ok(serde_json::from_value(value?)?)).collect()
}

impl Objects {
    /// Through a client.
    pub fn new(client: Client) -> Objects {
        Objects { client, kinds: Mutex::default() }
    }

    /// Makes objects what they are said to be, by server-side apply. Returns them as they are then, in the order in
    /// which they were written.
    pub async fn apply(&self, objects: Vec<DynamicObject>) -> Result<Vec<DynamicObject>> {
        let mut levels: Vec<Vec<DynamicObject>> = vec![Vec::new(); FIRST.len() + 1];
        for object in objects {
            let kind = &object.types.as_ref().context("an object without a kind")?.kind;
            let level = FIRST.iter().position(|first| first == kind).unwrap_or(FIRST.len());
            levels[level].push(object);
        }
        let mut applied = Vec::new();
        for level in levels {
            let writes = stream::iter(level).map(|object| self.apply_one(object));
            applied.extend(writes.buffered(CONCURRENCY).try_collect::<Vec<_>>().await?);
        }
        Ok(applied)
    }

    /// What the server would make of a new object, or why it refuses it. Nothing is written.
    pub async fn try_out(&self, object: &DynamicObject) -> Result<DynamicObject> {
        let (api, _) = self.api(object).await?;
        let params = PostParams { dry_run: true, ..PostParams::default() };
        api.create(&params, object).await.with_context(|| object.name_any())
    }

    async fn apply_one(&self, mut object: DynamicObject) -> Result<DynamicObject> {
        let (api, capabilities) = self.api(&object).await?;
        let name = object.name_any();
        let status = object.data.as_object_mut().and_then(|data| data.remove("status"));
        let params = PatchParams::apply(MANAGER).force();
        let context = || format!("{} {name}", object.types.as_ref().map_or("", |t| &t.kind));
        let applied =
            api.patch(&name, &params, &Patch::Apply(&object)).await.with_context(context)?;
        let has_status = capabilities.subresources.iter().any(|(r, _)| r.plural == "status");
        let Some(status) = status.filter(|_| has_status) else { return Ok(applied) };
        let patch = serde_json::json!({ "status": status });
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .with_context(|| format!("the status of {}", context()))
    }

    /// Writes and deletes objects in no order at all.
    pub async fn change(&self, changes: Vec<Change>) -> Result<()> {
        let writes = stream::iter(changes).map(async |change| match change {
            Change::Apply(object) => self.apply_one(object).await.map(|_| ()),
            Change::Delete(object) => self.delete_one(&object).await,
        });
        writes.buffer_unordered(CONCURRENCY).try_collect().await
    }

    /// Deletes objects, those that do not exist too. Nothing is waited for.
    pub async fn delete(&self, objects: Vec<DynamicObject>) -> Result<()> {
        self.change(objects.into_iter().map(Change::Delete).collect()).await
    }

    async fn delete_one(&self, object: &DynamicObject) -> Result<()> {
        // A pod that is bound to a node would wait for a kubelet.
        let at_once = DeleteParams::default().grace_period(0);
        let (api, _) = self.api(object).await?;
        match api.delete(&object.name_any(), &at_once).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(|_| ()).with_context(|| object.name_any()),
        }
    }

    /// All objects of a kind, with their `kind` and `apiVersion`, which lists leave out.
    pub async fn list(&self, kind: &GroupVersionKind) -> Result<Vec<DynamicObject>> {
        let (resource, _) = self.kind(kind).await?;
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let list = api.list(&Default::default()).await?;
        let types = TypeMeta { api_version: resource.api_version, kind: resource.kind };
        let typed = |object| DynamicObject { types: Some(types.clone()), ..object };
        Ok(list.items.into_iter().map(typed).collect())
    }

    async fn api(&self, object: &DynamicObject) -> Result<(Api<DynamicObject>, ApiCapabilities)> {
        let types = object.types.as_ref().context("an object without a kind")?;
        let (resource, capabilities) = self.kind(&GroupVersionKind::try_from(types)?).await?;
        let client = self.client.clone();
        let api = match capabilities.scope {
            Scope::Cluster => Api::all_with(client, &resource),
            Scope::Namespaced => {
                let namespace = object.metadata.namespace.as_deref().unwrap_or("default");
                Api::namespaced_with(client, namespace, &resource)
            }
        };
        Ok((api, capabilities))
    }

    async fn kind(&self, kind: &GroupVersionKind) -> Result<(ApiResource, ApiCapabilities)> {
        let mut kinds = self.kinds.lock().await;
        if let Some(known) = kinds.get(kind) {
            return Ok(known.clone());
        }
        let found = pinned_kind(&self.client, kind).await.with_context(|| format!("{kind:?}"))?;
        kinds.insert(kind.clone(), found.clone());
        Ok(found)
    }
}
