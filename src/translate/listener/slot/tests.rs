use super::*;
use crate::api::Kind;
use crate::translate::listener::chain::{Match, Stream};

fn origin(name: &str) -> ObjectKey {
    ObjectKey::new(Kind::Service, "shop", name)
}

fn chain(name: &str, matches: Match, leads: Leads) -> Chain {
    Chain { matches, leads, config: None, origin: origin(name), others: Vec::new() }
}

fn stream(name: &str, server_names: &[&str]) -> Chain {
    let server_names = server_names.iter().map(|name| (*name).into()).collect();
    let leads = Leads::Stream(Box::new(Stream { stat_prefix: name.into(), ..Stream::default() }));
    chain(name, Match { server_names, ..Match::default() }, leads)
}

/// What a service of this name claims: `http`, `tcp`, `auto`, `mongo`, or `tls` by its own server name. HTTP that
/// is not told from others is `only`.
fn claim(name: &str, kind: &str, route_name: &str) -> Claim {
    let (speech, protocol) = match kind {
        "http" | "only" => (Speech::Http, Protocol::Http),
        "auto" => (Speech::Auto, Protocol::Unsupported),
        "tls" => (Speech::Tcp, Protocol::Tls),
        "mongo" => (Speech::Tcp, Protocol::Mongo),
        _ => (Speech::Tcp, Protocol::Tcp),
    };
    let names: &[&str] = if kind == "tls" { &[name] } else { &[] };
    let streams = (speech != Speech::Http).then(|| stream(name, names));
    let http = speech.may_be_http().then(|| {
        let matches = Match { plain_http: kind != "only", ..Match::default() };
        let http = Http { route_name: route_name.into(), grpc_web: false, forwards: Vec::new() };
        chain(name, matches, Leads::Http(http))
    });
    let chains = streams.into_iter().chain(http).collect();
    Claim { speech, protocol, chains, origin: origin(name) }
}

fn slot() -> Claimed {
    Claimed::new(Place::parse("0.0.0.0").unwrap(), 80, false)
}

/// `http` or whose byte streams, chain by chain.
fn stands(slot: &Slot) -> Vec<&str> {
    let stands = slot.chains.iter().map(|chain| match &chain.leads {
        Leads::Http(_) => "http",
        Leads::Stream(stream) => stream.stat_prefix.as_str(),
    });
    stands.collect()
}

#[test]
fn the_matrix_of_conflicts() {
    // What stands on the slot afterwards, and who lost.
    let check = |older: &str, newer: &str, want: &[&str], loser: &str| {
        let mut slot = slot();
        assert_eq!(slot.claim(claim("old", older, "80")), []);
        let got = slot.claim(claim("new", newer, "80"));
        assert_eq!(stands(slot.slot()), want, "{newer} over {older}");
        let losers: Vec<&str> = got.iter().map(|c| &*c.loser.name).collect();
        let expected: &[&str] = if loser.is_empty() { &[] } else { &[loser] };
        assert_eq!(losers, expected, "{newer} over {older}");
    };
    check("http", "http", &["http"], "");
    check("http", "tcp", &["http", "new"], "");
    check("http", "auto", &["http"], "new");
    check("http", "tls", &["http", "new"], "");

    check("only", "http", &["http"], "");
    check("only", "tcp", &["http"], "new");
    check("only", "auto", &["new", "http"], "old");
    check("only", "mongo", &["http"], "new");

    check("tcp", "http", &["old", "http"], "");
    check("tcp", "tcp", &["old"], "new");
    check("tcp", "auto", &["old", "http"], "new");
    check("tcp", "tls", &["old", "new"], "");
    check("tcp", "mongo", &["old"], "new");

    check("auto", "http", &["old", "http"], "");
    check("auto", "tcp", &["old", "http"], "new");
    check("auto", "auto", &["old", "http"], "new");
    check("auto", "tls", &["old", "http", "new"], "");
    check("auto", "mongo", &["old", "http"], "new");

    check("tls", "http", &["old", "http"], "");
    check("tls", "tcp", &["old", "new"], "");
    check("tls", "tls", &["old", "new"], "");
    check("tls", "mongo", &["old"], "new");

    check("mongo", "http", &["old"], "new");
    check("mongo", "tcp", &["old"], "new");
    check("mongo", "tls", &["old"], "new");
    check("mongo", "auto", &["old"], "new");
    check("mongo", "mongo", &["old"], "new");
}

#[test]
fn one_server_name_means_one_service() {
    let mut slot = slot();
    let named = |name: &str, names: &[&str]| Claim {
        chains: vec![stream(name, names)],
        ..claim(name, "tls", "443")
    };
    assert_eq!(slot.claim(named("old", &["a.example.com", "b.example.com"])), []);
    let lost = |loser: &str| Conflict { winner: origin("old"), loser: origin(loser) };
    assert_eq!(slot.claim(named("same", &["b.example.com", "a.example.com"])), [lost("same")]);
    assert_eq!(slot.claim(named("some", &["b.example.com", "c.example.com"])), [lost("some")]);
    assert_eq!(slot.claim(named("none", &["b.example.com"])), [lost("none")]);
    let names: Vec<&[_]> = slot.slot().chains.iter().map(|c| &*c.matches.server_names).collect();
    assert_eq!(
        names,
        [["a.example.com".into(), "b.example.com".into()].as_slice(), &["c.example.com".into()]]
    );
}

#[test]
fn routes_of_a_listener_of_its_own_are_not_shared() {
    let mut slot = slot();
    assert_eq!(slot.claim(claim("old", "auto", "old:80")), []);
    assert_eq!(slot.claim(claim("new", "auto", "new:80")).len(), 1);
    assert_eq!(slot.slot().http().unwrap().route_name, "old:80");
}

#[test]
fn both_sides_of_a_conflict_are_told() {
    let conflict = Conflict { winner: origin("old"), loser: origin("new") };
    let told = conflict.diagnostics(slot().slot());
    let objects: Vec<_> = told.iter().map(|d| d.object.clone().unwrap()).collect();
    assert_eq!(objects, [origin("new"), origin("old")]);
    assert!(told[0].message.contains("0.0.0.0_80") && told[0].message.contains("shop/old"));
    assert!(told[1].message.contains("shop/new"));
}
