//! SPIFFE identities of workloads.

use crate::api::Str;

/// `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`. An `@` in a trust domain is written `.`.
pub fn spiffe(trust_domain: &str, namespace: &str, service_account: &str) -> Str {
    format!("spiffe://{}/ns/{namespace}/sa/{service_account}", trust_domain.replace('@', "."))
        .into()
}
