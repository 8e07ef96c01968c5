use super::*;

fn sound() -> ExtAuthz {
    let name = "ask-1".into();
    ExtAuthz { name, service: "ext/ask.ext.svc".into(), port: 9000, ..ExtAuthz::default() }
}

#[track_caller]
fn check(provider: ExtAuthz, want: &[&str]) {
    let flaws = provider.flaws();
    assert_eq!(flaws.len(), want.len(), "{flaws:?}");
    for (flaw, want) in flaws.iter().zip(want) {
        assert!(flaw.contains(want), "{flaw:?} has not {want:?}");
    }
}

#[test]
fn a_sound_provider_has_no_flaws() {
    check(sound(), &[]);
    check(ExtAuthz { status_on_error: "503".into(), ..sound() }, &[]);
}

#[test]
fn every_flaw_is_told() {
    for name in ["", "Upper", "under_score", "a.b", "-x", "x-", &"x".repeat(64)] {
        check(ExtAuthz { name: name.into(), ..sound() }, &["the name"]);
    }
    for service in ["", "*.example.com"] {
        check(ExtAuthz { service: service.into(), ..sound() }, &["service"]);
    }
    for port in [0, 65_536] {
        check(ExtAuthz { port, ..sound() }, &["is no port"]);
    }
    for status in ["teapot", "418", "-1", "600", "4 3"] {
        check(ExtAuthz { status_on_error: status.into(), ..sound() }, &["statusOnError"]);
    }
}

#[test]
fn what_http_is_asked_with_has_flaws_of_its_own() {
    let http = |check: HttpCheck| ExtAuthz { protocol: Protocol::Http(check), ..sound() };
    for path in ["check", "/a%zz", "/a\u{1}"] {
        check(
            http(HttpCheck { path_prefix: path.into(), ..HttpCheck::default() }),
            &["pathPrefix"],
        );
    }
    check(http(HttpCheck { path_prefix: "/check%20it".into(), ..HttpCheck::default() }), &[]);
    let lone = || vec!["x-*".into(), "*".into()];
    check(
        http(HttpCheck {
            request_headers: lone(),
            headers: lone(),
            upstream_on_allow: lone(),
            downstream_on_deny: lone(),
            downstream_on_allow: lone(),
            ..HttpCheck::default()
        }),
        &["includeRequest", "includeHeaders", "OnDeny", "DownstreamOnAllow", "UpstreamOnAllow"],
    );
}
