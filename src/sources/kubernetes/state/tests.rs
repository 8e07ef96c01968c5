use serde_json::{Value, json};

use super::{Phase, State};
use crate::api::{Change, Kind, LabelSelector, Object};
use crate::sources::kubernetes::Watched;
use crate::sources::kubernetes::filter::Filter;
use crate::sources::kubernetes::follow::Event;
use crate::sources::kubernetes::received::Received;

const NAMESPACES: usize = 0;
const SERVICES: usize = 1;
const GATEWAYS: usize = 2;

fn state() -> State {
    let kinds = [Kind::Namespace, Kind::Service, Kind::Gateway];
    State::new(kinds.map(Watched::all).to_vec(), Filter::new(""))
}

fn service(name: &str, version: &str, port: i32) -> Received {
    Received(json!({
        "metadata": {"name": name, "namespace": "a", "resourceVersion": version},
        "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": port}]},
    }))
}

fn namespace(name: &str, version: &str, labels: Value) -> Received {
    Received(json!({
        "metadata": {"name": name, "resourceVersion": version, "labels": labels},
    }))
}

fn gateway(version: &str, servers: Value) -> Received {
    Received(json!({
        "metadata": {"name": "g", "namespace": "a", "resourceVersion": version},
        "spec": {"servers": servers},
    }))
}

fn is(state: &mut State, at: usize, received: Received) {
    state.take(at, Event::Is(received));
}

/// `+` and `-` with the names of what came or changed, and what went.
fn changes(state: &mut State) -> String {
    let text = |change: &Change| match change {
        Change::Apply(object) => format!("+{}", object.meta().name),
        Change::Remove(key) => format!("-{}", key.name),
    };
    state.changes().iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_object_is_emitted_when_its_projection_changes() {
    let mut state = state();
    is(&mut state, SERVICES, service("s", "1", 80));
    assert_eq!(changes(&mut state), "+s");
    is(&mut state, SERVICES, service("s", "1", 81));
    assert_eq!(changes(&mut state), "", "the same version is the same object");
    is(&mut state, SERVICES, service("s", "2", 80));
    assert_eq!(changes(&mut state), "", "a new version of which nothing that is read differs");
    is(&mut state, SERVICES, service("s", "3", 81));
    assert_eq!(changes(&mut state), "+s");
    state.take(SERVICES, Event::Gone(service("s", "4", 81)));
    assert_eq!(changes(&mut state), "-s");
    state.take(SERVICES, Event::Gone(service("s", "4", 81)));
    assert_eq!(changes(&mut state), "", "gone is gone");
}

#[test]
fn a_list_replaces_its_collection_when_it_is_complete() {
    let mut state = state();
    for name in ["a", "b"] {
        is(&mut state, SERVICES, service(name, "1", 80));
    }
    is(&mut state, NAMESPACES, namespace("n", "1", json!({})));
    changes(&mut state);
    state.take(SERVICES, Event::Listing);
    is(&mut state, SERVICES, service("b", "1", 80));
    is(&mut state, SERVICES, service("c", "2", 80));
    state.take(SERVICES, Event::Lost("cut off".into()));
    assert_eq!(changes(&mut state), "+c", "half a list removes nothing");
    state.take(SERVICES, Event::Listing);
    is(&mut state, SERVICES, service("b", "1", 80));
    state.take(SERVICES, Event::Listed);
    assert_eq!(changes(&mut state), "-a -c");
}

#[test]
fn objects_of_a_resource_go_when_it_is_neither_served_nor_defined() {
    let mut state = state();
    is(&mut state, SERVICES, service("s", "1", 80));
    state.take(GATEWAYS, Event::Listing);
    is(&mut state, GATEWAYS, gateway("1", json!([])));
    state.take(GATEWAYS, Event::Listed);
    assert_eq!(changes(&mut state), "+s +g");
    state.clear_undefined(GATEWAYS, |_| true);
    state.take(GATEWAYS, Event::Absent);
    state.clear_undefined(GATEWAYS, |_| false);
    state.take(GATEWAYS, Event::Listing);
    state.clear_undefined(GATEWAYS, |_| true);
    assert_eq!(changes(&mut state), "", "served, defined, or about to be told");
    state.take(GATEWAYS, Event::Lost("cut off".into()));
    state.clear_undefined(GATEWAYS, |_| true);
    assert_eq!(changes(&mut state), "-g");
}

#[test]
fn a_deleted_and_recreated_object_is_another() {
    let mut state = state();
    is(&mut state, SERVICES, service("s", "1", 80));
    state.take(SERVICES, Event::Gone(service("s", "2", 80)));
    is(&mut state, SERVICES, service("s", "3", 80));
    assert_eq!(changes(&mut state), "+s -s +s");
}

#[test]
fn what_worked_stays_when_its_next_version_does_not() {
    let mut state = state();
    is(&mut state, SERVICES, service("s", "1", 80));
    state.diagnostics();
    changes(&mut state);
    is(&mut state, SERVICES, service("s", "2", 99999));
    assert_eq!(changes(&mut state), "");
    let told = state.diagnostics().unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].message.ends_with("; what it said before stays in use"), "{}", told[0]);
    assert_eq!(told[0].path, "spec.ports[0].port");
    is(&mut state, SERVICES, service("s", "3", 80));
    assert_eq!(changes(&mut state), "", "it is what it was");
    assert_eq!(state.diagnostics(), Some(Vec::new()));
    assert_eq!(state.diagnostics(), None);
}

#[test]
fn fields_that_only_the_server_knows_are_no_news_but_mistakes_in_istios_kinds_are() {
    let mut state = state();
    let mut newer = service("s", "1", 80);
    newer.0["spec"]["fromTheFuture"] = json!(true);
    is(&mut state, SERVICES, newer);
    is(&mut state, GATEWAYS, gateway("1", json!([{"port": {}, "hosts": ["a"], "typo": 1}])));
    let told = state.diagnostics().unwrap();
    assert!(told.iter().all(|d| d.object.as_ref().unwrap().kind == Kind::Gateway), "{told:?}");
    assert!(told.iter().any(|d| d.path == "spec.servers[0].typo"), "{told:?}");
}

#[test]
fn what_belongs_to_the_mesh_follows_labels_and_selectors() {
    let on: LabelSelector = serde_json::from_value(json!({"matchLabels": {"mesh": "on"}})).unwrap();
    let mut state = state();
    is(&mut state, SERVICES, service("s", "1", 80));
    assert_eq!(changes(&mut state), "+s");
    state.select(std::slice::from_ref(&on));
    assert_eq!(changes(&mut state), "-s", "its namespace is not known yet");
    is(&mut state, NAMESPACES, namespace("a", "1", json!({"mesh": "on"})));
    assert_eq!(changes(&mut state), "+a +s");
    is(&mut state, NAMESPACES, namespace("a", "2", json!({"mesh": "off"})));
    assert_eq!(changes(&mut state), "+a -s");
    is(&mut state, SERVICES, service("s", "2", 81));
    assert_eq!(changes(&mut state), "", "what is not in the mesh may change");
    state.select(&[]);
    let changed = state.changes();
    let [Change::Apply(Object::Service(service))] = changed.as_slice() else {
        panic!("{changed:?}");
    };
    assert_eq!(service.ports[0].port, 81);
}

#[test]
fn any_order_of_events_ends_in_the_same_objects() {
    let on: LabelSelector = serde_json::from_value(json!({"matchLabels": {"mesh": "on"}})).unwrap();
    let events = [
        (NAMESPACES, namespace("a", "1", json!({"mesh": "on"}))),
        (SERVICES, service("s", "2", 80)),
        (SERVICES, service("t", "3", 80)),
        (GATEWAYS, gateway("4", json!([]))),
    ];
    let shown = |order: &[usize]| {
        let mut state = state();
        state.select(std::slice::from_ref(&on));
        for at in order {
            let (at, received) = events[*at].clone();
            is(&mut state, at, received);
        }
        let mut names: Vec<_> = changes(&mut state).split(' ').map(str::to_owned).collect();
        names.sort();
        names
    };
    let mut order = [0, 1, 2, 3];
    let expected = shown(&order);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..24 {
        random.shuffle(&mut order);
        assert_eq!(shown(&order), expected, "{order:?}");
    }
}

#[test]
fn phases_tell_what_is_missing_and_what_is_stale() {
    let mut state = state();
    let phase = |state: &State| {
        let (_, phase, failure) = state.phases().nth(SERVICES).unwrap();
        (phase.clone(), failure.map(str::to_owned))
    };
    assert_eq!(phase(&state), (Phase::Syncing, None));
    state.take(SERVICES, Event::Lost("403".into()));
    assert_eq!(phase(&state), (Phase::Syncing, Some("403".into())));
    for event in [Event::Listing, Event::Listed, Event::Followed] {
        state.take(SERVICES, event);
    }
    assert_eq!(phase(&state), (Phase::Following, None));
    state.take(SERVICES, Event::Lost("down".into()));
    assert_eq!(phase(&state), (Phase::Stale("down".into()), None));
    state.take(SERVICES, Event::Followed);
    assert_eq!(phase(&state), (Phase::Following, None));
    state.take(SERVICES, Event::Absent);
    assert_eq!(phase(&state), (Phase::Absent, None));
}

#[test]
fn a_list_that_knows_objects_otherwise_shows_it() {
    let mut state = state();
    is(&mut state, SERVICES, service("same", "1", 80));
    is(&mut state, SERVICES, service("older", "1", 80));
    is(&mut state, SERVICES, service("gone", "1", 80));
    is(&mut state, NAMESPACES, namespace("n", "1", json!({})));
    let key = |name: &str| crate::api::ObjectKey::new(Kind::Service, "a", name);
    let list = [("same", "1"), ("older", "2"), ("missed", "3")];
    let list = list.map(|(name, version)| (key(name), version.to_owned())).into();
    let differing = state.differing(SERVICES, &list);
    assert_eq!(differing, ["gone", "missed", "older"].map(key).into());
}
