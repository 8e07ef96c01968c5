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
