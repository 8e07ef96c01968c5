mod compatibility;

use std::ffi::OsString;

use super::unknown::drop_unknown_flags;
use super::{Invocation, definition, parse, usage};
use crate::settings::Settings;

fn words(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

#[test]
fn the_definition_is_sound() {
    definition(&Settings::default()).debug_assert();
}

#[track_caller]
fn check_dropped(line: &str, kept: &str, dropped: &[&str]) {
    let mut definition = definition(&Settings::default());
    definition.build();
    let (left, gone) = drop_unknown_flags(&words(line), &definition);
    assert_eq!(
        (left, gone),
        (words(kept), dropped.iter().map(|d| d.to_string()).collect()),
        "{line}"
    );
}

#[test]
fn unknown_flags_of_discovery_are_dropped_as_pflag_drops_them() {
    check_dropped("istiod discovery --domain x", "istiod discovery --domain=x", &[]);
    check_dropped("istiod discovery --new=1 -n a", "istiod discovery -n=a", &["--new=1"]);
    check_dropped("istiod discovery --new 1 -n a", "istiod discovery -n=a", &["--new 1"]);
    check_dropped("istiod discovery --new --domain x", "istiod discovery --domain=x", &["--new"]);
    check_dropped("istiod discovery --new", "istiod discovery", &["--new"]);
    check_dropped("istiod discovery -x y -z -n a", "istiod discovery -n=a", &["-x y", "-z"]);
    check_dropped("istiod discovery -x=1 -nabc", "istiod discovery -nabc", &["-x=1"]);
    check_dropped("istiod --log=1 discovery --help", "istiod discovery --help", &["--log=1"]);
}

#[test]
fn values_of_known_flags_are_no_flags() {
    check_dropped("istiod discovery --domain --new", "istiod discovery --domain=--new", &[]);
    check_dropped("istiod discovery --profile --new", "istiod discovery --profile", &["--new"]);
    check_dropped("istiod discovery -- --new", "istiod discovery -- --new", &[]);
}

#[test]
fn other_commands_are_strict() {
    check_dropped("istiod version --new", "istiod version --new", &[]);
    check_dropped("istiod request discovery --new", "istiod request discovery --new", &[]);
    for line in
        ["istiod version --new", "istiod nonsense", "istiod completion", "istiod version -o xml"]
    {
        let Err(error) = parse(&words(line), &Settings::default()) else {
            panic!("{line} was taken")
        };
        let said = usage::line(&error);
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
    }
}

#[test]
fn flags_are_listed_as_they_stand() {
    let line = words("istiod discovery --log_target a --log_target b --profile --new=1");
    let Ok(Invocation { flags, dropped, .. }) = parse(&line, &Settings::default()) else {
        panic!("{line:?} was refused")
    };
    assert_eq!(dropped, ["--new=1"]);
    let find = |name: &str| flags.iter().find(|flag| flag.name == name).unwrap();
    assert_eq!((find("log_target").value.as_str(), find("log_target").given), ("a,b", true));
    assert_eq!((find("profile").value.as_str(), find("profile").given), ("true", true));
    assert_eq!((find("domain").value.as_str(), find("domain").given), ("cluster.local", false));
    assert_eq!(
        (find("tls-cipher-suites").value.as_str(), find("tls-cipher-suites").given),
        ("", false)
    );
    assert!(flags.iter().all(|flag| flag.name != "help"));
}
