//! Who names a secret: the objects because of which a proxy asks for it.

use serde_json::Value;

use crate::api::{Kind, Object, ObjectKey};
use crate::model::Proxy;
use crate::snapshot::Snapshot;
use crate::translate::common::credential::{ROOTS_SUFFIX, named};

/// The fields that name secrets.
const FIELDS: [&str; 3] = ["credentialName", "credentialNames", "caCertCredentialName"];

/// The objects because of which a proxy may ask for the secret of this name, and in which of their fields.
pub(in super::super) fn mentions(
    snapshot: &Snapshot,
    proxy: &Proxy,
    name: &str,
) -> Vec<(Option<ObjectKey>, String)> {
    let own = snapshot.features.gateways_in_own_namespace.then_some(&*proxy.namespace);
    let gateways = snapshot.gateways.select(&proxy.labels, own);
    let gateways = gateways.map(|gateway| Object::Gateway(gateway.clone()));
    let rules = snapshot.objects.of_kind(Kind::DestinationRule).cloned();
    let mut found = Vec::new();
    for object in gateways.chain(rules) {
        let Some(spec) = object.spec() else { continue };
        let key = object.key();
        find(&spec, "spec", &mut |path, value| {
            let means = |value: &str| named(value, false).name == name;
            if means(value) || means(&format!("{value}{ROOTS_SUFFIX}")) {
                found.push((Some(key.clone()), path.to_owned()));
            }
        });
    }
    found
}

/// Finds the fields that name secrets. Specs have types, which bounds how deep they are.
fn find(value: &Value, path: &str, note: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let path = format!("{path}.{field}");
                match value {
                    Value::String(name) if FIELDS.contains(&&**field) => note(&path, name),
                    Value::Array(names) if FIELDS.contains(&&**field) => {
                        for (at, name) in names.iter().enumerate() {
                            note(&format!("{path}[{at}]"), name.as_str().unwrap_or_default());
                        }
                    }
                    _ => find(value, &path, note),
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                find(item, &format!("{path}[{at}]"), note);
            }
        }
        _ => {}
    }
}
