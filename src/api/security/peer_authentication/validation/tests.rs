use super::PeerAuthentication;
use crate::api::fixture::check;

#[test]
fn modes() {
    check::<PeerAuthentication>(&[
        ("{}", &[]),
        ("mtls: {mode: STRICT}", &[]),
        (
            "{selector: {matchLabels: {a: b}}, portLevelMtls: {'8080': {mode: DISABLE}, '65535': {}}}",
            &[],
        ),
    ]);
}

#[test]
fn ports() {
    check::<PeerAuthentication>(&[
        (
            "portLevelMtls: {'80': {mode: STRICT}}",
            &["error spec.portLevelMtls: selected workloads only"],
        ),
        (
            "{selector: {}, portLevelMtls: {'80': {mode: STRICT}}}",
            &[
                "warning spec.selector: without labels",
                "error spec.portLevelMtls: selected workloads only",
            ],
        ),
        (
            "{selector: {matchLabels: {a: b}}, portLevelMtls: {}}",
            &["error spec.portLevelMtls: at least one"],
        ),
        (
            "{selector: {matchLabels: {a: b}}, portLevelMtls: {'0': {}, '65536': {}}}",
            &["error spec.portLevelMtls.0: 1..65535", "error spec.portLevelMtls.65536: 1..65535"],
        ),
    ]);
}

#[test]
fn selectors() {
    check::<PeerAuthentication>(&[
        ("selector: {}", &["warning spec.selector: without labels"]),
        (
            "selector: {matchLabels: {a: 'b*'}}",
            &["error spec.selector.matchLabels.a: wildcard is not supported"],
        ),
        ("selector: {matchLabels: {'': b}}", &["error spec.selector.matchLabels[\"\"]: empty key"]),
    ]);
}
