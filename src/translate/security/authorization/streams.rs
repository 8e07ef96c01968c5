//! What policies about HTTP mean where nothing but byte streams is served: told to those whose policy selects such a
//! workload in particular.

use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::security::AuthorizationPolicy;
use crate::api::security::authorization_policy::{Action, Rule};
use crate::api::{Diagnostic, ObjectKey};

/// What is to be said of a policy.
pub fn check(policy: &Config<AuthorizationPolicy>) -> Vec<Diagnostic> {
    let AuthorizationPolicy { selector, rules, action, .. } = &policy.spec;
    let selects = selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty());
    let effect = match action {
        Action::Allow => "the rule lets nothing through",
        Action::Deny => "the rule refuses whatever else it describes",
        Action::Audit | Action::Custom => return Vec::new(),
    };
    let rules = rules.iter().enumerate().filter(|_| selects);
    let told = rules.filter_map(|(index, rule)| {
        let what = of_http(rule)?;
        Some(say(&policy.key(), index, what, effect))
    });
    told.collect()
}

fn say(policy: &ObjectKey, rule: usize, what: &str, effect: &str) -> Diagnostic {
    let path = FieldPath::of("spec").key("rules").index(rule);
    let message = format!(
        "{what} is known of HTTP requests only, and a workload that it selects serves byte streams only: {effect} there. \
         Declare the protocol of its ports, or describe connections by ports and addresses"
    );
    Issue::warning(path, message).of(policy)
}

/// Something in a rule that only HTTP requests have.
fn of_http(rule: &Rule) -> Option<&str> {
    let sources = rule.from.iter().filter_map(|from| from.source.as_ref());
    let of_sources = sources.flat_map(|source| {
        [
            ("requestPrincipals", &source.request_principals),
            ("notRequestPrincipals", &source.not_request_principals),
        ]
    });
    let operations = rule.to.iter().filter_map(|to| to.operation.as_ref());
    let of_operations = operations.flat_map(|operation| {
        [
            ("hosts", &operation.hosts),
            ("notHosts", &operation.not_hosts),
            ("methods", &operation.methods),
            ("notMethods", &operation.not_methods),
            ("paths", &operation.paths),
            ("notPaths", &operation.not_paths),
        ]
    });
    let mut fields = of_sources.chain(of_operations).filter(|(_, values)| !values.is_empty());
    let field = fields.next().map(|(field, _)| field);
    let mut keys = rule.when.iter().map(|condition| &*condition.key);
    field.or_else(|| keys.find(|key| key.starts_with("request.")))
}
