use super::*;

const PLAIN: &[&str] = &["http/1.1", "h2c"];

/// `TRANSPORT[ALPN…] [mtls] http|tcp` of each chain.
fn lines(mode: Mode, speech: Speech) -> Vec<String> {
    let line = |chain: &Chain| {
        let alpn = match chain.alpn {
            [] => String::new(),
            alpn if alpn == MTLS => "[any mTLS]".into(),
            alpn => format!("{alpn:?}"),
        };
        let mtls = if chain.ends_tls { " mtls" } else { "" };
        let reading = if chain.http { "http" } else { "tcp" };
        format!("{}{alpn}{mtls} {reading}", chain.transport.name())
    };
    chains(mode, speech, PLAIN).iter().map(line).collect()
}

#[test]
fn the_chains_of_a_port() {
    let check = |mode: Mode, speech: Speech, want: &[&str]| {
        assert_eq!(lines(mode, speech), want, "{mode:?} {speech:?}");
    };
    let mtls_http = r#"tls["istio-http/1.0", "istio-http/1.1", "istio-h2"] mtls http"#;
    let mtls_tcp = r#"tls["istio-peer-exchange", "istio"] mtls tcp"#;
    let plain_http = r#"raw_buffer["http/1.1", "h2c"] http"#;

    check(Mode::Disable, Speech::Http, &["raw_buffer http"]);
    check(Mode::Disable, Speech::Tcp, &["raw_buffer tcp"]);
    check(Mode::Disable, Speech::Auto, &[plain_http, "raw_buffer tcp"]);

    check(Mode::Permissive, Speech::Http, &["tls[any mTLS] mtls http", "raw_buffer http"]);
    check(Mode::Permissive, Speech::Tcp, &["tls[any mTLS] mtls tcp", "tls tcp", "raw_buffer tcp"]);
    check(
        Mode::Permissive,
        Speech::Auto,
        &[mtls_http, plain_http, mtls_tcp, "raw_buffer tcp", "tls tcp"],
    );

    check(Mode::Strict, Speech::Http, &["tls mtls http"]);
    check(Mode::Strict, Speech::Tcp, &["tls mtls tcp"]);
    check(Mode::Strict, Speech::Auto, &[mtls_http, "tls mtls tcp"]);
}

#[test]
fn what_is_looked_at_follows_from_the_chains() {
    let needs = |mode, speech| {
        let needs = Needs::of(&chains(mode, speech, PLAIN));
        (needs.tls, needs.http)
    };
    assert_eq!(needs(Mode::Permissive, Speech::Auto), (true, true));
    assert_eq!(needs(Mode::Permissive, Speech::Http), (true, false));
    assert_eq!(needs(Mode::Strict, Speech::Auto), (true, false));
    assert_eq!(needs(Mode::Disable, Speech::Auto), (false, true));
    assert_eq!(needs(Mode::Disable, Speech::Tcp), (false, false));
    let own = Needs::of(&own_tls(Speech::Http));
    assert_eq!((own.tls, own.http), (true, false));
}
