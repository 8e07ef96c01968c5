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
        let mtls = if chain.mtls { " mtls" } else { "" };
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
fn a_port_may_have_a_mode_of_its_own() {
    let modes = Modes { workload: Mode::Strict, ports: BTreeMap::from([(8080, Mode::Disable)]) };
    assert_eq!((modes.of_port(8080), modes.of_port(8081)), (Mode::Disable, Mode::Strict));
    assert_eq!(Modes::default().of_port(1), Mode::Permissive);
}
