//! Proxies that stand for a WorkloadEntry: for which, and whether they may.
//!
//! Decided of the mesh as it is known here, before anything of it is told to the proxy. What follows (the entry is made,
//! or says since when its proxy is connected) is written by whoever takes the reports; no proxy waits for that.

use tokio::sync::mpsc;
use tonic::Status;

use crate::api::config::Spec;
use crate::api::networking::{WorkloadEntry, WorkloadGroup};
use crate::api::{Kind, ObjectKey, Str};
use crate::model::Proxy;
use crate::model::identity::Spiffe;
use crate::model::report::{HEALTH_CHECKED, Report};
use crate::snapshot::{Snapshot, Snapshots};

/// The rules, and who takes the reports.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Proxies are registered in the group that they name (PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION).
    pub registers: bool,
    /// Proxies report the health of the entry that they name (PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS).
    pub health: bool,
    /// Only those may that proved to be of the entry's account (ISTIO_WORKLOAD_ENTRY_VALIDATE_IDENTITY).
    pub proved: bool,
    /// The mesh.
    pub snapshots: Snapshots,
    /// Who takes reports. He must not be slow: streams wait for him.
    pub reports: mpsc::Sender<Report>,
}

/// What a proxy stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The WorkloadEntry.
    pub entry: ObjectKey,
    /// Whether it is to be made where there is none.
    pub registers: bool,
}

impl Registration {
    /// What a proxy stands for; None for all that are beside a pod.
    ///
    /// # Errors
    /// When it may not stand for that, which ends its stream: it comes again, and the objects may be there by then.
    pub fn member(
        &self,
        proxy: &Proxy,
        identity: Option<&Spiffe>,
    ) -> Result<Option<Member>, Status> {
        let snapshot = self.snapshots.load();
        if let Some(group) = proxy.group().filter(|_| self.registers) {
            return self.of_group(&snapshot, proxy, group, identity);
        }
        let Some(key) = proxy.named_entry().filter(|_| self.health) else { return Ok(None) };
        let entry = entry(&snapshot, &key).ok_or_else(|| {
            Status::failed_precondition(format!("the proxy names the {key}, which does not exist"))
        })?;
        if entry.meta.annotation(HEALTH_CHECKED).is_none() {
            return Ok(None);
        }
        self.check(&key, &entry.spec.service_account, identity)?;
        Ok(Some(Member { entry: key, registers: false }))
    }

    fn of_group(
        &self,
        snapshot: &Snapshot,
        proxy: &Proxy,
        group: &str,
        identity: Option<&Spiffe>,
    ) -> Result<Option<Member>, Status> {
        let Some(key) = proxy.registered_entry() else { return Ok(None) };
        // A part of it is the network, which the proxy says.
        if !is_name(&key.name) {
            let text =
                format!("auto-registration failed: {:?} is no name of an object", &*key.name);
            return Err(Status::invalid_argument(text));
        }
        let account = match entry(snapshot, &key) {
            Some(entry) => entry.spec.service_account.clone(),
            None => {
                let found = snapshot.objects.find(Kind::WorkloadGroup, &proxy.namespace, group);
                let found = found.and_then(WorkloadGroup::of).ok_or_else(|| {
                    let namespace = &proxy.namespace;
                    Status::failed_precondition(format!(
                        "auto-registration failed: there is no WorkloadGroup {namespace}/{group}"
                    ))
                })?;
                let template = found.spec.template.as_ref();
                template.map(|template| template.service_account.clone()).unwrap_or_default()
            }
        };
        self.check(&key, &account, identity)?;
        Ok(Some(Member { entry: key, registers: true }))
    }

    /// Whether a proxy with this identity may stand for an entry of this account; an empty one is any.
    fn check(
        &self,
        key: &ObjectKey,
        account: &Str,
        identity: Option<&Spiffe>,
    ) -> Result<(), Status> {
        if !self.proved {
            return Ok(());
        }
        let refusal = |why: String| Err(Status::permission_denied(format!("{key}: {why}")));
        match identity {
            None => refusal("only who proved his identity may stand for it".to_owned()),
            Some(id) if id.namespace != key.namespace => {
                refusal(format!("the caller is of the namespace {:?}", &*id.namespace))
            }
            Some(id) if !account.is_empty() && id.service_account != *account => refusal(format!(
                "it is of the service account {:?}, and the caller is {:?}",
                &**account, &*id.service_account
            )),
            Some(_) => Ok(()),
        }
    }
}

fn entry<'a>(
    snapshot: &'a Snapshot,
    key: &ObjectKey,
) -> Option<&'a std::sync::Arc<crate::api::config::Config<WorkloadEntry>>> {
    snapshot.objects.get(key).and_then(WorkloadEntry::of)
}

/// Whether an object may be called so: it becomes a part of paths.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().all(|byte| plain(byte) || matches!(byte, b'-' | b'.'))
        && name.bytes().next().is_some_and(plain)
        && name.bytes().last().is_some_and(plain)
}

#[cfg(test)]
mod tests;
