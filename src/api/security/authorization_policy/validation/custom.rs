//! What a provider cannot be asked about: it is asked before tokens are verified, and Istio takes no identities there.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::security::authorization_policy::Rule;

/// See the module.
pub(super) fn validate(rules: &[Rule], at: &Place<'_>, issues: &mut Issues) {
    for (index, rule) in rules.iter().enumerate() {
        let at = at.index(index);
        for (index, from) in rule.from.iter().enumerate() {
            let Some(source) = &from.source else { continue };
            let at = at.key("from");
            let at = at.index(index);
            let at = at.key("source");
            let fields = [
                ("namespaces", &source.namespaces),
                ("notNamespaces", &source.not_namespaces),
                ("serviceAccounts", &source.service_accounts),
                ("notServiceAccounts", &source.not_service_accounts),
                ("trustDomains", &source.trust_domains),
                ("notTrustDomains", &source.not_trust_domains),
                ("principals", &source.principals),
                ("notPrincipals", &source.not_principals),
                ("requestPrincipals", &source.request_principals),
                ("notRequestPrincipals", &source.not_request_principals),
            ];
            for (field, values) in fields {
                if !values.is_empty() {
                    issues.error(at.key(field), unsupported(field));
                }
            }
        }
        for (index, condition) in rule.when.iter().enumerate() {
            let key = &*condition.key;
            let identity = ["namespace", "serviceAccount", "trustDomain", "principal"];
            let of_source =
                key.strip_prefix("source.").is_some_and(|name| identity.contains(&name));
            if of_source || key.starts_with("request.auth.") {
                let at = at.key("when");
                let at = at.index(index);
                issues.error(at.key("key"), unsupported(key));
            }
        }
    }
}

fn unsupported(what: &str) -> String {
    format!(
        "{what} is not supported with CUSTOM: let the provider look at it, or add a policy with DENY"
    )
}
