//! The binary from outside: exit codes, and what goes to which stream.

use std::process::Output;

use assert_cmd::Command;

/// Runs the daemon's binary with an environment of its own.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("istiod").unwrap();
    command.env_clear().args(arguments).output().unwrap()
}

#[track_caller]
fn check(arguments: &[&str], code: i32, stdout: &str, stderr: &str) {
    let output = run(arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let got = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(got, (Some(code), stdout.to_owned(), stderr.to_owned()), "{arguments:?}");
}

#[test]
fn versions_are_printed() {
    check(&["version", "--short"], 0, "1.30.3\n", "");
    let json = run(&["version", "-o", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["clientVersion"]["version"], "1.30.3");
    let yaml = run(&["version", "-o", "yaml"]).stdout;
    let yaml: serde_json::Value = serde_yaml::from_slice(&yaml).unwrap();
    assert_eq!(json, yaml);
}

#[test]
fn what_is_not_understood_is_one_line_and_exit_code_2() {
    check(
        &["discovery", "--profile=maybe"],
        2,
        "",
        "istiod: --profile \"maybe\": true or false is needed\n",
    );
    check(
        &["discovery", "extra"],
        2,
        "",
        "istiod: unexpected argument 'extra' found (istiod --help lists commands and flags)\n",
    );
    check(
        &["discovery", "--log_target", "/nonexistent/log"],
        2,
        "",
        "istiod: --log_target \"/nonexistent/log\": a file that can be written is needed: \
         No such file or directory (os error 2)\n",
    );
}

#[test]
fn a_request_without_an_answer_fails() {
    let output = run(&["request", "GET", "a b"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

fn shop() -> String {
    format!("--configDir={}/samples/shop", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_pod_gets_a_bootstrap() {
    let arguments =
        ["bootstrap", "--proxy", "web", &shop(), "--address", "istiod:15010", "--delta"];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    assert_eq!(output.stdout, run(&arguments).stdout, "the same input gives the same bytes");
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = "sidecar~10.60.1.10~web-6f9c4d8b7d-x2k4p.shop~shop.svc.cluster.local";
    assert_eq!(made["node"]["id"], id);
    assert_eq!(made["node"]["locality"]["zone"], "eu-1a");
    let config = &made["node"]["metadata"]["PROXY_CONFIG"];
    assert_eq!(config["discoveryAddress"], "istiod.istio-system.svc:15012");
    assert_eq!(made["dynamic_resources"]["ads_config"]["api_type"], "DELTA_GRPC");
}

#[test]
fn a_node_of_a_file_gets_a_bootstrap() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(path, "id: router~10.0.0.1~edge.shop~shop.svc.cluster.local\n").unwrap();
    let output = run(&["bootstrap", "--node", path]);
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made["node"]["id"], "router~10.0.0.1~edge.shop~shop.svc.cluster.local");
    std::fs::write(path, "metadata: {}\n").unwrap();
    let want = format!("istiod: --node {path}: a node with an id is needed\n");
    check(&["bootstrap", "--node", path], 1, "", &want);
}

#[test]
fn a_bootstrap_needs_a_pod_and_its_objects() {
    check(&["bootstrap", "--proxy", "web"], 2, "", "istiod: missing: --configDir <DIR>\n");
    check(
        &["bootstrap", "--proxy", "web", &shop(), "--sds", "nowhere"],
        2,
        "",
        "istiod: --sds \"nowhere\": HOST:PORT or unix:PATH is needed\n",
    );
    let output = run(&["bootstrap", "--proxy", "nobody", &shop()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cart-7b5d9c6f4c-m8wzt.shop"));
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completion", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("keepaliveMaxServerConnectionAge"), "{shell}");
    }
}

#[test]
fn help_is_no_error() {
    for arguments in [&[][..], &["--help"], &["discovery", "--help"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stdout.len() > 100 && output.stderr.is_empty(), "{arguments:?}");
    }
}
