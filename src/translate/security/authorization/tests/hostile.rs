//! Names that mean something in a regular expression describe themselves only (CVE-2026-39350, CVE-2020-16844).

use proptest::prelude::*;

use super::super::asker::Asker;
use super::super::attribute::{Alternatives, Attribute};
use super::super::pattern::{Pattern, Piece};
use crate::api::re2;
use crate::proto::envoy::envoy::config::rbac::v3::Principal;
use crate::proto::envoy::envoy::config::rbac::v3::principal::Identifier;
use crate::proto::envoy::envoy::r#type::matcher::v3::StringMatcher;
use crate::proto::envoy::envoy::r#type::matcher::v3::string_matcher::MatchPattern;

/// Whether a matcher holds for a text, as Envoy has it.
fn holds(matcher: &StringMatcher, text: &str) -> bool {
    match matcher.match_pattern.as_ref().unwrap() {
        MatchPattern::Exact(want) => text == want,
        MatchPattern::Prefix(want) => text.starts_with(want),
        MatchPattern::Suffix(want) => text.ends_with(want),
        MatchPattern::SafeRegex(regex) => re2::compile(&regex.regex).unwrap().is_match(text),
        other => panic!("{other:?}"),
    }
}

/// Whether a value of an attribute describes an identity.
fn describes(attribute: &Asker<'_>, value: &str, identity: &str) -> bool {
    let Alternatives::Each(nodes) = attribute.alternatives(&[value.into()]) else { panic!() };
    match &nodes[..] {
        [Some(Principal { identifier: Some(Identifier::Authenticated(wanted)) })] => {
            holds(wanted.principal_name.as_ref().unwrap(), identity)
        }
        other => panic!("{other:?}"),
    }
}

fn account(value: &str, identity: &str) -> bool {
    describes(&Asker::ServiceAccount { namespace: "shop" }, value, identity)
}

#[test]
fn dots_in_accounts_are_dots() {
    assert!(account("a.b", "spiffe://td/ns/shop/sa/a.b"));
    assert!(!account("a.b", "spiffe://td/ns/shop/sa/axb"));
    assert!(!account("sh.p/a", "spiffe://td/ns/shop/sa/a"));
    assert!(!account("a", "spiffe://td/ns/shop/sa/ab"));
    assert!(account("a", "spiffe://td/ns/shop/v/1/sa/a/more/1"));
}

#[test]
fn principals_known_by_their_end_begin_as_identities_do() {
    assert!(describes(&Asker::Principal, "*/sa/b", "spiffe://td/ns/a/sa/b"));
    assert!(!describes(&Asker::Principal, "*/sa/b", "http://td/ns/a/sa/b"));
    assert!(!describes(&Asker::Principal, "*.b", "spiffe://td/ns/a/sa/xb"));
    assert!(!describes(&Asker::Principal, "*", ""), "no identity is not any identity");
}

#[test]
fn trust_domains_end_at_their_slash() {
    assert!(describes(&Asker::TrustDomain, "td", "spiffe://td/ns/a/sa/b"));
    assert!(!describes(&Asker::TrustDomain, "td", "spiffe://td.evil/ns/a/sa/b"));
    assert!(describes(&Asker::TrustDomain, "td*", "spiffe://td.evil/ns/a/sa/b"));
    assert!(!describes(&Asker::TrustDomain, "*evil", "spiffe://td/ns/evil/sa/b"));
    assert!(!describes(&Asker::TrustDomain, "t.", "spiffe://td/ns/a/sa/b"));
}

/// Texts of characters that mean something somewhere.
fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex(r"[ab.+*?()|\[\]{}^$\\/-]{1,8}|[a-c]{1,3}").unwrap()
}

/// The same without what separates or stands for others.
fn plain() -> impl Strategy<Value = String> {
    name()
        .prop_map(|name| name.replace(['/', '*'], "."))
        .prop_filter("empty", |name| !name.is_empty())
}

proptest! {
    #[test]
    fn a_text_describes_itself_only(text in name(), other in name()) {
        let matcher = Pattern::new([Piece::Text(&text)]).matcher();
        prop_assert!(holds(&matcher, &text));
        prop_assert_eq!(holds(&matcher, &other), text == other);
    }

    #[test]
    fn accounts_and_namespaces_describe_themselves_only(
        namespace in plain(), account_name in plain(), other in plain(),
    ) {
        let identity = |namespace: &str, account: &str| format!("spiffe://td/ns/{namespace}/sa/{account}");
        let value = format!("{namespace}/{account_name}");
        prop_assert!(account(&value, &identity(&namespace, &account_name)));
        prop_assert_eq!(account(&value, &identity(&namespace, &other)), account_name == other);
        prop_assert_eq!(account(&value, &identity(&other, &account_name)), namespace == other);
        let is_of = |value: &str, identity: &str| describes(&Asker::Namespace, value, identity);
        prop_assert_eq!(is_of(&namespace, &identity(&other, &account_name)), namespace == other);
        let longer = identity(&format!("{namespace}{other}"), "a");
        let is_longer = is_of(&format!("{namespace}*"), &longer);
        prop_assert!(is_longer);
    }

    #[test]
    fn principals_and_trust_domains_describe_themselves_only(own in plain(), other in plain()) {
        let identity = |domain: &str, account: &str| format!("spiffe://{domain}/ns/n/sa/{account}");
        let is = |value: &str, identity: &str| describes(&Asker::Principal, value, identity);
        let by_end = format!("*/sa/{own}");
        prop_assert!(is(&by_end, &identity("td", &own)));
        prop_assert_eq!(is(&by_end, &identity("td", &other)), own == other);
        let of = |value: &str, identity: &str| describes(&Asker::TrustDomain, value, identity);
        prop_assert_eq!(of(&own, &identity(&other, "a")), own == other);
        let ends = identity(&format!("{other}{own}"), "a");
        let by_end = format!("*{own}");
        prop_assert!(of(&by_end, &ends));
    }
}
