//! The conversations that were recorded from istiod, and what the specification adds.

use super::super::*;
use super::client::Client;
use crate::serve::fixture::{Ask, Items, resource, view};

use ResourceType::{Cluster, Endpoint, Extension, Listener, NameTable, Route};

const WORLD: &[Items<'_>] = &[
    (Cluster, &[("a", "1"), ("b", "1")]),
    (Endpoint, &[("a", "1"), ("b", "1")]),
    (Listener, &[("l", "1"), ("m", "1")]),
    (Route, &[("80", "1")]),
    (NameTable, &[("NameTable", "1")]),
];

struct Case {
    client: Client,
    last: String,
}

fn case(protocol: Protocol) -> Case {
    Case { client: Client::new(protocol, view(WORLD)), last: String::new() }
}

impl Case {
    /// Sends a request, in which the nonce `last` is that of the newest response. Checks the names of what is
    /// answered; None stands for no answer.
    fn ask(&mut self, kind: ResourceType, ask: &Ask<'_>, want: Option<&[&str]>) -> &mut Self {
        self.ask_and_remove(kind, ask, want.map(|names| (names, &[][..])))
    }

    fn ask_and_remove(
        &mut self,
        kind: ResourceType,
        ask: &Ask<'_>,
        want: Option<(&[&str], &[&str])>,
    ) -> &mut Self {
        let last = self.last.clone();
        let nonce = if ask.nonce == "last" { &last } else { ask.nonce };
        self.client.send(kind, &Ask { nonce, ..ask.clone() });
        let told = self.client.take_all();
        let got: Vec<(Vec<&str>, Vec<&str>)> = told
            .iter()
            .map(|told| {
                let names = told.resources.iter().map(|(name, _)| name.as_str()).collect();
                (names, told.removed.iter().map(String::as_str).collect())
            })
            .collect();
        let want: Vec<_> =
            want.iter().map(|(names, gone)| (names.to_vec(), gone.to_vec())).collect();
        assert_eq!(got, want, "{kind:?} {ask:?}");
        if !told.is_empty() {
            self.last = format!("{:x}", self.client.stream.nonce);
        }
        self
    }
}

const NOTHING: Ask<'_> =
    Ask { url: "", names: &[], unsubscribe: &[], initial: &[], nonce: "", error: None, node: &[] };
const ACK: Ask<'_> = Ask { nonce: "last", ..NOTHING };
const STALE: Ask<'_> = Ask { nonce: "stale", ..NOTHING };

fn names<'a>(names: &'a [&'a str]) -> Ask<'a> {
    Ask { names, ..NOTHING }
}

fn ack<'a>(names: &'a [&'a str]) -> Ask<'a> {
    Ask { names, ..ACK }
}

#[test]
fn sotw_as_recorded() {
    let sotw = || case(Protocol::Sotw);
    let all = Some(&["a", "b"][..]);
    sotw().ask(Cluster, &NOTHING, all).ask(Cluster, &ACK, None);
    sotw().ask(Cluster, &NOTHING, all).ask(Cluster, &Ask { error: Some("no"), ..ACK }, None);
    sotw().ask(Cluster, &NOTHING, all).ask(Cluster, &STALE, None).ask(Cluster, &ACK, None);
    sotw()
        .ask(Endpoint, &names(&["a"]), Some(&["a"]))
        .ask(Endpoint, &ack(&["a"]), None)
        .ask(Endpoint, &ack(&["a", "b"]), Some(&["b"]))
        .ask(Endpoint, &ack(&["b"]), None)
        .ask(Endpoint, &ack(&["b", "nobody"]), Some(&["nobody"]));
    sotw().ask(Endpoint, &NOTHING, None);
    sotw().ask(Route, &names(&["80", "nothing"]), Some(&["80", "nothing"])).ask(
        Route,
        &ack(&["80"]),
        None,
    );
    let listeners = Some(&["l", "m"][..]);
    sotw().ask(Listener, &NOTHING, listeners).ask(Listener, &ACK, None).ask(
        Listener,
        &ack(&["l"]),
        listeners,
    );
    sotw().ask(Cluster, &STALE, all).ask(Endpoint, &Ask { names: &["a"], ..STALE }, Some(&["a"]));
    sotw().ask(Listener, &NOTHING, listeners).ask(Listener, &NOTHING, listeners);
    sotw().ask(Extension, &names(&["x"]), Some(&[])).ask(NameTable, &NOTHING, Some(&["NameTable"]));
    sotw()
        .ask(Endpoint, &names(&["a"]), Some(&["a"]))
        .ask(Cluster, &NOTHING, all)
        .ask(Cluster, &ACK, None);
}

#[test]
fn delta_as_recorded() {
    let delta = || case(Protocol::Delta);
    let all = Some(&["a", "b"][..]);
    delta().ask(Cluster, &NOTHING, all).ask(Cluster, &ACK, None);
    delta().ask(Cluster, &names(&["*"]), all).ask(Cluster, &ACK, None);
    delta().ask(Cluster, &names(&["a"]), all).ask(Cluster, &ACK, None);
    delta().ask(Cluster, &NOTHING, all).ask(Cluster, &Ask { error: Some("no"), ..ACK }, None);
    delta().ask(Cluster, &NOTHING, all).ask(Cluster, &STALE, None).ask(Cluster, &ACK, None);
    delta()
        .ask(Endpoint, &names(&["a"]), Some(&["a"]))
        .ask(Endpoint, &ACK, None)
        .ask(Endpoint, &names(&["b"]), Some(&["b"]))
        .ask(Endpoint, &ACK, None)
        .ask(Endpoint, &Ask { unsubscribe: &["a"], ..NOTHING }, None)
        .ask(Endpoint, &names(&["a"]), Some(&["a"]))
        .ask(Endpoint, &ACK, None)
        .ask(Endpoint, &names(&["nobody"]), Some(&["nobody"]));
    delta()
        .ask_and_remove(
            Cluster,
            &Ask { initial: &[("a", "x"), ("nobody", "y")], ..NOTHING },
            Some((&["a", "b"], &["nobody"])),
        )
        .ask(Endpoint, &Ask { initial: &[("a", "x")], ..names(&["a"]) }, Some(&["a"]));
    delta().ask(Endpoint, &names(&["a"]), Some(&["a"])).ask(Endpoint, &ack(&["b"]), Some(&["b"]));
    delta().ask(Route, &names(&["80", "nothing"]), Some(&["80", "nothing"])).ask(Route, &ACK, None);
    let listeners = Some(&["l", "m"][..]);
    delta().ask(Listener, &NOTHING, listeners).ask(Listener, &ACK, None).ask(
        Listener,
        &Ask { unsubscribe: &["l"], ..NOTHING },
        listeners,
    );
    delta().ask(Cluster, &names(&["*"]), all).ask(Cluster, &ACK, None).ask(
        Cluster,
        &Ask { unsubscribe: &["*"], ..NOTHING },
        None,
    );
}

#[test]
fn a_name_that_is_asked_for_again_is_answered_again() {
    // istiod does not; the protocol demands it, as a client may have forgotten what it had.
    case(Protocol::Delta)
        .ask(Endpoint, &names(&["a"]), Some(&["a"]))
        .ask(Endpoint, &ACK, None)
        .ask(Endpoint, &names(&["a"]), Some(&["a"]));
}

#[test]
fn unknown_types_are_answered_with_nothing() {
    for protocol in [Protocol::Sotw, Protocol::Delta] {
        let mut stream = case(protocol).client.stream;
        let ask = |url: &str| Ask { url, ..NOTHING }.request(protocol, Cluster);
        let mut answers = |url: &str| {
            stream.receive(&ask(url)).map(|_| {
                let next = stream.next(Instant::now());
                next.map(|r| (r.type_url.as_str().to_owned(), r.pieces.len(), r.version.len()))
            })
        };
        assert_eq!(answers("no.such.Type").unwrap(), Some(("no.such.Type".into(), 0, 1)));
        let secret = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
        assert_eq!(answers(secret).unwrap(), None);
        assert_eq!(answers("istio.io/debug").unwrap(), None);
        let many = (0..20).map(|i| answers(&format!("type.{i}"))).find_map(Result::err).unwrap();
        assert_eq!(many.code(), tonic::Code::ResourceExhausted);
    }
}

#[test]
fn a_client_that_comes_back_is_sent_what_it_lacks() {
    let version = |name| resource(name, "1").version();
    let (a, b) = (version("a"), version("b"));
    case(Protocol::Delta)
        .ask(Cluster, &Ask { initial: &[("a", &a), ("b", &b)], ..names(&["*"]) }, Some(&[]))
        .ask(Endpoint, &Ask { initial: &[("a", &a), ("b", "?")], ..NOTHING }, Some(&["b"]));
    case(Protocol::Delta)
        .ask_and_remove(
            Cluster,
            &Ask { initial: &[("a", &a), ("c", &b)], ..NOTHING },
            Some((&["b"], &["c"])),
        )
        // b is a cluster that warms: it waits for its endpoints, whether they changed or not.
        .ask(Endpoint, &Ask { initial: &[("a", &a), ("b", &b)], ..NOTHING }, Some(&["b"]));
}

#[test]
fn clusters_that_are_answered_bring_their_endpoints_in_delta() {
    let mut case = case(Protocol::Delta);
    case.ask(Endpoint, &names(&["a"]), Some(&["a"])).ask(Endpoint, &ACK, None);
    case.client.send(Cluster, &NOTHING);
    let kinds: Vec<_> = case.client.take_all().iter().map(|told| told.kind).collect();
    assert_eq!(kinds, [Cluster, Endpoint]);
}

#[test]
fn clusters_that_are_answered_let_a_sotw_client_renew_its_endpoints() {
    let mut case = case(Protocol::Sotw);
    case.ask(Cluster, &NOTHING, Some(&["a", "b"])).ask(Cluster, &ACK, None);
    case.ask(Endpoint, &names(&["a"]), Some(&["a"])).ask(Endpoint, &ack(&["a"]), None);
    let nonce = case.last.clone();
    case.ask(Cluster, &NOTHING, Some(&["a", "b"]));
    let again = Ask { nonce: &nonce, ..names(&["a"]) };
    case.ask(Endpoint, &again, Some(&["a"])).ask(Endpoint, &ack(&["a"]), None);
}

#[test]
fn endpoints_that_follow_their_clusters_are_sent_once() {
    let mut client = Client::new(Protocol::Sotw, view(WORLD));
    client.watch(Cluster);
    client.want(Endpoint, &["a"]);
    let kinds: Vec<_> = client.settle().iter().map(|told| told.kind).collect();
    assert_eq!(kinds, [Cluster, Endpoint]);
}

#[test]
fn wildcards_mix_with_names() {
    case(Protocol::Delta)
        .ask_and_remove(Endpoint, &names(&["*", "nobody"]), Some((&["a", "b"], &["nobody"])))
        .ask(Endpoint, &ACK, None)
        .ask(Endpoint, &Ask { unsubscribe: &["*"], ..NOTHING }, None)
        .ask_and_remove(Endpoint, &names(&["*"]), Some((&["a", "b"], &["nobody"])));
    case(Protocol::Sotw).ask(Endpoint, &names(&["*"]), Some(&["a", "b"])).ask(
        Endpoint,
        &ack(&["*"]),
        None,
    );
}

#[test]
fn an_old_nonce_does_not_lose_a_subscription_in_delta() {
    let mut case = case(Protocol::Delta);
    case.ask(Endpoint, &names(&["a"]), Some(&["a"]));
    let old = case.last.clone();
    case.ask(Endpoint, &names(&["b"]), Some(&["b"]));
    case.ask(Endpoint, &Ask { nonce: &old, ..names(&["c"]) }, Some(&["c"]));
}

#[test]
fn refusals_are_remembered_until_the_next_acceptance() {
    let mut case = case(Protocol::Sotw);
    case.ask(Cluster, &NOTHING, Some(&["a", "b"]));
    case.ask(Cluster, &Ask { error: Some("bad cluster"), ..ACK }, None);
    let watch = &case.client.stream.watches()[0];
    assert_eq!(watch.refusal().map(|r| (&*r.message, r.nonce)), Some(("bad cluster", 1)));
    assert_eq!((watch.sent(), watch.accepted()), (1, 0));
    case.client.update(view(&[(Cluster, &[("a", "2")])]));
    assert_eq!(case.client.settle().len(), 1);
    let watch = &case.client.stream.watches()[0];
    assert_eq!((watch.refusal(), watch.sent(), watch.accepted()), (None, 2, 2));
}
