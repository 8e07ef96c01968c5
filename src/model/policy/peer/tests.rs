use std::sync::Arc;

use super::{Applied, Mode, Peers};
use crate::api::config::Config;
use crate::api::fixture::object;
use crate::api::security::PeerAuthentication;
use crate::api::{Labels, Str};

const ROOT: &str = "istio-system";

/// Policies by `NAMESPACE/NAME`, oldest first.
fn configs(all: &[(&str, &str)]) -> Vec<Arc<Config<PeerAuthentication>>> {
    let config = |(name, spec): &(&str, &str)| {
        let (namespace, name) = name.split_once('/').unwrap();
        let mut config = object::<PeerAuthentication>(spec);
        (config.meta.namespace, config.meta.name) = (namespace.into(), name.into());
        Arc::new(config)
    };
    all.iter().map(config).collect()
}

fn peers(all: &[(&str, &str)]) -> Peers {
    Peers::new(&configs(all), &ROOT.into(), &Peers::default())
}

fn labels(app: &str) -> Labels {
    [(Str::from("app"), Str::from(app))].into()
}

/// `WORKLOAD [PORT=MODE …] from NAMES`.
fn told(applied: &Applied) -> String {
    let ports = applied.modes.ports.iter().map(|(port, mode)| format!(" {port}={mode:?}"));
    let origins: Vec<String> =
        applied.origins.iter().map(|key| format!("{}/{}", key.namespace, key.name)).collect();
    let ports: String = ports.collect();
    format!("{:?}{ports} from {}", applied.modes.workload, origins.join(" "))
}

fn of(peers: &Peers, namespace: &str, app: &str) -> String {
    let (policies, labels) = (peers.of(namespace), labels(app));
    let applied = policies.apply(&labels);
    for port in [80, 81, 82, 83] {
        assert_eq!(policies.mode(&labels, port), applied.modes.of_port(port), "port {port}");
    }
    told(&applied)
}

#[test]
fn nothing_said_takes_both() {
    assert_eq!(of(&peers(&[]), "shop", "a"), "Permissive from ");
    assert_eq!(of(&peers(&[("istio-system/a", "{}")]), "shop", "a"), "Permissive from ");
}

#[test]
fn what_is_nearer_counts_and_unset_inherits() {
    let all = peers(&[
        ("istio-system/mesh", "mtls: {mode: STRICT}"),
        ("shop/all", "mtls: {mode: DISABLE}"),
        ("shop/a", "{selector: {matchLabels: {app: a}}, mtls: {mode: PERMISSIVE}}"),
        ("shop/b", "{selector: {matchLabels: {app: b}}, mtls: {mode: UNSET}}"),
        ("open/all", "mtls: {mode: UNSET}"),
    ]);
    assert_eq!(of(&all, "elsewhere", "a"), "Strict from istio-system/mesh");
    assert_eq!(of(&all, "istio-system", "a"), "Strict from istio-system/mesh");
    assert_eq!(of(&all, "shop", "x"), "Disable from shop/all");
    assert_eq!(of(&all, "shop", "a"), "Permissive from shop/a");
    assert_eq!(of(&all, "shop", "b"), "Disable from shop/all shop/b");
    assert_eq!(of(&all, "open", "a"), "Strict from istio-system/mesh");
}

#[test]
fn ports_of_selected_workloads() {
    let all = peers(&[
        ("istio-system/mesh", "{mtls: {mode: STRICT}, portLevelMtls: {'80': {mode: DISABLE}}}"),
        (
            "shop/a",
            "{selector: {matchLabels: {app: a}}, portLevelMtls: {'80': {mode: DISABLE}, '81': {mode: UNSET}, '82': {}, '0': {}}}",
        ),
    ]);
    let want = "Strict 80=Disable 81=Strict 82=Strict from istio-system/mesh shop/a";
    assert_eq!(of(&all, "shop", "a"), want);
    assert_eq!(of(&all, "shop", "b"), "Strict from istio-system/mesh");
}

#[test]
fn the_oldest_counts() {
    let all = peers(&[
        ("shop/old", "mtls: {mode: STRICT}"),
        ("shop/new", "mtls: {mode: DISABLE}"),
        ("shop/a", "{selector: {matchLabels: {app: a}}, mtls: {mode: DISABLE}}"),
        ("shop/b", "{selector: {matchLabels: {app: a}}, mtls: {mode: PERMISSIVE}}"),
    ]);
    assert_eq!(of(&all, "shop", "x"), "Strict from shop/old");
    assert_eq!(of(&all, "shop", "a"), "Disable from shop/a");
    let told: Vec<String> = all.diagnostics.iter().map(ToString::to_string).collect();
    let want = [
        ("error: PeerAuthentication shop/new", "PeerAuthentication shop/old is older"),
        ("warning: PeerAuthentication shop/old", "PeerAuthentication shop/new is for"),
        ("error: PeerAuthentication shop/b", "PeerAuthentication shop/a is older"),
        ("warning: PeerAuthentication shop/a", "PeerAuthentication shop/b is for"),
    ];
    assert_eq!(told.len(), want.len(), "{told:#?}");
    for (told, (head, part)) in told.iter().zip(want) {
        assert!(told.starts_with(head) && told.contains(part), "{told}");
    }
}

#[test]
fn more_labels_than_an_older_policy_select_nothing_more() {
    let narrow = ("shop/narrow", "selector: {matchLabels: {app: a, version: v1}}");
    let wide = ("shop/wide", "selector: {matchLabels: {app: a}}");
    assert_eq!(peers(&[wide, narrow]).diagnostics.len(), 2);
    assert_eq!(peers(&[narrow, wide]).diagnostics, []);
}

#[test]
fn the_root_namespace_selects_nothing() {
    let all =
        peers(&[("istio-system/a", "{selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}}")]);
    assert_eq!(of(&all, "shop", "a"), "Permissive from ");
    assert_eq!(of(&all, "istio-system", "a"), "Permissive from ");
    assert!(all.diagnostics[0].message.contains("has no effect"), "{:?}", all.diagnostics);
}

#[test]
fn clients_know_where_mtls_is_refused() {
    let all = peers(&[
        ("istio-system/mesh", "mtls: {mode: DISABLE}"),
        ("open/all", "mtls: {mode: STRICT}"),
        ("some/all", "mtls: {mode: STRICT}"),
        ("some/a", "{selector: {matchLabels: {app: a}}, portLevelMtls: {'80': {mode: DISABLE}}}"),
    ]);
    let generally = |namespace: &str| {
        all.refusing.generally(namespace).map(|key| format!("{}/{}", key.namespace, key.name))
    };
    assert_eq!(generally("shop").as_deref(), Some("istio-system/mesh"));
    assert_eq!(generally("open"), None);
    assert_eq!(generally("some"), None);
    assert!(all.refusing.of_namespace("open").is_none());
    let some = all.refusing.of_namespace("some").unwrap();
    assert_eq!(some.mode(&labels("a"), 80), Mode::Disable);
    assert_eq!(some.mode(&labels("b"), 80), Mode::Strict);
    assert!(peers(&[("shop/all", "mtls: {mode: STRICT}")]).refusing.of_namespace("shop").is_none());
}

#[test]
fn what_stays_keeps_its_pointers() {
    let mut all = configs(&[
        ("a/all", "mtls: {mode: STRICT}"),
        ("b/all", "mtls: {mode: DISABLE}"),
        ("c/all", "mtls: {mode: STRICT}"),
    ]);
    let before = Peers::new(&all, &ROOT.into(), &Peers::default());
    all.pop();
    let after = Peers::new(&all, &ROOT.into(), &before);
    assert!(Arc::ptr_eq(before.of("a"), after.of("a")));
    assert!(Arc::ptr_eq(before.of("elsewhere"), after.of("elsewhere")));
    assert!(Arc::ptr_eq(&before.refusing, &after.refusing), "no client sees the difference");
    assert_eq!(told(&after.of("c").general()), "Permissive from ");
}
