//! Names of secrets: which object one means, and what of it.
//!
//! | name | means |
//! |---|---|
//! | `kubernetes://NAME` | the secret in the namespace of who asks |
//! | `kubernetes://NAMESPACE/NAME` | the same, said in full |
//! | `kubernetes-gateway://NAMESPACE/NAME` | the secret in the cluster that configures the mesh |
//! | `configmap://NAMESPACE/NAME` | the roots in a ConfigMap of that cluster |
//!
//! With `-cacert` behind it a name means roots: those of the secret that has this very name, else those of the one without.

use crate::api::{Kind, ObjectKey};

/// Behind the names of roots.
const ROOTS_SUFFIX: &str = "-cacert";

/// Stands for credentials that may not be used; nothing is wrong with asking for it.
const INVALID: &str = "invalid://";

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    /// The objects that may hold it; the first that exists does.
    pub objects: Vec<ObjectKey>,
    /// The namespace of these.
    pub namespace: String,
    /// Where.
    pub place: Place,
    /// Roots, else a certificate with its key.
    pub roots: bool,
}

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the cluster of the proxy, else in the one that configures the mesh.
    Near,
    /// In the cluster that configures the mesh.
    Central,
}

/// Why a name means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It is not meant to mean something.
    Invalid,
    /// It is none, and what it should be like.
    Malformed(&'static str),
}

/// What a name means to an account of this namespace.
pub(super) fn parse(name: &str, own_namespace: &str) -> Result<Meaning, Unknown> {
    if name.starts_with(INVALID) {
        return Err(Unknown::Invalid);
    }
    let (scheme, path) = name.split_once("://").unwrap_or(("", name));
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(Unknown::Malformed("a part of it is empty"));
    }
    match (scheme, parts.as_slice()) {
        ("kubernetes", [name]) => Ok(secret(own_namespace, name, Place::Near)),
        ("kubernetes", [namespace, name]) => Ok(secret(namespace, name, Place::Near)),
        ("kubernetes-gateway", [namespace, name]) => Ok(secret(namespace, name, Place::Central)),
        ("configmap", [namespace, name]) => Ok(config_map(namespace, name)),
        ("kubernetes" | "kubernetes-gateway" | "configmap", _) => {
            Err(Unknown::Malformed("it takes a namespace and a name"))
        }
        _ => Err(Unknown::Malformed(
            "it takes kubernetes://, kubernetes-gateway:// or configmap:// before a name",
        )),
    }
}

fn secret(namespace: &str, name: &str, place: Place) -> Meaning {
    let key = |name: &str| ObjectKey::new(Kind::Secret, namespace, name);
    let short = name.strip_suffix(ROOTS_SUFFIX);
    let objects = [Some(name), short].into_iter().flatten();
    Meaning {
        objects: objects.filter(|name| !name.is_empty()).map(key).collect(),
        namespace: namespace.to_owned(),
        place,
        roots: short.is_some(),
    }
}

fn config_map(namespace: &str, name: &str) -> Meaning {
    let name = name.strip_suffix(ROOTS_SUFFIX).unwrap_or(name);
    Meaning {
        objects: vec![ObjectKey::new(Kind::ConfigMap, namespace, name)],
        namespace: namespace.to_owned(),
        place: Place::Central,
        roots: true,
    }
}
