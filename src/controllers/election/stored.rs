//! A lock's object on the API server: an annotation of a ConfigMap, or a Lease.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::{Metadata, NamespaceResourceScope};
use kube::api::{Api, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{Record, Seen};
use crate::controllers::lock::{Lock, LockKind};

/// The annotation of a ConfigMap that has the record, as JSON.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";

/// The annotation of a Lease that has what a Lease has no field for.
const HOLDER_KEY: &str = "leader.istio.io/holder-key";

/// The object of a lock, whichever kind it is.
pub(super) enum Stored {
    ConfigMap(Of<ConfigMap>),
    Lease(Of<Lease>),
}

impl Stored {
    /// The object of `lock`, which nobody looked at yet.
    pub(super) fn new(lock: &Lock, namespace: &str, client: Client) -> Stored {
        match lock.kind {
            LockKind::ConfigMap => Stored::ConfigMap(Of::new(lock, namespace, client)),
            LockKind::Lease => Stored::Lease(Of::new(lock, namespace, client)),
        }
    }

    /// Looks at it.
    pub(super) async fn get(&mut self) -> kube::Result<Seen> {
        match self {
            Stored::ConfigMap(of) => of.get().await,
            Stored::Lease(of) => of.get().await,
        }
    }

    /// Writes it, if it still is what the last look saw.
    pub(super) async fn put(&mut self, record: &Record) -> kube::Result<()> {
        match self {
            Stored::ConfigMap(of) => of.put(record).await,
            Stored::Lease(of) => of.put(record).await,
        }
    }
}

/// The object of one kind.
pub(super) struct Of<K> {
    api: Api<K>,
    name: String,
    /// As the last look saw it: writing needs its version.
    seen: Option<K>,
}

/// A kind of object that can be a lock.
pub(super) trait Holds: Metadata<Ty = ObjectMeta> + Default {
    /// The record, and the text by which it is compared.
    fn read(&self) -> (String, Option<Record>);
    /// Puts a record in.
    fn write(&mut self, record: &Record);
}

impl<K> Of<K>
where
    K: Holds + Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    fn new(lock: &Lock, namespace: &str, client: Client) -> Of<K> {
        Of { api: Api::namespaced(client, namespace), name: lock.name.to_string(), seen: None }
    }

    async fn get(&mut self) -> kube::Result<Seen> {
        self.seen = self.api.get_opt(&self.name).await?;
        Ok(match &self.seen {
            None => Seen::Absent,
            Some(object) => {
                let (text, record) = object.read();
                Seen::Present { text, record }
            }
        })
    }

    async fn put(&mut self, record: &Record) -> kube::Result<()> {
        let params = PostParams::default();
        let Some(mut object) = self.seen.take() else {
            let mut object = K::default();
            *object.metadata_mut() =
                ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            object.write(record);
            return self.api.create(&params, &object).await.map(|_| ());
        };
        object.write(record);
        self.api.replace(&self.name, &params, &object).await.map(|_| ())
    }
}

impl Holds for ConfigMap {
    fn read(&self) -> (String, Option<Record>) {
        let text = self.metadata.annotations.as_ref().and_then(|all| all.get(LEADER));
        match text {
            None => (String::new(), Some(Record::default())),
            Some(text) => (text.clone(), serde_json::from_str(text).ok()),
        }
    }

    fn write(&mut self, record: &Record) {
        // Whole seconds, as everybody writes them there.
        let whole = |time: Option<Timestamp>| {
            time.map(|time| Timestamp::from_second(time.as_second()).unwrap_or(time))
        };
        let record = Record {
            acquire_time: whole(record.acquire_time),
            renew_time: whole(record.renew_time),
            ..record.clone()
        };
        // Text and numbers are always JSON.
        let text = serde_json::to_string(&record).unwrap_or_default();
        self.metadata.annotations.get_or_insert_default().insert(LEADER.to_owned(), text);
    }
}

impl Holds for Lease {
    fn read(&self) -> (String, Option<Record>) {
        let spec = self.spec.clone().unwrap_or_default();
        let annotations = self.metadata.annotations.as_ref();
        let record = Record {
            holder_identity: spec.holder_identity.unwrap_or_default(),
            holder_key: annotations
                .and_then(|all| all.get(HOLDER_KEY).cloned())
                .unwrap_or_default(),
            lease_duration_seconds: spec.lease_duration_seconds.unwrap_or_default(),
            acquire_time: spec.acquire_time.map(|time| time.0),
            renew_time: spec.renew_time.map(|time| time.0),
            leader_transitions: spec.lease_transitions.unwrap_or_default(),
        };
        (serde_json::to_string(&record).unwrap_or_default(), Some(record))
    }

    fn write(&mut self, record: &Record) {
        self.spec = Some(LeaseSpec {
            holder_identity: Some(record.holder_identity.clone()),
            lease_duration_seconds: Some(record.lease_duration_seconds),
            acquire_time: record.acquire_time.map(MicroTime),
            renew_time: record.renew_time.map(MicroTime),
            lease_transitions: Some(record.leader_transitions),
            ..LeaseSpec::default()
        });
        let annotations = self.metadata.annotations.get_or_insert_default();
        match record.holder_key.as_str() {
            "" => annotations.remove(HOLDER_KEY),
            key => annotations.insert(HOLDER_KEY.to_owned(), key.to_owned()),
        };
    }
}

#[cfg(test)]
mod tests;
