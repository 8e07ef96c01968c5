use crate::api::extensions::WasmPlugin;
use crate::api::fixture::check;

#[test]
fn modules_come_from_where_they_can_be_loaded() {
    for url in
        ["test", "http://a", "https://a/b.wasm", "oci://r:5000/a:b", "file:///a.wasm", "a.b/c"]
    {
        check::<WasmPlugin>(&[(&format!("url: {url}"), &[])]);
    }
    check::<WasmPlugin>(&[
        ("{}", &["error spec.url: url needs to be set"]),
        ("url: null", &["error spec.url: url needs to be set"]),
        ("url: fake://example.com", &["error spec.url: unsupported scheme fake"]),
        ("url: '#%blah$#@'", &["error spec.url: no URL"]),
    ]);
}

#[test]
fn hashes_secrets_and_names_have_their_form() {
    let long = "a".repeat(257);
    let hash = "0".repeat(64);
    check::<WasmPlugin>(&[
        (&format!("{{url: a, sha256: '{hash}', pluginName: '', imagePullSecret: ''}}"), &[]),
        ("{url: a, sha256: foo}", &["error spec.sha256: must be 64 characters long"]),
        (
            &format!("{{url: a, sha256: '{}'}}", hash.replace('0', "G")),
            &["error spec.sha256: must match [a-f0-9]{64}"],
        ),
        (
            &format!("{{url: a, imagePullSecret: {long}, pluginName: {long}}}"),
            &["error spec.imagePullSecret: 253", "error spec.pluginName: 256"],
        ),
    ]);
}

#[test]
fn variables_are_named_once_and_come_from_one_place() {
    check::<WasmPlugin>(&[
        (
            "{url: a, vmConfig: {env: [{name: a, valueFrom: HOST}, {name: b, valueFrom: INLINE, value: c}, {name: c}]}}",
            &[],
        ),
        (
            "{url: a, vmConfig: {env: [{name: a}, {name: a}, {name: ''}, {name: b, valueFrom: HOST, value: c}]}}",
            &[
                "error spec.vmConfig.env[1].name: duplicate env",
                "error spec.vmConfig.env[2].name: invalid",
                "error spec.vmConfig.env[3].value: only be set when valueFrom is INLINE",
            ],
        ),
    ]);
}

#[test]
fn targets_and_ports_exist() {
    check::<WasmPlugin>(&[
        (
            "{url: a, match: [{mode: CLIENT, ports: [{number: 80}]}], phase: AUTHN, priority: 5}",
            &[],
        ),
        (
            "{url: a, match: [{}, {ports: [{}, {number: 65536}]}]}",
            &[
                "error spec.match[1].ports[0].number: port 0 is out of range",
                "error spec.match[1].ports[1].number: port 65536 is out of range",
            ],
        ),
        ("{url: a, selector: {}}", &["warning spec.selector: without labels"]),
        (
            "{url: a, selector: {matchLabels: {a: b}}, targetRef: {kind: Gateway, group: x, name: b}}",
            &["error spec.targetRef: selector is set too", "error spec.targetRef.kind: x/Gateway"],
        ),
    ]);
}
