use crate::api::extensions::TrafficExtension;
use crate::api::fixture::check;

#[test]
fn exactly_one_thing_is_run() {
    check::<TrafficExtension>(&[
        ("lua: {inlineCode: 'a'}", &[]),
        ("{wasm: {url: oci://a}, phase: STATS, match: [{ports: [{number: 1}]}]}", &[]),
        ("{}", &["error spec: exactly one of wasm and lua"]),
        ("{wasm: {url: a}, lua: {inlineCode: a}}", &["error spec: exactly one of wasm and lua"]),
    ]);
}

#[test]
fn scripts_and_modules_can_be_used() {
    let long = "a".repeat(65_537);
    check::<TrafficExtension>(&[
        ("lua: {}", &["error spec.lua.inlineCode: cannot be empty"]),
        (&format!("lua: {{inlineCode: {long}}}"), &["error spec.lua.inlineCode: 64KB"]),
        ("wasm: {}", &["error spec.wasm.url: url needs to be set"]),
        (
            "{wasm: {url: a, sha256: b, vmConfig: {env: [{name: ''}]}}}",
            &["error spec.wasm.sha256: 64", "error spec.wasm.vmConfig.env[0].name: invalid"],
        ),
        (
            "{lua: {inlineCode: a}, selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: ''}]}",
            &[
                "error spec.targetRefs: selector is set too",
                "error spec.targetRefs[0].name: must be set",
            ],
        ),
        (
            "{lua: {inlineCode: a}, match: [{ports: [{number: 0}]}]}",
            &["error spec.match[0].ports[0].number: out of range"],
        ),
    ]);
}
