use prost::Message as _;

use super::*;
use crate::model::Workload;
use crate::snapshot::Snapshot;
use crate::translate::Scope;
use crate::translate::fixture::plain::{
    context, endpoint, scope, service, snapshot, with_endpoints,
};

fn build_table(snapshot: &Snapshot, scope: &Scope) -> BTreeMap<String, NameInfo> {
    let built = build(&context(snapshot, scope), &mut Memos::default());
    assert_eq!(built.resources.len(), 1);
    NameTable::decode(built.resources[0].body.clone()).unwrap().table
}

/// `HOST IP[,IP…]` of each entry.
fn lines(table: &BTreeMap<String, NameInfo>) -> Vec<String> {
    table.iter().map(|(host, info)| format!("{host} {}", info.ips.join(","))).collect()
}

#[test]
fn services_are_found_by_their_addresses() {
    let mut alias = service(1, "partner.shop", &[], &[("https", 443)]);
    alias.resolution = Resolution::Alias;
    let world = snapshot([
        service(2, "web.shop", &["10.96.0.1", "fd00::1"], &[("http", 80)]),
        service(3, "dns.kube", &["10.96.0.2"], &[("udp-dns", 53)]),
        service(4, "pending.shop", &[], &[("http", 80)]),
        alias,
    ]);
    let check = |families: Families, want: &[&str]| {
        let scope = Scope { families, ..scope("shop") };
        assert_eq!(lines(&build_table(&world, &scope)), want);
    };
    let dns = "dns.kube.svc.cluster.local 10.96.0.2";
    let web = "web.shop.svc.cluster.local";
    check(Families { v4: true, v6: false }, &[dns, &format!("{web} 10.96.0.1")]);
    check(Families { v4: true, v6: true }, &[dns, &format!("{web} 10.96.0.1,fd00::1")]);
    check(Families { v4: false, v6: true }, &[&format!("{web} fd00::1")]);

    let info = build_table(&world, &scope("shop")).remove(web).unwrap();
    let want = ("Kubernetes", "web", "shop");
    assert_eq!((&*info.registry, &*info.shortname, &*info.namespace), want);
    assert_eq!(info.alt_hosts, Vec::<String>::new());
}

#[test]
fn a_headless_service_is_found_by_its_endpoints() {
    let mut unready = endpoint("10.0.0.3", "db-2");
    unready.health = Health::Unhealthy;
    let nameless = endpoint("10.0.0.4", "");
    let world = snapshot([service(1, "db.shop", &["None"], &[("tcp", 1), ("tcp-2", 2)])]);
    let world = with_endpoints(
        world,
        "db.shop",
        &[endpoint("10.0.0.1", "db-0"), endpoint("10.0.0.2", "db-1"), unready, nameless],
    );
    let table = build_table(&world, &scope("bank"));
    let want = [
        "db-0.db.shop.svc.cluster.local 10.0.0.1",
        "db-1.db.shop.svc.cluster.local 10.0.0.2",
        "db.shop.svc.cluster.local 10.0.0.1,10.0.0.2,10.0.0.4",
    ];
    assert_eq!(lines(&table), want);
    assert_eq!(table["db-0.db.shop.svc.cluster.local"].shortname, "db-0.db");
}

#[test]
fn endpoints_behind_a_gateway_are_not_named_and_those_in_other_clusters_on_request() {
    let workload = |network: &str, cluster: &str| {
        let mut endpoint = endpoint("10.0.0.9", "");
        endpoint.workload = Some(Arc::new(Workload {
            network: network.into(),
            cluster: cluster.into(),
            ..crate::translate::fixture::workload("db-9.shop", "", "")
        }));
        endpoint
    };
    let named = |far: Endpoint, local: bool, remote_headless: bool| {
        let world = snapshot([service(1, "db.shop", &["None"], &[("tcp", 1)])]);
        let near = local.then(|| endpoint("10.0.0.1", ""));
        let world =
            with_endpoints(world, "db.shop", &Vec::from_iter(near.into_iter().chain([far])));
        let mut scope = Scope { network: "here".into(), ..scope("bank") };
        scope.features.remote_headless = remote_headless;
        lines(&build_table(&world, &scope))
    };
    let check =
        |far: Endpoint, local, want: &[&str]| assert_eq!(named(far, local, true), want, "{local}");
    let host = "db.shop.svc.cluster.local";
    check(workload("", "Kubernetes"), true, &[&format!("{host} 10.0.0.1,10.0.0.9")]);
    check(workload("elsewhere", "Kubernetes"), true, &[&format!("{host} 10.0.0.1")]);
    check(workload("elsewhere", "Kubernetes"), false, &[]);
    check(workload("", "other"), true, &[&format!("{host} 10.0.0.1,10.0.0.9")]);
    check(workload("", "other"), false, &[&format!("{host} 10.0.0.9")]);
    assert_eq!(named(workload("", "other"), true, false), [format!("{host} 10.0.0.1")]);
    assert!(named(workload("", "other"), false, false).is_empty());
}

#[test]
fn the_name_of_a_pod_means_the_one_in_the_own_cluster() {
    let at = |ip: &str, name: &str, cluster: &str| {
        let mut endpoint = endpoint(ip, name);
        let mut workload = crate::translate::fixture::workload("db.shop", "", "");
        workload.cluster = cluster.into();
        endpoint.workload = Some(Arc::new(workload));
        endpoint
    };
    let world = snapshot([service(1, "db.shop", &["None"], &[("tcp", 1)])]);
    let list = [
        at("10.0.1.1", "db-0", "other"),
        at("10.0.0.1", "db-0", "Kubernetes"),
        at("10.0.1.2", "db-1", "other"),
    ];
    let world = with_endpoints(world, "db.shop", &list);
    let want = [
        "db-0.db.shop.svc.cluster.local 10.0.0.1",
        "db-1.db.shop.svc.cluster.local 10.0.1.2",
        "db.shop.svc.cluster.local 10.0.1.1,10.0.0.1,10.0.1.2",
    ];
    assert_eq!(lines(&build_table(&world, &scope("bank"))), want);
}

#[test]
fn the_table_stays_while_nothing_that_it_reads_changes() {
    let world = || {
        snapshot([
            service(1, "db.shop", &["None"], &[("tcp", 1)]),
            service(2, "web.shop", &["10.96.0.1"], &[("http", 80)]),
        ])
    };
    let base = with_endpoints(world(), "db.shop", &[endpoint("10.0.0.1", "")]);
    let base = with_endpoints(base, "web.shop", &[endpoint("10.0.0.2", "")]);
    let mut memos = Memos::default();
    let scope = scope("shop");
    let mut table =
        |snapshot: &Snapshot| build(&context(snapshot, &scope), &mut memos).resources[0].clone();
    let first = table(&base);
    let elsewhere = with_endpoints(base.clone(), "web.shop", &[endpoint("10.0.0.3", "")]);
    assert!(Arc::ptr_eq(&first, &table(&elsewhere)), "endpoints behind a virtual address");
    let rebuilt = Snapshot { namespaces: base.namespaces.clone(), ..world() };
    assert!(Arc::ptr_eq(&first, &table(&rebuilt)), "equal services");
    let headless = with_endpoints(base.clone(), "db.shop", &[endpoint("10.0.0.4", "")]);
    assert_ne!(first.body, table(&headless).body, "endpoints of a headless service");
}

#[test]
fn nobody_to_be_found_is_an_empty_table() {
    let built = build(&context(&snapshot([]), &scope("shop")), &mut Memos::default());
    assert_eq!((&*built.resources[0].name, built.resources[0].body.len()), ("", 0));
}
