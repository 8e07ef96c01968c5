use super::*;

const START: &str = "2026-01-01T00:00:00Z";

/// So many seconds after the start.
fn at(seconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// An entry with these annotations, each a name and what it says, and these conditions.
fn entry(annotations: &[(&str, String)], conditions: Value) -> DynamicObject {
    let annotations: serde_json::Map<String, Value> =
        annotations.iter().map(|(key, value)| ((*key).to_owned(), value.as_str().into())).collect();
    let metadata = json!({"name": "vm", "annotations": annotations});
    let object = json!({"metadata": metadata, "status": {"conditions": conditions}});
    serde_json::from_value(object).unwrap()
}

fn checked() -> (&'static str, String) {
    (HEALTH_CHECKED, "true".to_owned())
}

fn connection(replica: &str, since: i64) -> Connection {
    Connection { replica: replica.into(), since: at(since) }
}

fn marks(edit: Option<Edit>) -> Option<String> {
    let Edit::Annotations(marks) = edit? else { panic!("annotations") };
    let short = |(key, value): (&str, Option<String>)| {
        let key = key.trim_start_matches("istio.io/");
        value.map_or_else(|| format!("-{key}"), |value| format!("{key}={value}"))
    };
    Some(marks.into_iter().map(short).collect::<Vec<_>>().join(" "))
}

fn told(edit: Option<Edit>) -> Option<Value> {
    let Edit::Status(status) = edit? else { panic!("a status") };
    Some(status["conditions"].clone())
}

#[test]
fn a_connection_is_marked_on_entries_that_ask_for_it() {
    let want = format!("connectedAt={} -disconnectedAt workloadController=a", at(5));
    let own = connection("a", 5);
    for (annotations, registers) in [(&[checked()][..], false), (&[checked()], true), (&[], true)] {
        let entry = entry(annotations, json!([]));
        assert_eq!(marks(own.begins(&entry, registers)), Some(want.clone()));
    }
    assert_eq!(own.begins(&entry(&[], json!([])), false), None);
    let left = entry(&[checked(), (DISCONNECTED, at(4).to_string())], json!([]));
    assert_eq!(marks(own.begins(&left, false)), Some(want));
}

#[test]
fn who_comes_late_marks_nothing() {
    let own = connection("a", 5);
    let begun = |marks: &[(&'static str, String)]| {
        let all: Vec<_> = marks.iter().cloned().chain([checked()]).collect();
        own.begins(&entry(&all, json!([])), false).is_some()
    };
    assert!(!begun(&[(CONNECTED, at(6).to_string()), (REPLICA, "b".into())]), "elsewhere since");
    assert!(!begun(&[(DISCONNECTED, at(6).to_string())]), "it has left since");
    assert!(!begun(&[(CONNECTED, at(5).to_string()), (REPLICA, "a".into())]), "it says so");
    assert!(begun(&[(CONNECTED, at(4).to_string()), (REPLICA, "b".into())]));
}

#[test]
fn an_end_is_marked_where_the_entry_tells_of_this_connection() {
    let own = connection("a", 5);
    let ended = |replica: &str, connected: i64| {
        let marks = [(REPLICA, replica.to_owned()), (CONNECTED, at(connected).to_string())];
        own.ends(&entry(&marks, json!([])), at(9))
    };
    let want = format!("-connectedAt disconnectedAt={}", at(9));
    assert_eq!(marks(ended("a", 5)), Some(want));
    assert_eq!(ended("b", 6), None);
    assert_eq!(ended("a", 6), None, "it came back to the same replica");
}

#[test]
fn health_is_a_condition_beside_others() {
    let other = json!({"type": "Other", "status": "True"});
    let own = connection("a", 5);
    let got = told(own.tells(&entry(&[checked()], json!([other])), at(7), None));
    let healthy = json!({
        "type": "Healthy", "status": "True",
        "lastProbeTime": at(7).to_string(), "lastTransitionTime": at(7).to_string(),
    });
    assert_eq!(got, Some(json!([other, healthy])));
    let before = entry(&[checked()], json!([healthy, other]));
    let got = told(own.tells(&before, at(8), Some("refused"))).unwrap();
    assert_eq!((&got[0]["status"], &got[0]["message"]), (&json!("False"), &json!("refused")));
    assert_eq!(got[1], other);
    assert_eq!(own.tells(&before, at(8), None), None, "it says so");
    assert_eq!(own.tells(&before, at(6), Some("refused")), None, "something newer is known");
    assert_eq!(own.tells(&entry(&[], json!([])), at(7), None), None, "nobody asked");
    let elsewhere = [checked(), (REPLICA, "b".into()), (CONNECTED, at(6).to_string())];
    assert_eq!(own.tells(&entry(&elsewhere, json!([])), at(7), None), None);
}

#[test]
fn a_long_reason_is_cut() {
    let own = connection("a", 5);
    let why = "ä".repeat(1000);
    let got = told(own.tells(&entry(&[checked()], json!([])), at(7), Some(&why))).unwrap();
    assert_eq!(got[0]["message"].as_str().unwrap().len(), MAX_MESSAGE);
}

#[test]
fn the_condition_goes_when_the_proxy_stays_away() {
    let healthy = json!({"type": "Healthy", "status": "True"});
    let other = json!({"type": "Other", "status": "True"});
    let forgotten = |marks: &[(&'static str, String)], now: i64| {
        let all: Vec<_> = marks.iter().cloned().chain([checked()]).collect();
        let entry = entry(&all, json!([healthy, other]));
        let max_age = Some(Duration::from_secs(100));
        told(forgets(&entry, at(now), Duration::from_secs(10), max_age))
    };
    let left = [(DISCONNECTED, at(0).to_string())];
    assert_eq!(forgotten(&left, 9), None);
    assert_eq!(forgotten(&left, 10), Some(json!([other])));
    let back = [(DISCONNECTED, at(0).to_string()), (CONNECTED, at(1).to_string())];
    assert_eq!(forgotten(&back, 99), None);
    assert_eq!(forgotten(&back, 102), Some(json!([other])), "nobody is connected for so long");
    assert_eq!(forgotten(&[], 99), None, "of whose proxy nothing is known");
}

#[test]
fn a_registered_entry_goes_when_its_proxy_stays_away() {
    let goes = |marks: &[(&'static str, String)], now: i64| {
        let all: Vec<_> = marks.iter().cloned().chain([(GROUP, "vms".to_owned())]).collect();
        forgets(&entry(&all, json!([])), at(now), Duration::from_secs(10), None)
            == Some(Edit::Delete)
    };
    let left = [(DISCONNECTED, at(0).to_string())];
    assert!(!goes(&left, 9) && goes(&left, 10));
    let back = [(DISCONNECTED, at(0).to_string()), (CONNECTED, at(1).to_string())];
    assert!(!goes(&back, 1000), "without a limit to connections nobody knows better");
}
