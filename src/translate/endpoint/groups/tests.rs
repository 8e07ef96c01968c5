use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::translate::fixture::{endpoint, workload};

/// An endpoint at a locality with labels `key=value`; its address ends in `number`.
fn at(number: u8, locality: &str, labels: &str) -> Endpoint {
    let mut pod = workload(&format!("web-{number}.default"), "", "node-1");
    pod.locality = Locality::parse(locality);
    let pairs = labels.split_whitespace().filter_map(|word| word.split_once('='));
    pod.all_labels = pairs.map(|(key, value)| (key.into(), value.into())).collect();
    endpoint(&format!("10.1.0.{number}"), 8080, &Arc::new(pod))
}

fn members(endpoints: &[Endpoint]) -> impl Iterator<Item = Member<'_>> {
    endpoints.iter().map(|endpoint| Member {
        target: Target::Endpoint(endpoint, Health::Healthy),
        weight: endpoint.weight,
        mtls: true,
    })
}

/// `region/zone: addresses, priority, weight` of each group.
fn told(groups: &[Group<'_>]) -> Vec<String> {
    let one = |group: &Group<'_>| {
        let names = group.members.iter().map(|member| match member.target {
            Target::Endpoint(endpoint, _) => {
                endpoint.address.to_string().rsplit('.').next().unwrap_or_default().to_owned()
            }
            Target::Gateway { gateway, .. } => gateway.address.to_string(),
        });
        let names: Vec<String> = names.collect();
        let Locality { region, zone, .. } = group.locality;
        let weight = group.weight.map_or_else(|| "-".into(), |weight| weight.to_string());
        format!("{region}/{zone}: {} p{} w{weight}", names.join(","), group.priority)
    };
    groups.iter().map(one).collect()
}

#[test]
fn failover_by_locality() {
    let ranks = |from: &str, to: Option<&str>, others: &[&str], want: &[u32]| {
        let failover = Failover { from: Locality::parse(from), to: to.map(Into::into) };
        let got: Vec<u32> =
            others.iter().map(|other| rank(&failover, &Locality::parse(other))).collect();
        assert_eq!(got, want, "{from} {to:?} {others:?}");
    };
    let others = ["r1/z1/s1", "r1/z1/s2", "r1/z2/s1", "r2/z1/s1", "r3/z1/s1", ""];
    ranks("r1/z1/s1", None, &others, &[0, 1, 2, 3, 3, 3]);
    ranks("r1/z1/s1", Some("r2"), &others, &[0, 1, 2, 3, 4, 4]);
    // A client without a subzone is at home in those that have none.
    ranks("r1/z1", None, &["r1/z1", "r1/z1/s1", "r1"], &[0, 1, 2]);
    ranks("", None, &["", "r1/z1"], &[0, 3]);

    let endpoints = [at(1, "r1/z2", ""), at(2, "r2/z9", ""), at(3, "r3/z1", "")];
    let failover = |to: Option<&str>| Balancing::Priorities {
        labels: Vec::new(),
        failover: Some(Failover { from: Locality::parse("r1/z1"), to: to.map(Into::into) }),
    };
    let balanced = |how: &Balancing| told(&balance(by_locality(members(&endpoints)), how));
    let none = ["r1/z2: 1 p0 w1", "r2/z9: 2 p1 w1", "r3/z1: 3 p1 w1"];
    assert_eq!(balanced(&failover(None)), none);
    let some = ["r1/z2: 1 p0 w1", "r2/z9: 2 p2 w1", "r3/z1: 3 p1 w1"];
    assert_eq!(balanced(&failover(Some("r3"))), some);
    assert_eq!(balanced(&Balancing::Even)[2], "r3/z1: 3 p0 w1");
}

#[test]
fn failover_by_labels() {
    let endpoints = [
        at(1, "r1/z1", "app=web version=v1"),
        at(2, "r1/z1", "app=web version=v2"),
        at(3, "r1/z1", "app=db version=v1"),
        at(4, "r2/z1", "app=web version=v1"),
        at(5, "r2/z1", ""),
    ];
    let check = |labels: &[(&str, &str)], failover: Option<&str>, want: &[&str]| {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let from = Locality::parse("r1/z1");
        let failover = failover.map(|to| Failover { from, to: Some(to.into()) });
        let how = Balancing::Priorities { labels, failover };
        assert_eq!(told(&balance(by_locality(members(&endpoints)), &how)), want);
    };
    // Only leading labels count: 3 has the version, but another app.
    check(
        &[("app", "web"), ("version", "v1")],
        None,
        &["r1/z1: 1 p0 w1", "r1/z1: 2 p1 w1", "r1/z1: 3 p2 w1", "r2/z1: 4 p0 w1", "r2/z1: 5 p2 w1"],
    );
    check(
        &[("app", "web")],
        Some("r2"),
        &["r1/z1: 1,2 p0 w2", "r1/z1: 3 p2 w1", "r2/z1: 4 p1 w1", "r2/z1: 5 p3 w1"],
    );
    check(&[("app", "nobody")], None, &["r1/z1: 1,2,3 p0 w3", "r2/z1: 4,5 p0 w2"]);
    check(&[("missing", "")], None, &["r1/z1: 1,2,3 p0 w3", "r2/z1: 4,5 p0 w2"]);
}

#[test]
fn shares_of_localities() {
    let mut heavy = at(4, "r1/z2", "");
    heavy.weight = 3;
    let endpoints = [at(1, "r1/z1", ""), at(2, "r1/z1", ""), heavy, at(3, "r2/z1", "")];
    let check = |shares: &[(&str, u32)], want: &[&str]| {
        let shares = shares.iter().map(|(pattern, share)| ((*pattern).into(), *share)).collect();
        let how = Balancing::Shares(shares);
        assert_eq!(told(&balance(by_locality(members(&endpoints)), &how)), want);
    };
    check(
        &[("r1/z1", 70), ("r1/z2", 20), ("r2/z1", 10)],
        &["r1/z1: 1,2 p0 w70", "r1/z2: 4 p0 w20", "r2/z1: 3 p0 w10"],
    );
    // Two localities of one pattern divide its share by their weights, 2 and 3, rounded up.
    check(&[("r1/*", 99), ("r2", 1)], &["r1/z1: 1,2 p0 w40", "r1/z2: 4 p0 w60", "r2/z1: 3 p0 w1"]);
    // Who matches nothing loses the endpoints and keeps the weight.
    check(&[("r2/*", 100)], &["r1/z1:  p0 w2", "r1/z2:  p0 w3", "r2/z1: 3 p0 w100"]);
    check(&[("r9", 100)], &["r1/z1:  p0 w2", "r1/z2:  p0 w3", "r2/z1:  p0 w1"]);
    check(&[("*", 100)], &["r1/z1: 1,2 p0 w34", "r1/z2: 4 p0 w50", "r2/z1: 3 p0 w17"]);
}

#[test]
fn localities_are_told_apart_by_their_words() {
    let nobody = Endpoint { workload: None, ..at(9, "", "") };
    let endpoints = [at(1, "r1/z1/", ""), at(2, "r1/z1", ""), at(3, "r1/z1/s1", ""), nobody];
    let want = ["/: 9 p0 w1", "r1/z1: 2 p0 w1", "r1/z1: 1 p0 w1", "r1/z1: 3 p0 w1"];
    assert_eq!(told(&by_locality(members(&endpoints))), want);
}

fn balancings() -> impl Strategy<Value = Balancing> {
    let localities = || prop::sample::select(vec!["", "r1", "r1/z1", "r1/z2/s1", "r2/z1"]);
    let labels = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..4);
    let labels = labels.prop_map(|keys| {
        keys.into_iter().map(|key| (Str::from(key), Str::from("1"))).collect::<Vec<_>>()
    });
    let failover = (localities(), prop::option::of(prop::sample::select(vec!["r1", "r2"])));
    let failover =
        prop::option::of(failover.prop_map(|(from, to)| Failover {
            from: Locality::parse(from),
            to: to.map(Into::into),
        }));
    (labels, failover).prop_map(|(labels, failover)| Balancing::Priorities { labels, failover })
}

fn endpoints() -> impl Strategy<Value = Vec<Endpoint>> {
    let localities = prop::sample::select(vec!["", "r1", "r1/z1", "r1/z2", "r1/z2/s1", "r2/z1"]);
    let labels = prop::sample::select(vec!["", "a=1", "a=1 b=1", "b=1", "a=1 b=1 c=1", "a=2 c=1"]);
    let places = prop::collection::vec((localities, labels), 0..12);
    places.prop_map(|places| {
        (1..).zip(places).map(|(n, (locality, labels))| at(n, locality, labels)).collect()
    })
}

proptest! {
    /// Envoy takes priorities without gaps only, and no endpoint may be lost or come twice.
    #[test]
    fn priorities_have_no_gaps_and_every_endpoint_appears_once(
        endpoints in endpoints(),
        how in balancings(),
    ) {
        let groups = balance(by_locality(members(&endpoints)), &how);
        let priorities: BTreeSet<u32> = groups.iter().map(|group| group.priority).collect();
        let count = u32::try_from(priorities.len()).unwrap();
        prop_assert_eq!(priorities, (0..count).collect::<BTreeSet<u32>>());
        let mut got: Vec<String> = groups
            .iter()
            .flat_map(|group| &group.members)
            .map(|member| match member.target {
                Target::Endpoint(endpoint, _) => endpoint.address.to_string(),
                Target::Gateway { .. } => String::new(),
            })
            .collect();
        got.sort();
        let mut want: Vec<String> = endpoints.iter().map(|e| e.address.to_string()).collect();
        want.sort();
        prop_assert_eq!(got, want);
        let weights: u32 = groups.iter().filter_map(|group| group.weight).sum();
        prop_assert_eq!(weights as usize, endpoints.len());
    }
}
