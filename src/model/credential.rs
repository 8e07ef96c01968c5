//! Credentials: what a Secret, or a ConfigMap, holds for TLS.
//!
//! Read and checked once, when the object changes, by the rules of who is to use it: what an Envoy would refuse is never
//! handed to one. What cannot be used leaves what was there before in use, so that a mistake costs nobody a working
//! certificate; the object's owner is told until when that lasts. Owns the keys of the objects that are read. Knows no
//! clock: whether a certificate is valid now is asked where it is served. Keys are never shown.

mod certificate;
mod chain;
mod index;
mod key;
mod layout;
mod pem;
mod roots;
mod staple;

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

pub use self::certificate::Certificate;
pub use self::chain::describe;
pub use self::index::Credentials;
pub use self::roots::Roots;
use crate::api::core::{ConfigMap, Secret};
use crate::api::{Code, Diagnostic, Kind, ObjectKey, Severity};

/// What an object holds for TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// The object.
    pub object: ObjectKey,
    /// A certificate with its key.
    pub certificate: Part<Certificate>,
    /// The roots of others' certificates.
    pub roots: Part<Roots>,
}

/// One of the things that an object may hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Part<T> {
    /// The last version that can be used.
    pub good: Option<Arc<T>>,
    /// What is wrong with the newest version.
    pub faults: Vec<Fault>,
}

/// Something that is wrong with a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// An error if the newest version is not in use because of it.
    pub severity: Severity,
    /// The field.
    pub path: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// From when until when certificates are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
}

impl Validity {
    /// What is wrong with it at a time; None if it is valid then.
    pub fn fault_at(&self, now: Timestamp) -> Option<String> {
        if now > self.until {
            Some(format!("expired on {}", self.until))
        } else if now < self.from {
            Some(format!("is not valid before {}", self.from))
        } else {
            None
        }
    }

    /// When that changes next.
    pub fn changes_after(&self, now: Timestamp) -> Option<Timestamp> {
        [self.from, self.until].into_iter().find(|change| *change > now)
    }
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Part { good: None, faults: Vec::new() }
    }
}

impl Fault {
    fn error(key: &str, message: impl Into<String>) -> Fault {
        Fault { severity: Severity::Error, path: field(key), message: message.into() }
    }

    fn warning(key: &str, message: impl Into<String>) -> Fault {
        Fault { severity: Severity::Warning, path: field(key), message: message.into() }
    }
}

fn field(key: &str) -> String {
    format!("data[{key}]")
}

impl Credential {
    /// What a secret holds; `before` is what it, or rather an earlier version of it, held.
    pub fn of_secret(secret: &Secret, before: Option<&Credential>) -> Credential {
        let values = secret.data.iter().map(|(key, value)| (&**key, value.expose().as_ref()));
        let values: BTreeMap<&str, &[u8]> = values.collect();
        Credential {
            object: ObjectKey {
                kind: Kind::Secret,
                namespace: secret.meta.namespace.clone(),
                name: secret.meta.name.clone(),
            },
            certificate: part(
                layout::certificate(&values).map(|found| found.and_then(Certificate::read)),
                before.map(|before| &before.certificate),
                Certificate::validity,
                layout::CERTIFICATE_KEYS,
            ),
            roots: part(
                layout::roots(&values).map(|found| found.and_then(Roots::read)),
                before.map(|before| &before.roots),
                Roots::validity,
                layout::ROOTS_KEYS,
            ),
        }
    }

    /// The roots that a ConfigMap holds. Whatever else is in it is not looked at.
    pub fn of_config_map(map: &ConfigMap, before: Option<&Credential>) -> Credential {
        let values = map.data.iter().map(|(key, value)| (&**key, value.as_bytes())).collect();
        Credential {
            object: ObjectKey {
                kind: Kind::ConfigMap,
                namespace: map.meta.namespace.clone(),
                name: map.meta.name.clone(),
            },
            certificate: Part::default(),
            roots: part(
                layout::roots(&values).map(|found| found.and_then(Roots::read)),
                before.map(|before| &before.roots),
                Roots::validity,
                layout::ROOTS_KEYS,
            ),
        }
    }

    /// It holds nothing for TLS, and never did.
    pub fn is_empty(&self) -> bool {
        self.certificate == Part::default() && self.roots == Part::default()
    }

    /// What is to be said of the object.
    pub fn diagnostics(&self) -> impl Iterator<Item = Diagnostic> {
        self.certificate.faults.iter().chain(&self.roots.faults).map(|fault| Diagnostic {
            severity: fault.severity,
            location: None,
            object: Some(self.object.clone()),
            path: fault.path.clone(),
            message: fault.message.clone(),
            code: Code::Other,
        })
    }
}

/// What was read, with what is wrong with it.
type Read<T> = (T, Vec<Fault>);

/// A part of an object that holds `found`, and held `before`. None stands for an object that does not have the part.
fn part<T>(
    found: Option<Result<Read<T>, Fault>>,
    before: Option<&Part<T>>,
    validity: impl Fn(&T) -> Validity,
    keys: &str,
) -> Part<T> {
    let kept = before.and_then(|before| before.good.clone());
    let mut fault = match found {
        Some(Ok((good, faults))) => return Part { good: Some(Arc::new(good)), faults },
        Some(Err(fault)) => fault,
        None if kept.is_none() => return Part::default(),
        None => Fault {
            severity: Severity::Error,
            path: "data".to_owned(),
            message: format!("there is no {keys} any more"),
        },
    };
    if let Some(kept) = &kept {
        let until = validity(kept).until;
        fault
            .message
            .push_str(&format!("; what was there before stays in use, valid until {until}"));
    }
    Part { good: kept, faults: vec![fault] }
}
