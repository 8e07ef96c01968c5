use std::io::Read;

use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

use super::format::Format;
use super::scopes::scope_index;
use super::sink::Sinks;
use super::{
    Config, Level, LogLayer, LogScopes, SCOPES, ScopeSelection, Target, parse_levels, parse_scopes,
    unknown_scopes,
};

/// What `events` logs with this configuration; it may change the scopes.
fn logged(json: bool, levels: &str, callers: &str, events: impl FnOnce(&LogScopes)) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let config = Config {
        targets: vec![Target::File(file.path().to_owned())],
        json,
        levels: parse_levels(levels).unwrap(),
        callers: parse_scopes(callers).unwrap(),
        stacks: Vec::new(),
    };
    let scopes = LogScopes::new(&config.levels, &config.callers, &config.stacks);
    let layer = LogLayer {
        scopes: scopes.clone(),
        format: Format::new(config.json, scopes.clone()),
        sinks: Sinks::open(&config.targets).unwrap(),
    };
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || events(&scopes));
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}

/// The lines without their times, which are checked to be RFC 3339 in UTC with microseconds.
fn untimed(log: &str) -> Vec<&str> {
    log.lines()
        .map(|line| {
            let (time, rest) = line.split_once('\t').unwrap();
            assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
            assert_eq!((time.len(), time.ends_with('Z')), (27, true), "{time}");
            rest
        })
        .collect()
}

#[test]
fn text_has_level_scope_message_and_fields() {
    let log = logged(false, "default:info", "", |_| {
        tracing::info!(target: "ads", node = "web-1.shop", count = 3, ok = true, "pushed");
        tracing::error!("no target of its own");
        tracing::warn!(target: "hyper::proto", reason = "two words", "from a dependency");
    });
    assert_eq!(
        untimed(&log),
        [
            "info\tads\tpushed node=web-1.shop count=3 ok=true",
            "error\tdefault\tno target of its own",
            "warn\tdefault\tfrom a dependency reason=\"two words\"",
        ]
    );
}

#[test]
fn json_has_the_same_in_order() {
    let log = logged(true, "default:info", "", |_| {
        tracing::warn!(target: "delta", node = "a\"b", size = 1.5, "refused");
    });
    let parsed: Value = serde_json::from_str(&log).unwrap();
    let time = parsed["time"].as_str().unwrap();
    assert_eq!(
        log,
        format!(
            "{{\"level\":\"warn\",\"time\":\"{time}\",\"scope\":\"delta\",\"msg\":\"refused\",\
             \"node\":\"a\\\"b\",\"size\":1.5}}\n"
        )
    );
}

#[test]
fn an_event_is_one_line_whatever_it_carries() {
    let forged = "x\n2026-01-01T00:00:00Z\tinfo\tads\tforged";
    for json in [false, true] {
        let log = logged(json, "default:info", "", |_| {
            tracing::info!(node = forged, error = %forged, debug = ?forged, "{forged}");
        });
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}

#[test]
fn levels_hold_for_each_scope() {
    let log = logged(false, "all:error,ads:debug,model:none,default:fatal", "", |_| {
        tracing::debug!(target: "ads", "shown");
        tracing::trace!(target: "ads", "traces are not");
        tracing::warn!(target: "delta", "below error");
        tracing::error!(target: "delta", "shown");
        tracing::error!(target: "model", "none shows nothing");
        tracing::error!("fatal hides errors");
    });
    assert_eq!(untimed(&log), ["debug\tads\tshown", "error\tdelta\tshown"]);
}

#[test]
fn dependencies_do_not_debug() {
    let log = logged(false, "all:debug", "", |_| {
        tracing::debug!(target: "h2::frame", "hidden");
        tracing::info!(target: "h2::frame", "shown");
        tracing::debug!("ours");
    });
    assert_eq!(untimed(&log), ["info\tdefault\tshown", "debug\tdefault\tours"]);
}

#[test]
fn what_kubes_client_tells_with_each_try_is_left_to_who_asked() {
    let log = logged(false, "all:debug", "", |_| {
        tracing::warn!(target: "kube_client::client", "eof in poll");
        tracing::error!(target: "kube_client::client::builder", "failed with status 503");
        tracing::warn!(target: "kube_client::client::tls", "failed to reload CA bundle");
    });
    assert_eq!(untimed(&log), ["warn\tdefault\tfailed to reload CA bundle"]);
}

#[test]
fn levels_change_while_running() {
    let log = logged(false, "default:info", "", |scopes| {
        let speak = || tracing::debug!(target: "krt", "the same place in the code");
        speak();
        scopes.set_level("krt".parse().unwrap(), Level::Debug);
        speak();
        scopes.set_level(ScopeSelection::All, Level::Error);
        speak();
        assert!(scopes.list().all(|scope| scope.level == Level::Error));
    });
    assert_eq!(untimed(&log), ["debug\tkrt\tthe same place in the code"]);
}

#[test]
fn callers_are_told_for_the_scopes_that_want_it() {
    let log = logged(false, "default:info", "ads", |scopes| {
        tracing::info!(target: "ads", "with");
        tracing::info!(target: "delta", "without");
        scopes.set_callers("ads".parse().unwrap(), false);
        tracing::info!(target: "ads", "no longer");
    });
    let lines = untimed(&log);
    assert!(lines[0].starts_with("info\tads\tsrc/logging/tests.rs:"), "{}", lines[0]);
    assert!(lines[0].ends_with("\twith"), "{}", lines[0]);
    assert_eq!(lines[1..], ["info\tdelta\twithout", "info\tads\tno longer"]);
}

#[test]
fn scopes_are_found_by_name() {
    assert!(SCOPES.is_sorted(), "they are searched by halves");
    for (index, (scope, _)) in SCOPES.iter().enumerate() {
        assert_eq!(scope_index(scope), index);
        assert_eq!(scope.parse(), Ok(ScopeSelection::One(index)));
    }
    assert_eq!(SCOPES[scope_index("istiod::serve")].0, "default");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let target = Target::File("/nonexistent/log".into());
    let Err(error) = Sinks::open(&[target]) else { panic!("opened") };
    assert!(error.to_string().starts_with("--log_target \"/nonexistent/log\": "), "{error}");
}

#[test]
fn lists_of_levels_are_read_or_refused() {
    let index = |scope| ScopeSelection::One(scope_index(scope));
    for (text, want) in [
        ("", vec![]),
        ("debug", vec![(index("default"), Level::Debug)]),
        (
            "default:info, ads:none,",
            vec![(index("default"), Level::Info), (index("ads"), Level::None)],
        ),
        ("all:fatal", vec![(ScopeSelection::All, Level::Fatal)]),
        (
            "sds:debug,news:info",
            vec![(ScopeSelection::Foreign, Level::Debug), (ScopeSelection::Foreign, Level::Info)],
        ),
    ] {
        assert_eq!(parse_levels(text).as_ref(), Ok(&want), "{text:?}");
    }
    for (text, want) in [
        ("ads:loud", "a level is needed: none, fatal, error, warn, info or debug"),
        ("ads:", "a level is needed"),
    ] {
        let error = parse_levels(text).unwrap_err().to_string();
        assert!(error.starts_with(want), "{text:?}: {error}");
    }
}

#[test]
fn a_scope_that_no_version_of_ours_has_is_told() {
    assert_eq!(unknown_scopes("all:info,debug,ads:none, news:debug,sds:info"), ["news"]);
    assert_eq!(unknown_scopes(""), [""; 0]);
}

#[test]
fn lines_up_to_a_level_have_a_stack_trace() {
    for json in [false, true] {
        let events = |scopes: &LogScopes| {
            scopes.set_stacks("ads".parse().unwrap(), Level::Warn);
            tracing::warn!(target: "ads", "with");
            tracing::info!(target: "ads", "without");
            tracing::error!(target: "delta", "another scope");
        };
        let log = logged(json, "default:info", "", events);
        let with: Vec<&str> = log.split("without").collect();
        assert!(with[0].contains("lines_up_to_a_level_have_a_stack_trace"), "{log}");
        assert!(!with[1].contains("lines_up_to_a_level"), "{log}");
        let lines = if json { Some(3) } else { None };
        assert!(lines.is_none_or(|lines| log.lines().count() == lines), "{log}");
    }
}
