//! Conditions: an attribute by its key, and values of it.

use super::values::{Check, check};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::security::authorization_policy::Condition;

/// See the module.
pub(super) fn validate(conditions: &[Condition], at: &Place<'_>, issues: &mut Issues) {
    for (index, condition) in conditions.iter().enumerate() {
        let at = at.index(index);
        let Condition { key, values, not_values } = condition;
        if key.is_empty() {
            issues.error(at.key("key"), "a key is required: without one the rule has no effect");
        } else if values.is_empty() && not_values.is_empty() {
            let message =
                format!("give values or notValues of {key}: without any it has no effect");
            issues.error(at.key("values"), message);
        } else {
            match of_key(key) {
                Ok(wanted) => {
                    let fields = [("values", values, wanted), ("notValues", not_values, wanted)];
                    check(&fields, &at, issues);
                }
                Err(why) => issues.error(at.key("key"), why),
            }
        }
    }
}

/// What values of a key must be.
fn of_key(key: &str) -> Result<Check, String> {
    let named = ["request.headers", "request.auth.claims", "experimental.envoy.filters."];
    if named.iter().any(|prefix| key.starts_with(prefix)) {
        return match names_something(key) {
            true => Ok(Check::Filled),
            false => Err(format!("{key} needs a name in brackets, as in request.headers[x-user]")),
        };
    }
    Ok(match key {
        "source.ip" | "remote.ip" | "destination.ip" => Check::Subnet,
        "source.serviceAccount" => Check::Account,
        "source.trustDomain" => Check::Wildcard,
        "destination.port" => Check::Port,
        "source.namespace"
        | "source.principal"
        | "request.auth.principal"
        | "request.auth.audiences"
        | "request.auth.presenter"
        | "connection.sni" => Check::Filled,
        _ => {
            let remedy = match key {
                "destination.namespace" => "the policy's own namespace says it",
                "destination.name" | "destination.user" => "select workloads instead",
                _ if key.starts_with("destination.labels") => "use the selector instead",
                _ => "correct it",
            };
            return Err(format!("{key} is no attribute, and the rule has no effect: {remedy}"));
        }
    })
}

/// `a[b]`.
fn names_something(key: &str) -> bool {
    let open = key.find('[').filter(|open| *open > 0);
    key.ends_with(']') && open.is_some_and(|open| open + 2 < key.len())
}
