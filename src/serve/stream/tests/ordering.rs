use super::super::*;
use super::client::Client;
use crate::serve::fixture::{Items, view};

use ResourceType::{Cluster, Endpoint, Listener, Route};

const BEFORE: &[Items<'_>] = &[
    (Cluster, &[("x", "1"), ("y", "1")]),
    (Endpoint, &[("x", "1"), ("y", "1")]),
    (Listener, &[("l", "x")]),
    (Route, &[("r", "x")]),
];

/// A client that has `BEFORE`.
fn client(protocol: Protocol) -> Client {
    let mut client = Client::new(protocol, view(BEFORE));
    client.watch(Cluster);
    client.want(Endpoint, &["x", "y"]);
    client.watch(Listener);
    client.want(Route, &["r"]);
    client.settle();
    client
}

fn kinds(told: &[super::client::Told]) -> Vec<ResourceType> {
    told.iter().map(|told| told.kind).collect()
}

fn both(check: impl Fn(Protocol)) {
    check(Protocol::Sotw);
    check(Protocol::Delta);
}

#[test]
fn routes_wait_until_clusters_are_acknowledged_and_removals_for_routes() {
    both(|protocol| {
        let mut client = client(protocol);
        client.update(view(&[
            (Cluster, &[("x", "1"), ("z", "1")]),
            (Endpoint, &[("x", "1"), ("z", "1")]),
            (Listener, &[("l", "z")]),
            (Route, &[("r", "z")]),
        ]));
        let told = client.take_all();
        assert_eq!(kinds(&told), [Cluster], "{protocol:?}");
        assert!(client.held[&Cluster].contains_key("y"), "kept while routes may use it");
        client.answer(None);
        client.want(Endpoint, &["x", "y", "z"]);
        assert_eq!(kinds(&client.take_all()), [Endpoint], "{protocol:?}: warming");
        client.answer(None);
        assert_eq!(kinds(&client.take_all()), [Listener, Route], "{protocol:?}");
        client.answer(None);
        assert_eq!(kinds(&client.take_all()), [], "{protocol:?}: the route is not acknowledged");
        client.answer(None);
        assert_eq!(kinds(&client.take_all()), [Cluster], "{protocol:?}: the removal");
        assert!(!client.held[&Cluster].contains_key("y"));
        assert_eq!(client.held[&Endpoint]["y"], "1", "{protocol:?}: until the cluster is gone");
        client.want(Endpoint, &["x", "z"]);
        client.answer(None);
        assert_eq!(client.take_all(), [], "{protocol:?}: the client gave the name up itself");
    });
}

#[test]
fn every_wait_ends() {
    both(|protocol| {
        let mut client = client(protocol);
        client.update(view(&[(Cluster, &[("z", "1")]), (Listener, &[("l", "z")])]));
        assert_eq!(kinds(&client.take_all()), [Cluster]);
        assert_eq!(client.stream.deadline(client.now), Some(client.now + PATIENCE));
        client.wait(PATIENCE);
        let told = kinds(&client.take_all());
        assert!(told.contains(&Listener), "{protocol:?}: {told:?}");
        assert!(!client.held[&Cluster].contains_key("x"), "{protocol:?}");
    });
}

#[test]
fn a_changed_cluster_brings_its_endpoints_again() {
    both(|protocol| {
        let mut client = client(protocol);
        let changed = [(Cluster, &[("x", "2"), ("y", "1")][..])];
        client.update(view(&[&changed[..], &BEFORE[1..]].concat()));
        let told = client.take_all();
        assert_eq!(kinds(&told), [Cluster, Endpoint], "{protocol:?}");
        assert_eq!(told[1].resources, [("x".into(), "1".into())], "{protocol:?}");
    });
}

#[test]
fn only_what_changed_is_sent() {
    both(|protocol| {
        let mut client = client(protocol);
        let changed = [(Endpoint, &[("x", "1"), ("y", "2")][..])];
        client.update(view(&[&BEFORE[..1], &changed[..], &BEFORE[2..]].concat()));
        let told = client.take_all();
        assert_eq!(kinds(&told), [Endpoint], "{protocol:?}");
        assert_eq!(told[0].resources, [("y".into(), "2".into())], "{protocol:?}");
        client.update(view(BEFORE));
        assert_eq!(client.take_all(), [], "{protocol:?}: one response is in flight");
        client.answer(None);
        assert_eq!(kinds(&client.take_all()), [Endpoint], "{protocol:?}");
    });
}

#[test]
fn news_that_were_taken_back_are_never_sent() {
    both(|protocol| {
        let mut client = client(protocol);
        client.update(view(&[(Cluster, &[("q", "1")])]));
        client.update(view(BEFORE));
        assert_eq!(client.take_all(), [], "{protocol:?}");
        assert_eq!(client.stream.deadline(client.now), None);
    });
}

#[test]
fn a_vanished_route_configuration_outlives_its_listener() {
    both(|protocol| {
        let mut client = client(protocol);
        client.update(view(&[BEFORE[0], BEFORE[1], (Listener, &[("l", "-")])]));
        assert_eq!(kinds(&client.take_all()), [Listener], "{protocol:?}");
        assert_eq!(client.held[&Route]["r"], "x");
        client.answer(None);
        client.take_all();
        assert_ne!(client.held[&Route].get("r").map(String::as_str), Some("x"), "{protocol:?}");
    });
}
