use crate::api::fixture::check;
use crate::api::networking::ProxyConfig;

#[test]
fn threads_and_selector() {
    check::<ProxyConfig>(&[
        ("concurrency: 0", &[]),
        ("{concurrency: 4, environmentVariables: {A: b}, image: {imageType: distroless}}", &[]),
        (
            "concurrency: -1",
            &["error spec.concurrency: concurrency must be greater than or equal to 0"],
        ),
        ("selector: {}", &["warning spec.selector: without labels"]),
        (
            "selector: {matchLabels: {'': bar}}",
            &["error spec.selector.matchLabels[\"\"]: an empty key is not supported"],
        ),
        (
            "selector: {matchLabels: {a: 'b*'}}",
            &["error spec.selector.matchLabels.a: a wildcard is not supported"],
        ),
    ]);
}
