use super::*;
use crate::model::caller::{Method, PodClaims};

fn access(by_namespace: bool) -> Access {
    let namespaces = ["istio-system", "ops"].map(Str::from).into();
    Access { authenticator: Authenticator::default(), by_namespace, namespaces }
}

fn caller(identities: &[&str]) -> Caller {
    let identities = identities.iter().map(|id| Str::from(*id)).collect();
    Caller { identities, method: Method::TokenReview, pod: PodClaims::default(), cluster: None }
}

#[test]
fn the_namespace_of_the_first_workload_identity_decides() {
    for (identities, want) in [
        (&["spiffe://td/ns/root/sa/a"][..], Some(Reader::Unrestricted)),
        (&["spiffe://td/ns/istio-system/sa/a"], Some(Reader::Unrestricted)),
        (&["spiffe://td/ns/ops/sa/a"], Some(Reader::Unrestricted)),
        (&["spiffe://td/ns/shop/sa/a"], Some(Reader::Of("shop".into()))),
        (
            &["gateway", "spiffe://td/ns/shop/sa/a", "spiffe://td/ns/root/sa/a"],
            Some(Reader::Of("shop".into())),
        ),
        (&["gateway", "spiffe://td/other"], None),
        (&[], None),
    ] {
        assert_eq!(access(true).reader_of(&caller(identities), "root"), want, "{identities:?}");
        let open = access(false).reader_of(&caller(identities), "root");
        assert_eq!(open, Some(Reader::Unrestricted), "{identities:?} where nobody asks");
    }
}

#[test]
fn a_namespace_may_ask_about_its_own_proxies_only() {
    let own = Reader::Of("shop".into());
    for endpoint in OF_OWN_PROXIES {
        assert!(own.may_ask(endpoint), "{endpoint}");
    }
    for endpoint in
        ["", "syncz", "config_dump/", "config_dump/../syncz", "CONFIG_DUMP", "ecdsz", "list"]
    {
        assert!(!own.may_ask(endpoint), "{endpoint}");
        assert!(Reader::Unrestricted.may_ask(endpoint), "{endpoint}");
    }
    assert!(own.sees("shop") && !own.sees("shop2") && !own.sees(""));
    assert!(Reader::Unrestricted.sees("shop"));
}

#[test]
fn loopback_is_told_in_every_form() {
    for (ip, want) in [
        ("127.0.0.1", true),
        ("127.8.9.1", true),
        ("::1", true),
        ("::ffff:127.0.0.1", true),
        ("10.0.0.1", false),
        ("::ffff:10.0.0.1", false),
        ("fe80::1", false),
    ] {
        assert_eq!(is_loopback(ip.parse().unwrap()), want, "{ip}");
    }
}
