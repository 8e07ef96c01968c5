use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::model::Protocol;
use crate::translate::fixture::{World, endpoint, service, workload};

/// A list as it comes out, and as it would without a memory.
struct Twice {
    lists: Lists<()>,
    /// How often a service was looked at.
    looked: usize,
    before: Option<Arc<[Arc<Service>]>>,
}

impl Twice {
    fn new() -> Twice {
        Twice { lists: Lists::default(), looked: 0, before: None }
    }

    /// The names and bodies of the list, which must be those of one made anew.
    fn get(&mut self, snapshot: &Snapshot) -> Arc<Built> {
        let hosts = Hosts::new(&snapshot.services);
        let rules = Arc::default();
        let before = self.before.take();
        let services = &snapshot.services;
        let inputs =
            Inputs { snapshot, services, hosts: &hosts, rules: &rules, before: before.as_ref() };
        // Rules are compared by pointer, so one list of them has to last.
        let looked = &mut self.looked;
        let got = self.lists.get(Inputs { rules: rules_of_all(), ..inputs }, (), |service| {
            *looked += 1;
            part(snapshot, service)
        });
        let want = Lists::default().get(inputs, (), |service| part(snapshot, service));
        let tell = |built: &Built| -> Vec<(String, Bytes)> {
            built.resources.iter().map(|r| (r.name.to_string(), r.body.clone())).collect()
        };
        assert_eq!(tell(&got), tell(&want));
        assert_eq!(got.diagnostics, want.diagnostics);
        self.before = Some(snapshot.services.clone());
        got
    }
}

fn rules_of_all() -> &'static Arc<ServiceRules> {
    static RULES: std::sync::OnceLock<Arc<ServiceRules>> = std::sync::OnceLock::new();
    RULES.get_or_init(Arc::default)
}

/// A resource for each port, with the number of endpoints and the object's name in it.
fn part(snapshot: &Snapshot, service: &Arc<Service>) -> Built {
    let endpoints = snapshot.endpoints(&service.key);
    let resources = service.ports.iter().map(|port| {
        let count = endpoints.and_then(|e| e.by_port.get(&port.name)).map_or(0, |list| list.len());
        let body = format!("{count} {}", service.origin.namespace);
        let name = format!("{}:{}", service.key.hostname, port.number);
        Arc::new(Resource::new(name.into(), Bytes::from(body), []))
    });
    Built { resources: resources.collect(), diagnostics: Vec::new() }
}

fn world(count: usize) -> World {
    let mut world = World::default();
    for n in 0..count {
        // Names whose order is not that of age.
        let name = format!("s{}.ns-{}", n * 7 % 100, n % 3);
        let service = service(&name, &[("http", 80, Protocol::Http), ("tcp", 90, Protocol::Tcp)]);
        world.apply(service.clone());
        serve(&mut world, &service, 1);
    }
    world
}

fn serve(world: &mut World, service: &Service, count: u8) {
    let pod = Arc::new(workload("pod-1.ns-0", "r/z", "node"));
    let all = (0..count).map(|n| endpoint(&format!("10.0.0.{n}"), 80, &pod));
    world.serve(service, all.collect());
}

#[test]
fn a_change_looks_at_what_it_touches() {
    let mut world = world(60);
    let mut list = Twice::new();
    let first = list.get(&world.snapshot());
    assert_eq!(list.looked, 60);
    assert!(Arc::ptr_eq(&first, &list.get(&world.snapshot())), "nothing changed");

    let web = (*world.services[20]).clone();
    serve(&mut world, &web, 2);
    let second = list.get(&world.snapshot());
    assert_eq!(list.looked, 61);
    let same = |a: &Arc<Built>, b: &Arc<Built>| {
        let known: BTreeMap<_, _> = a.resources.iter().map(|r| (r.name.clone(), r)).collect();
        b.resources.iter().filter(|r| known.get(&r.name).is_some_and(|k| Arc::ptr_eq(k, r))).count()
    };
    assert_eq!(same(&first, &second), 118);

    let mut changed = web.clone();
    changed.ports.remove(0);
    world.apply(changed);
    let third = list.get(&world.snapshot());
    assert_eq!(list.looked, 62);
    assert_eq!((third.resources.len(), same(&second, &third)), (119, 118));

    world.services.retain(|s| s.key != web.key);
    list.get(&world.snapshot());
    world.apply(web);
    list.get(&world.snapshot());
    assert_eq!(list.looked, 63);
}

#[test]
fn a_list_that_comes_out_as_before_is_the_same() {
    let mut world = world(8);
    let mut lists = Lists::default();
    let resource = Arc::new(Resource::new("a".into(), Bytes::new(), []));
    let mut get = |snapshot: &Snapshot| {
        let hosts = Hosts::new(&snapshot.services);
        let services = &snapshot.services;
        // Only the endpoints change here, but these lists are made anew with each snapshot.
        static SERVICES: std::sync::OnceLock<Arc<[Arc<Service>]>> = std::sync::OnceLock::new();
        let services = SERVICES.get_or_init(|| services.clone());
        let inputs =
            Inputs { snapshot, services, hosts: &hosts, rules: rules_of_all(), before: None };
        lists.get(inputs, (), |_| Built { resources: vec![resource.clone()], ..Built::default() })
    };
    let before = get(&world.snapshot());
    let web = (*world.services[2]).clone();
    serve(&mut world, &web, 3);
    assert!(Arc::ptr_eq(&before, &get(&world.snapshot())));
}

#[test]
fn names_that_two_services_claim_stay_with_the_first() {
    let mut world = world(20);
    let mut other = (*world.services[3]).clone();
    other.key.namespace = "other".into();
    other.origin.namespace = "other".into();
    let mut list = Twice::new();
    list.get(&world.snapshot());
    // A service of the same host comes, changes its endpoints and goes.
    world.apply(other.clone());
    list.get(&world.snapshot());
    serve(&mut world, &other, 2);
    list.get(&world.snapshot());
    world.services.retain(|s| s.key != other.key);
    list.get(&world.snapshot());
    let last = list.get(&world.snapshot());
    assert!(last.resources.is_sorted_by(|a, b| a.name < b.name));
}

#[test]
fn a_list_is_forgotten_when_nobody_asks() {
    let mut world = world(3);
    let mut list = Twice::new();
    let held = Arc::downgrade(&list.get(&world.snapshot()));
    list.lists.sweep();
    assert!(held.upgrade().is_some());
    list.lists.sweep();
    assert!(held.upgrade().is_none());
}
