use super::{Allowed, MAX_BYTES, read};

/// A kubeconfig of which the user has these fields.
fn with_user(fields: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
          contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
          clusters: [{{name: c, cluster: {{server: 'https://10.0.0.1', certificate-authority: /ca.pem}}}}], \
          users: [{{name: other, user: {{}}}}, {{name: u, user: {{{fields}}}}}]}}"
    )
}

fn refusal(text: &str, allowed: &str) -> Option<String> {
    read(text.as_bytes(), &Allowed::new(allowed)).err()
}

#[test]
fn what_runs_or_reads_is_refused_unless_allowed() {
    for (fields, option, said) in [
        ("exec: {command: aws}", "exec", "exec is not allowed: it runs a command"),
        ("auth-provider: {name: gcp}", "gcp", "the auth provider gcp is not allowed"),
        ("auth-provider: {name: exec}", "exec", "the auth provider exec is not allowed"),
        ("client-key: /key.pem", "clientKey", "clientKey is not allowed: it names a file"),
        ("client-certificate: /c.pem", "clientCertificate", "clientCertificate is not allowed"),
        ("tokenFile: /token", "tokenFile", "tokenFile is not allowed: it names a file"),
    ] {
        let text = with_user(fields);
        let reason = refusal(&text, "").unwrap();
        assert!(reason.starts_with(said), "{fields}: {reason}");
        let remedy = format!("PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS={option}");
        assert!(reason.ends_with(&remedy), "{fields}: {reason}");
        assert_eq!(refusal(&text, &format!("x, {option} ,")), None, "{fields}");
        assert!(refusal(&text, "x").is_some(), "{fields}");
    }
}

#[test]
fn what_is_embedded_is_taken() {
    for fields in [
        "token: secret",
        "username: u, password: p",
        "client-certificate-data: Yw==, client-key-data: aw==",
        "auth-provider: {name: oidc, config: {id-token: t}}",
        "as: somebody, as-groups: [all]",
        "tokenFile: '', client-key: ''",
    ] {
        assert_eq!(refusal(&with_user(fields), ""), None, "{fields}");
    }
}

#[test]
fn what_is_no_kubeconfig_is_refused_without_quoting_it() {
    assert_eq!(refusal("", "").unwrap(), "it is empty");
    for text in ["users: [{name: n, user: Geheim}]", "users: {Geheim", "Geheim"] {
        let reason = refusal(text, "").unwrap();
        assert!(reason.starts_with("it is no kubeconfig"), "{reason}");
        assert!(!reason.contains("Geheim"), "{reason}");
    }
    assert_eq!(read(b"a: \xff", &Allowed::default()).unwrap_err(), "it is no text in UTF-8");
    let long = format!("{}#{}", with_user(""), " ".repeat(MAX_BYTES));
    assert!(refusal(&long, "").unwrap().contains("bytes"));
}
