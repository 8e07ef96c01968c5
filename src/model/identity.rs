//! SPIFFE identities of workloads.

use std::fmt;

use crate::api::Str;

/// What every identity begins with.
const SCHEME: &str = "spiffe://";

/// `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`. An `@` in a trust domain is written `.`.
pub fn spiffe(trust_domain: &str, namespace: &str, service_account: &str) -> Str {
    format!("{SCHEME}{}/ns/{namespace}/sa/{service_account}", trust_domain.replace('@', ".")).into()
}

/// The trust domain of a SPIFFE ID of any form; None for what is none.
pub fn trust_domain(id: &str) -> Option<&str> {
    let rest = id.strip_prefix(SCHEME)?;
    let domain = rest.split('/').next().unwrap_or_default();
    (!domain.is_empty()).then_some(domain)
}

/// The parts of an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spiffe {
    /// Of whose certificates it is.
    pub trust_domain: Str,
    /// The namespace of the account.
    pub namespace: Str,
    /// The account.
    pub service_account: Str,
}

impl Spiffe {
    /// Reads an identity of the form that workloads have; None for all others.
    pub fn parse(id: &str) -> Option<Spiffe> {
        let parts: Vec<&str> = id.strip_prefix(SCHEME)?.split('/').collect();
        let [trust_domain, "ns", namespace, "sa", service_account] = *parts.as_slice() else {
            return None;
        };
        let whole = [trust_domain, namespace, service_account].iter().all(|part| !part.is_empty());
        whole.then(|| Spiffe {
            trust_domain: trust_domain.into(),
            namespace: namespace.into(),
            service_account: service_account.into(),
        })
    }
}

impl fmt::Display for Spiffe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spiffe { trust_domain, namespace, service_account } = self;
        write!(f, "{SCHEME}{trust_domain}/ns/{namespace}/sa/{service_account}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_identities_are_read() {
        for (id, want) in [
            ("spiffe://td/ns/shop/sa/web", Some(("td", "shop", "web"))),
            ("spiffe://a.b/ns/n/sa/s", Some(("a.b", "n", "s"))),
            ("spiffe://td/ns/shop/sa/web/more", None),
            ("spiffe://td/ns/shop/sa/", None),
            ("spiffe:///ns/shop/sa/web", None),
            ("spiffe://td/sa/web/ns/shop", None),
            ("https://td/ns/shop/sa/web", None),
            ("", None),
        ] {
            let read = Spiffe::parse(id);
            let parts =
                read.as_ref().map(|s| (&*s.trust_domain, &*s.namespace, &*s.service_account));
            assert_eq!(parts, want, "{id}");
            if let Some(read) = &read {
                assert_eq!(read.to_string(), id);
            }
        }
    }

    #[test]
    fn the_trust_domain_is_told_of_every_spiffe_id() {
        assert_eq!(trust_domain("spiffe://td/anything"), Some("td"));
        assert_eq!(trust_domain("spiffe://td"), Some("td"));
        assert_eq!(trust_domain("spiffe:///x"), None);
        assert_eq!(trust_domain("td/ns/x"), None);
    }
}
