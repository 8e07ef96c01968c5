use std::collections::BTreeSet;
use std::time::Duration;

use super::{Settings, State, automatic_limit, go_bool, variables};
use crate::api::Features;
use crate::api::features::{JwksFetcher, Percent};

fn read(environment: &[(&str, &str)]) -> (Settings, Vec<String>) {
    Settings::read(environment.iter().map(|(name, text)| (name.to_string(), text.to_string())))
}

#[track_caller]
fn check_note(name: &str, value: &str, want: &[&str]) {
    let (_, notes) = read(&[(name, value)]);
    assert_eq!(notes, want, "{name}={value:?}");
}

#[test]
fn an_empty_environment_gives_the_defaults_and_no_word() {
    assert_eq!(read(&[]), (Settings::default(), vec![]));
}

#[test]
fn values_are_read_by_type() {
    let (settings, notes) = read(&[
        ("POD_NAME", "istiod-0"),
        ("PILOT_DEBOUNCE_AFTER", "1m30s"),
        ("PILOT_PUSH_THROTTLE", "7"),
        ("PILOT_MAX_REQUESTS_PER_SECOND", "12.5"),
        ("ENABLE_DEBUG_ON_HTTP", "F"),
        ("HOME", "/root"),
    ]);
    assert_eq!(notes, Vec::<String>::new());
    let want = Settings {
        pod_name: "istiod-0".to_owned(),
        debounce_after: Duration::from_secs(90),
        push_throttle: 7,
        max_requests_per_second: 12.5,
        debug_on_http: false,
        ..Settings::default()
    };
    assert_eq!(settings, want);
}

#[test]
fn a_bad_value_leaves_the_default_and_says_what_is_allowed() {
    for (name, value, want) in [
        ("PILOT_DEBOUNCE_MAX", "10", "a duration such as 100ms, 30s or 1h30m is needed"),
        ("PILOT_DEBOUNCE_MAX", "-1s", "a duration such as 100ms, 30s or 1h30m is needed"),
        ("PILOT_PUSH_THROTTLE", "-1", "a whole number from 0 to 4294967295 is needed"),
        ("PILOT_MAX_REQUESTS_PER_SECOND", "NaN", "a number, 0 or more is needed"),
        ("ENABLE_DEBUG_ON_HTTP", "yes", "true or false is needed"),
        ("PILOT_TRACE_SAMPLING", "101", "a number from 0 to 100 is needed"),
        ("PILOT_TRACE_SAMPLING", "NaN", "a number from 0 to 100 is needed"),
    ] {
        check_note(
            name,
            value,
            &[&format!("{name}={value:?} is ignored and the default holds: {want}")],
        );
        assert_eq!(read(&[(name, value)]).0, Settings::default());
    }
    check_note("PILOT_DEBOUNCE_MAX", "", &[]);
}

#[test]
fn features_are_istiods_unless_a_variable_says_otherwise() {
    assert_eq!(Settings::default().features(), Features::default());
    let (settings, notes) = read(&[("PILOT_TRACE_SAMPLING", "12.5"), ("PILOT_HTTP10", "1")]);
    assert_eq!(notes, Vec::<String>::new());
    let want = Features {
        trace_sampling: Percent::new(12.5).unwrap(),
        http10: true,
        ..Features::default()
    };
    assert_eq!(settings.features(), want);
    let (settings, _) =
        read(&[("PILOT_MX_ADDITIONAL_LABELS", "team, app,,team"), ("PILOT_DRAINING_LABEL", "x")]);
    let features = settings.features();
    assert_eq!(features.exchanged_labels, ["app", "team"]);
    assert_eq!(features.session_labels.draining, "x");
}

#[test]
fn variables_without_effect_say_so() {
    let (_, notes) = read(&[("K_REVISION", "7"), ("K8S_INGRESS_NS", "")]);
    assert_eq!(notes, ["environment variables without an effect yet: K8S_INGRESS_NS, K_REVISION"]);
    check_note(
        "MUTEX_PROFILE_FRACTION",
        "1",
        &["MUTEX_PROFILE_FRACTION has no effect: a knob of the Go implementation"],
    );
}

#[test]
fn misspelt_names_get_a_hint() {
    check_note(
        "PILOT_DEBOUNCE_AFTR",
        "1s",
        &[
            "PILOT_DEBOUNCE_AFTR is not a known variable and has no effect; did you mean PILOT_DEBOUNCE_AFTER?",
        ],
    );
    check_note(
        "ISTIO_GRPC_MAXSTREAMS",
        "1",
        &[
            "ISTIO_GRPC_MAXSTREAMS is not a known variable and has no effect; did you mean ISTIO_GPRC_MAXSTREAMS?",
        ],
    );
    check_note(
        "CITADEL_PLOUGH",
        "1",
        &["CITADEL_PLOUGH is not a known variable and has no effect"],
    );
    check_note("XDS_AUHT", "1", &[]);
}

#[test]
fn service_links_of_kubernetes_are_no_mistakes() {
    for (name, value) in [
        ("ISTIOD_SERVICE_HOST", "10.0.0.1"),
        ("ISTIOD_SERVICE_PORT", "15010"),
        ("ISTIOD_SERVICE_PORT_GRPC_XDS", "15010"),
        ("ISTIOD_PORT", "tcp://10.0.0.1:15010"),
        ("ISTIOD_PORT_15010_TCP", "tcp://10.0.0.1:15010"),
        ("ISTIOD_CANARY_PORT_15010_TCP_ADDR", "10.0.0.1"),
        ("ISTIO_INGRESSGATEWAY_PORT_53_UDP_PROTO", "udp"),
    ] {
        check_note(name, value, &[]);
    }
    for (name, value) in
        [("PILOT_WEB_PORT", "8080"), ("PILOT_PORT_MODE_TCP", "x"), ("ISTIO_SERVICE_PORT_MODE", "x")]
    {
        check_note(name, value, &[&format!("{name} is not a known variable and has no effect")]);
    }
}

#[test]
fn the_table_names_each_variable_once_and_shows_defaults_that_read_back() {
    let table = variables();
    let names: BTreeSet<_> = table.iter().map(|variable| variable.name).collect();
    assert_eq!(names.len(), table.len(), "a variable stands twice in the table");
    for variable in table.iter().filter(|variable| variable.state == State::Effective) {
        let mut settings = Settings::default();
        assert_eq!(settings.set(variable.name, &variable.default), Ok(true), "{}", variable.name);
        assert_eq!(settings, Settings::default(), "{}", variable.name);
    }
}

#[test]
fn truth_is_what_go_takes_for_it() {
    for text in ["1", "t", "T", "true", "TRUE", "True"] {
        assert_eq!(go_bool(text), Some(true), "{text}");
    }
    for text in ["0", "f", "F", "false", "FALSE", "False"] {
        assert_eq!(go_bool(text), Some(false), "{text}");
    }
    for text in ["", "yes", "tRUE", " true", "on"] {
        assert_eq!(go_bool(text), None, "{text}");
    }
}

#[test]
fn automatic_limits_follow_the_cpus_and_are_capped() {
    for (cpus, want) in [(1, 20), (2, 25), (8, 55), (17, 100), (64, 100), (usize::MAX, 100)] {
        assert_eq!(automatic_limit(cpus), want, "{cpus}");
    }
}

#[test]
fn who_fetches_keys() {
    for (text, want) in [
        ("istiod", JwksFetcher::Istiod),
        ("false", JwksFetcher::Istiod),
        ("hybrid", JwksFetcher::Hybrid),
        ("true", JwksFetcher::Hybrid),
        ("envoy", JwksFetcher::Envoy),
    ] {
        let (settings, notes) = read(&[("PILOT_JWT_ENABLE_REMOTE_JWKS", text)]);
        assert_eq!((settings.jwks_fetcher, notes), (want, vec![]), "{text}");
        assert_eq!(settings.features().jwks_fetcher, want);
    }
    check_note(
        "PILOT_JWT_ENABLE_REMOTE_JWKS",
        "both",
        &[
            "PILOT_JWT_ENABLE_REMOTE_JWKS=\"both\" is ignored and the default holds: istiod (or false), hybrid (or true) or envoy is needed",
        ],
    );
}
