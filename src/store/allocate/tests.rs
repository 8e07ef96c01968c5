use super::*;
use crate::api::Features;
use crate::store::ClusterRef;

fn id(name: &str) -> Id {
    ClusterRef::OWN.id(&"shop".into(), &name.into())
}

fn need(age: i64, hosts: &[(&str, &[&str])], own: &[&str]) -> Need {
    let ips = |list: &[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
    Need {
        created: jiff::Timestamp::from_second(age).ok(),
        hosts: hosts.iter().map(|(host, told)| ((*host).into(), ips(told))).collect(),
        own: ips(own),
    }
}

fn all(needs: &[(&str, Need)], v4: &str) -> BTreeMap<Id, Allocated> {
    let needs = needs.iter().map(|(name, need)| (id(name), need.clone())).collect();
    allocate(&needs, Block::parse(v4).unwrap(), Features::ALLOCATE_V6)
}

fn of<'a>(all: &'a BTreeMap<Id, Allocated>, name: &str) -> &'a [IpAddr] {
    &all[&id(name)][0].1
}

#[test]
fn an_address_of_each_family_follows_from_the_host() {
    let one = all(&[("a", need(1, &[("a.test", &[])], &[]))], "240.240.0.0/16");
    let two = all(
        &[("z", need(9, &[("a.test", &[])], &[])), ("b", need(1, &[("b.test", &[])], &[]))],
        "240.240.0.0/16",
    );
    assert_eq!(of(&one, "a"), of(&two, "z"), "whoever defines the host, and beside whomever");
    assert_ne!(of(&two, "b"), of(&two, "z"));
    let [v4, v6] = of(&one, "a") else { panic!("one of each family") };
    assert!(v4.to_string().starts_with("240.240.") && v6.to_string().starts_with("2001:2:"));
}

#[test]
fn the_older_host_keeps_an_address_that_two_names_lead_to() {
    // Two addresses are usable: with three hosts one is left without.
    let hosts = ["a.test", "b.test", "c.test"];
    let needs = |ages: [i64; 3]| -> Vec<(&str, Need)> {
        hosts.iter().zip(ages).map(|(host, age)| (*host, need(age, &[(host, &[])], &[]))).collect()
    };
    let v4 = |all: &BTreeMap<Id, Allocated>, host| {
        of(all, host).iter().filter(|ip| ip.is_ipv4()).count()
    };
    let first = all(&needs([1, 2, 3]), "10.0.0.0/30");
    assert_eq!(hosts.map(|host| v4(&first, host)), [1, 1, 0]);
    let last = all(&needs([3, 2, 1]), "10.0.0.0/30");
    assert_eq!(hosts.map(|host| v4(&last, host)), [0, 1, 1]);
}

#[test]
fn what_a_status_tells_stays_unless_somebody_else_has_it() {
    let told: &[&str] = &["240.240.0.7"];
    let kept = all(&[("a", need(1, &[("a.test", told)], &[]))], "240.240.0.0/16");
    assert_eq!(of(&kept, "a"), ["240.240.0.7".parse::<IpAddr>().unwrap()]);
    let older = all(
        &[("a", need(2, &[("a.test", told)], &[])), ("b", need(1, &[("b.test", told)], &[]))],
        "240.240.0.0/16",
    );
    assert_eq!(of(&older, "b"), of(&kept, "a"), "the older one keeps it");
    assert_ne!(of(&older, "a"), of(&kept, "a"));
    let users = all(
        &[("a", need(1, &[("a.test", told)], &[])), ("b", need(9, &[], told))],
        "240.240.0.0/16",
    );
    assert_ne!(of(&users, "a"), of(&kept, "a"), "what a user wrote counts first");
}

/// What is written must not make anything move: every replica goes on with what it served before.
#[test]
fn what_was_allocated_stays_when_the_status_tells_it() {
    let needs = |told: Option<&BTreeMap<Id, Allocated>>| {
        let needs =
            [("a", 2, &["x.test", "y.test"][..]), ("b", 1, &["x.test"]), ("c", 3, &["z.test"])];
        needs.map(|(name, age, hosts)| {
            let mut need = need(age, &[], &[]);
            let of = |at: usize| told.map_or_else(Vec::new, |all| all[&id(name)][at].1.clone());
            need.hosts = hosts.iter().enumerate().map(|(at, h)| ((*h).into(), of(at))).collect();
            (name, need)
        })
    };
    // Few addresses, so that names lead to the same ones.
    let first = all(&needs(None), "10.0.0.0/29");
    let again = all(&needs(Some(&first)), "10.0.0.0/29");
    assert_eq!(first, again);
    let mut addresses: Vec<_> = first.values().flatten().flat_map(|(_, ips)| ips).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 8, "each host of each object has its own");
}
