use std::sync::Arc;

use super::check;
use crate::api::Str;
use crate::api::config::Config;
use crate::api::fixture::object;
use crate::api::security::{AuthorizationPolicy, PeerAuthentication};
use crate::model::Peers;

/// What is said of a policy of the namespace `shop`, as `PATH: MESSAGE`, beside a PeerAuthentication of this spec.
fn told(policy: &str, peer: &str) -> Vec<String> {
    let root = Str::from("istio-system");
    let peer: Vec<Arc<Config<PeerAuthentication>>> = match peer {
        "" => Vec::new(),
        spec => vec![Arc::new(object(spec))],
    };
    let peers = Peers::new(&peer, &root, &Peers::default());
    let policy: Arc<Config<AuthorizationPolicy>> = Arc::new(object(policy));
    let told = check([&policy].into_iter(), &peers, &root);
    told.iter().map(|d| format!("{}: {}", d.path, d.message)).collect()
}

#[test]
fn what_plain_text_gets_around_is_told() {
    let deny =
        "{action: DENY, rules: [{from: [{source: {principals: [a], ipBlocks: [1.2.3.4]}}]}]}";
    let said = told(deny, "");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("spec.rules[0].from[0].source.principals: "), "{said:?}");
    assert!(said[0].contains("is let through") && said[0].contains("no PeerAuthentication"));
    assert!(told(deny, "mtls: {mode: PERMISSIVE}")[0].contains("PeerAuthentication shop/it"));
    assert_eq!(told(deny, "mtls: {mode: STRICT}"), [""; 0]);

    let excluding = "rules: [{when: [{key: source.namespace, notValues: [a], values: [b]}]}]";
    let said = told(excluding, "");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("spec.rules[0].when[0].notValues: "), "{said:?}");
    assert!(said[0].contains("is let in"));
}

#[test]
fn what_plain_text_does_not_get_around_is_not() {
    let allow = "rules: [{from: [{source: {namespaces: [a]}}]}]";
    assert_eq!(told(allow, ""), [""; 0]);
    // But if nobody has an identity, nobody gets in.
    assert!(told(allow, "mtls: {mode: DISABLE}")[0].contains("no mTLS is ended"));
    assert_eq!(
        told("{action: DENY, rules: [{from: [{source: {notPrincipals: [a]}}]}]}", ""),
        [""; 0]
    );
    assert_eq!(
        told("{action: DENY, rules: [{from: [{source: {ipBlocks: [1.2.3.4]}}]}]}", ""),
        [""; 0]
    );
    let gateway = "{action: DENY, targetRefs: [{kind: Gateway, name: a}], rules: [{from: [{source: {principals: [a]}}]}]}";
    assert_eq!(told(gateway, ""), [""; 0]);
}

#[test]
fn a_port_that_takes_plain_text_is_enough() {
    let deny = "{selector: {matchLabels: {a: b}}, action: DENY, rules: [{from: [{source: {principals: [a]}}]}]}";
    let strict = "{selector: {matchLabels: {a: b}}, mtls: {mode: STRICT}}";
    assert_eq!(told(deny, strict), [""; 0]);
    let but = "{selector: {matchLabels: {a: b}}, mtls: {mode: STRICT}, portLevelMtls: {'80': {mode: PERMISSIVE}}}";
    assert_eq!(told(deny, but).len(), 1);
}
