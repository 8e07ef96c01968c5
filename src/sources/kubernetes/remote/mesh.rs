//! What counts of the mesh configuration of a remote cluster: the trust domain of its identities.

use crate::api::core::ConfigMap;
use crate::api::{Batch, Change, Kind, Object, Str};
use crate::sources::value::from_yaml;

/// The key of the ConfigMap that has the mesh configuration.
const KEY: &str = "mesh";

/// Takes the mesh configuration out of a batch. Returns the trust domain that it tells now, None for that of the own
/// mesh; nothing if the batch does not tell.
pub(super) fn take_trust_domain(batch: &mut Batch) -> Option<Option<Str>> {
    let of_mesh = |change: &mut Change| change.kind() == Kind::ConfigMap;
    let last = batch.changes.extract_if(.., of_mesh).last()?;
    Some(match last {
        Change::Apply(Object::ConfigMap(map)) => trust_domain(&map),
        _ => None,
    })
}

fn trust_domain(map: &ConfigMap) -> Option<Str> {
    // A configuration that cannot be read is a matter of that cluster's control plane.
    let mesh = from_yaml(map.data.get(KEY)?).ok()?;
    let told = mesh.get("trustDomain").or_else(|| mesh.get("trust_domain"))?.as_str()?;
    (!told.is_empty()).then(|| told.into())
}

#[cfg(test)]
mod tests;
