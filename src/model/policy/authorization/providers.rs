//! Policies whose provider cannot be asked: the requests that they describe are refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::mesh::ExtAuthz;
use crate::api::security::AuthorizationPolicy;
use crate::api::security::authorization_policy::Action;
use crate::api::{Code, Diagnostic, MeshConfig};
use crate::model::references::HostIndex;

/// What is to be said of these policies. Of a policy without a provider validation tells.
pub fn check<'a>(
    policies: impl Iterator<Item = &'a Arc<Config<AuthorizationPolicy>>>,
    mesh: &MeshConfig,
    hosts: &HostIndex,
) -> Vec<Diagnostic> {
    let asking = policies.filter(|policy| policy.spec.action == Action::Custom);
    let told = asking.filter_map(|policy| {
        let name = policy.spec.provider.as_ref().map(|provider| &*provider.name)?;
        let why = flaw(name, mesh, hosts).filter(|_| !name.is_empty())?;
        let path = FieldPath::of("spec").key("provider").key("name");
        let message = format!("the requests that it describes are refused: {why}");
        Some(Issue::error(path, message).of(&policy.key()).coded(Code::AuthorizationProvider))
    });
    told.collect()
}

/// Why a provider cannot be asked; None if it can.
fn flaw(name: &str, mesh: &MeshConfig, hosts: &HostIndex) -> Option<String> {
    let mut called = mesh.ext_authz.iter().filter(|provider| *provider.name == *name);
    let Some(provider) = called.next() else {
        let known: Vec<&str> = mesh.ext_authz.iter().map(|provider| &*provider.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Some(format!(
            "the mesh has no extension provider {name:?} that decides over requests; it has {known}"
        ));
    };
    let why = if called.next().is_some() {
        "several have this name: give each its own".to_owned()
    } else {
        let flaws = provider.flaws().join("; ");
        if flaws.is_empty() { unknown_service(provider, hosts)? } else { flaws }
    };
    Some(format!("extension provider {name}: {why}"))
}

fn unknown_service(provider: &ExtAuthz, hosts: &HostIndex) -> Option<String> {
    let (namespace, host) = match provider.service.split_once('/') {
        Some((namespace, host)) => (Some(namespace), host),
        None => (None, &*provider.service),
    };
    let namespaces: BTreeSet<&str> =
        hosts.of(host).iter().map(|service| &*service.key.namespace).collect();
    let list = || namespaces.iter().copied().collect::<Vec<_>>().join(", ");
    match namespace {
        Some(namespace) if namespaces.contains(namespace) => None,
        Some(namespace) if !namespaces.is_empty() => {
            Some(format!("no service of {namespace} has the host {host}; those of {} do", list()))
        }
        None if namespaces.len() == 1 => None,
        None if namespaces.len() > 1 => Some(format!(
            "services of several namespaces have the host {host}: write NAMESPACE/{host} with one of {}",
            list()
        )),
        _ => Some(format!("no service has the host {host}")),
    }
}
