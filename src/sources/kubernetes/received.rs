//! An object as an API server tells it: JSON, without the parts that nobody reads.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// An object, or what is left of one that was deleted. What it says is not shown by its debug output: it may be a
/// secret.
#[derive(Clone, PartialEq)]
pub(super) struct Received(pub Value);

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} at {}", self.namespace(), self.name(), self.version())
    }
}

impl Received {
    pub fn name(&self) -> &str {
        self.metadata("name")
    }

    pub fn namespace(&self) -> &str {
        self.metadata("namespace")
    }

    /// The version of the object in its cluster; an equal version is an equal object.
    pub fn version(&self) -> &str {
        self.metadata("resourceVersion")
    }

    fn metadata(&self, field: &str) -> &str {
        let value = self.0.get("metadata").and_then(|metadata| metadata.get(field));
        value.and_then(Value::as_str).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Received {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Received, D::Error> {
        Read(&OBJECT).deserialize(deserializer).map(Received)
    }
}

/// What is dropped while it is read: fields of these names here, and what is said of fields further inside.
struct Pruned {
    fields: &'static [&'static str],
    inside: &'static [(&'static str, &'static Pruned)],
}

/// Most of the bytes of pods and nodes, none of which the projection reads. No other kind has such paths.
static OBJECT: Pruned = Pruned {
    fields: &[],
    inside: &[("metadata", &METADATA), ("spec", &SPEC), ("status", &STATUS)],
};
static METADATA: Pruned =
    Pruned { fields: &["managedFields"], inside: &[("annotations", &ANNOTATIONS)] };
static ANNOTATIONS: Pruned =
    Pruned { fields: &["kubectl.kubernetes.io/last-applied-configuration"], inside: &[] };
static SPEC: Pruned = Pruned {
    fields: &["affinity", "tolerations", "volumes"],
    inside: &[("containers", &CONTAINER), ("initContainers", &CONTAINER)],
};
static CONTAINER: Pruned = Pruned {
    fields: &[
        "args",
        "command",
        "env",
        "envFrom",
        "lifecycle",
        "livenessProbe",
        "readinessProbe",
        "resources",
        "securityContext",
        "startupProbe",
        "volumeMounts",
    ],
    inside: &[],
};
static STATUS: Pruned = Pruned {
    fields: &["containerStatuses", "ephemeralContainerStatuses", "images", "initContainerStatuses"],
    inside: &[],
};
static NOTHING: Pruned = Pruned { fields: &[], inside: &[] };

/// Reads a value without what is pruned from it; of a list, from each item.
struct Read(&'static Pruned);

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0.fields.is_empty() && self.0.inside.is_empty() {
            return Value::deserialize(deserializer);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.0.fields.contains(&name.as_str()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let inside = self.0.inside.iter().find(|(field, _)| *field == name);
            let value = map.next_value_seed(Read(inside.map_or(&NOTHING, |(_, pruned)| pruned)))?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Value, S::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Read(self.0))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
}

#[cfg(test)]
mod tests;
