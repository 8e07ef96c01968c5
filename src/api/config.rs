//! Istio's own kinds: an object is metadata, a spec and, where istiod reads it, a status.

mod metadata;

use std::fmt::Debug;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::issue::Issues;
use super::{Kind, Meta, Object, ObjectKey};

/// What the objects of one of Istio's kinds say.
pub trait Spec:
    Clone
    + Debug
    + Default
    + PartialEq
    + Serialize
    + DeserializeOwned
    + JsonSchema
    + Send
    + Sync
    + 'static
{
    /// The kind.
    const KIND: Kind;

    /// What is read of an object's status; `()` for nothing.
    type Status: Clone + Debug + Default + PartialEq + DeserializeOwned + Send + Sync;

    /// Says what in an object of this kind has no effect, or not the one that was meant, with paths that begin at the
    /// document. Rules that need more than the object itself belong to those who know more.
    fn validate(&self, meta: &Meta, issues: &mut Issues);

    /// The object.
    fn object(config: Arc<Config<Self>>) -> Object;

    /// The object of this kind that `object` is.
    fn of(object: &Object) -> Option<&Arc<Config<Self>>>;
}

/// An object of one of Istio's kinds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config<S: Spec> {
    /// Its metadata.
    pub meta: Meta,
    /// What the user wrote.
    pub spec: S,
    /// What controllers wrote, as far as it is read.
    pub status: S::Status,
}

impl<S: Spec> Config<S> {
    /// Its key.
    pub fn key(&self) -> ObjectKey {
        let Meta { namespace, name, .. } = &self.meta;
        ObjectKey { kind: S::KIND, namespace: namespace.clone(), name: name.clone() }
    }

    /// What resources that were made from it name as their configuration:
    /// `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`.
    pub fn resource_path(&self) -> String {
        format!(
            "/apis/{}/{}/namespaces/{}/{}/{}",
            S::KIND.group(),
            S::KIND.version(),
            self.meta.namespace,
            kebab_case(S::KIND.name()),
            self.meta.name
        )
    }

    /// What validation says of it.
    pub fn validate(&self) -> Issues {
        let mut issues = Issues::default();
        metadata::validate(S::KIND, &self.meta, &mut issues);
        self.spec.validate(&self.meta, &mut issues);
        issues
    }
}

/// Istio's order of objects: by creation time, then name, then namespace; the oldest wins conflicts.
pub fn by_age(a: &Meta, b: &Meta) -> std::cmp::Ordering {
    a.created
        .cmp(&b.created)
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| a.namespace.cmp(&b.namespace))
}

/// `VirtualService` as `virtual-service`.
fn kebab_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    for (index, c) in name.char_indices() {
        if c.is_ascii_uppercase() && index > 0 {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
