//! Who names a secret: the objects because of which a proxy asks for it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::config::Spec;
use crate::api::networking::DestinationRule;
use crate::api::networking::destination_rule::{ClientTls, TrafficPolicy};
use crate::api::{Kind, Object, ObjectKey};
use crate::model::Proxy;
use crate::snapshot::Snapshot;
use crate::translate::common::credential::{ROOTS_SUFFIX, named};

/// The fields that name secrets.
const FIELDS: [&str; 3] = ["credentialName", "credentialNames", "caCertCredentialName"];

/// An object, and one of its fields.
type Mention = (Option<ObjectKey>, String);

/// The objects because of which a proxy may ask for secrets, by the names of these.
#[derive(Debug, Default)]
pub(in super::super) struct Mentions(BTreeMap<String, Vec<Mention>>);

impl Mentions {
    /// Of a proxy: those of the Gateways that it serves, and of all DestinationRules.
    pub fn of(snapshot: &Snapshot, proxy: &Proxy) -> Mentions {
        let own = snapshot.features.gateways_in_own_namespace.then_some(&*proxy.namespace);
        let gateways = snapshot.gateways.select(&proxy.labels, own);
        let gateways = gateways.map(|gateway| Object::Gateway(gateway.clone()));
        let rules = snapshot.objects.of_kind(Kind::DestinationRule);
        let rules = rules.filter(|rule| names_a_secret(rule)).cloned();
        let mut found = Mentions::default();
        for object in gateways.chain(rules) {
            let Some(spec) = object.spec() else { continue };
            let key = object.key();
            find(&spec, "spec", &mut |path, value| {
                for value in [value, &format!("{value}{ROOTS_SUFFIX}")] {
                    let mentions = found.0.entry(named(value, false).name).or_default();
                    mentions.push((Some(key.clone()), path.to_owned()));
                }
            });
        }
        found
    }

    /// Those of a name.
    pub fn find(&self, name: &str) -> Vec<Mention> {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

/// Most rules do not, and are not looked through.
fn names_a_secret(object: &Object) -> bool {
    let Some(rule) = DestinationRule::of(object) else { return false };
    let by_tls = |tls: Option<&ClientTls>| tls.is_some_and(|tls| !tls.credential_name.is_empty());
    let by_policy = |policy: Option<&TrafficPolicy>| {
        policy.is_some_and(|policy| {
            let mut ports = policy.port_level_settings.iter();
            by_tls(policy.tls.as_ref()) || ports.any(|port| by_tls(port.tls.as_ref()))
        })
    };
    let mut subsets = rule.spec.subsets.iter();
    by_policy(rule.spec.traffic_policy.as_ref())
        || subsets.any(|subset| by_policy(subset.traffic_policy.as_ref()))
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
