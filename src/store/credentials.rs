//! What Secrets and ConfigMaps hold for TLS.
//!
//! The one place in which the past counts: what an object held before stays in use while its newest version cannot be
//! used. Where clusters have no such objects any more, nothing is kept.

use std::sync::Arc;

use super::{Id, Store};
use crate::api::{Diagnostic, Kind, Object, ObjectKey};
use crate::model::{Credential, Credentials};

impl Store {
    /// A Secret or a ConfigMap came, changed or went.
    pub(super) fn note_credential(&mut self, id: &Id, kind: Kind, new: Option<&Object>) {
        let key = ObjectKey { kind, namespace: id.namespace.clone(), name: id.name.clone() };
        let cluster = (!id.cluster.is_own()).then(|| id.cluster.name(&self.config.cluster).clone());
        let before = self.credentials.find(cluster.as_deref(), &key).cloned();
        let now = match new {
            Some(Object::Secret(secret)) => Credential::of_secret(secret, before.as_deref()),
            Some(Object::ConfigMap(map)) => Credential::of_config_map(map, before.as_deref()),
            _ => {
                if before.is_some() {
                    self.edit_credentials(|all| all.remove(cluster.as_ref(), &key));
                }
                return;
            }
        };
        if before.as_deref() != Some(&now) && (before.is_some() || !now.is_empty()) {
            self.edit_credentials(|all| all.insert(cluster.as_ref(), Arc::new(now)));
        }
    }

    fn edit_credentials(&mut self, edit: impl FnOnce(&mut Credentials)) {
        edit(Arc::make_mut(&mut self.credentials));
        self.dirty.credentials = true;
        self.changed = true;
    }

    /// Says what is wrong with the objects now, if that may have changed.
    pub(super) fn tell_of_credentials(&mut self) {
        if !std::mem::take(&mut self.dirty.credentials) {
            return;
        }
        let faults = faults(&self.credentials);
        if self.configs.of_credentials != faults {
            self.configs.of_credentials = faults;
            self.configs.gather_diagnostics();
        }
    }
}

/// What is wrong with the objects, and in which cluster.
fn faults(all: &Credentials) -> Vec<Diagnostic> {
    let told = all.iter().flat_map(|(cluster, credential)| {
        credential.diagnostics().map(move |diagnostic| match cluster {
            None => diagnostic,
            Some(cluster) => Diagnostic {
                message: format!("in the cluster {cluster}: {}", diagnostic.message),
                ..diagnostic
            },
        })
    });
    told.collect()
}

#[cfg(test)]
mod tests;
