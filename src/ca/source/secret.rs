//! A CA in a Secret, as istiod keeps it.

use std::collections::BTreeMap;

use anyhow::Context;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Error};
use serde_json::json;

use super::Kept;
use crate::ca::material::Files;

/// The type of Secrets that hold a self-signed CA.
const TYPE: &str = "istio.io/ca-root";

/// The name by which operators plug a CA in.
pub const PLUGGED_IN: &str = "cacerts";

/// The key that tells a CA which was made from one that was plugged in, in a Secret of the same name.
const GENERATED: &str = "istio-generated";

const CONFLICT: u16 = 409;

/// A Secret with a CA, or one to be.
#[derive(Clone)]
pub struct Stored {
    pub(super) api: Api<Secret>,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({}/{})", self.namespace, self.name)
    }
}

impl Stored {
    pub(super) async fn read(&self) -> anyhow::Result<Option<Kept>> {
        let secret = self.api.get_opt(&self.name).await.context("it cannot be read")?;
        Ok(secret.map(|secret| Kept {
            version: secret.metadata.resource_version.unwrap_or_default(),
            files: secret.data.into_iter().flatten().map(|(key, bytes)| (key, bytes.0)).collect(),
        }))
    }

    pub(super) async fn create(&self, files: &Files) -> anyhow::Result<bool> {
        let created = self.api.create(&PostParams::default(), &self.object(files)).await;
        unless_taken(created).context("it cannot be created")
    }

    pub(super) async fn replace(&self, old: &Kept, files: &Files) -> anyhow::Result<bool> {
        let Secret { data, .. } = self.object(files);
        let metadata = json!({ "resourceVersion": old.version });
        let change = Patch::Merge(json!({ "metadata": metadata, "data": data }));
        let replaced = self.api.patch(&self.name, &PatchParams::default(), &change).await;
        unless_taken(replaced).context("it cannot be written")
    }

    fn object(&self, files: &Files) -> Secret {
        let bytes = |content: &Vec<u8>| ByteString(content.clone());
        let mut data: BTreeMap<String, ByteString> =
            files.iter().map(|(name, content)| (name.clone(), bytes(content))).collect();
        if self.name == PLUGGED_IN {
            data.insert(GENERATED.to_owned(), ByteString(Vec::new()));
        }
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            type_: Some(TYPE.to_owned()),
            data: Some(data),
            ..Secret::default()
        }
    }
}

/// False when somebody else was first.
fn unless_taken(written: kube::Result<Secret>) -> anyhow::Result<bool> {
    match written {
        Ok(_) => Ok(true),
        Err(Error::Api(status)) if status.code == CONFLICT => Ok(false),
        Err(error) => Err(error.into()),
    }
}
