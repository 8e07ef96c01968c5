use super::*;
use crate::api::fixture::object;
use crate::api::{Labels, Meta};

fn policy(name: &str, spec: &str) -> Arc<Config<AuthorizationPolicy>> {
    let (name, namespace) = name.split_once('.').unwrap();
    let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
    Arc::new(Config { meta, ..object::<AuthorizationPolicy>(spec) })
}

fn applying(all: &AuthorizationPolicies, namespace: &str, labels: &[(&str, &str)]) -> Vec<String> {
    let labels: Labels = labels.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect();
    let workload = Workload { namespace, labels: &labels, selects_gateways: true };
    let found = all.of(&workload, "istio-system");
    found.iter().map(|policy| format!("{}.{}", policy.meta.name, policy.meta.namespace)).collect()
}

#[test]
fn those_of_the_root_namespace_and_of_the_own_apply() {
    let web = "selector: {matchLabels: {app: web}}";
    let all = AuthorizationPolicies::new(
        &[
            policy("all.istio-system", "{}"),
            policy("webs.istio-system", web),
            policy("own.shop", "{}"),
            policy("web.shop", web),
            policy("other.bank", "{}"),
        ],
        &AuthorizationPolicies::default(),
    );
    let shop = ["all.istio-system", "webs.istio-system", "own.shop", "web.shop"];
    assert_eq!(applying(&all, "shop", &[("app", "web")]), shop);
    assert_eq!(applying(&all, "shop", &[("app", "db")]), ["all.istio-system", "own.shop"]);
    assert_eq!(applying(&all, "empty", &[]), ["all.istio-system"]);
    let root = ["all.istio-system", "webs.istio-system"];
    assert_eq!(applying(&all, "istio-system", &[("app", "web")]), root, "not twice");
}

#[test]
fn lists_that_did_not_change_stay_the_same() {
    let (a, b) = (policy("a.shop", "{}"), policy("b.bank", "{}"));
    let before =
        AuthorizationPolicies::new(&[a.clone(), b.clone()], &AuthorizationPolicies::default());
    let after = AuthorizationPolicies::new(&[a, b, policy("c.bank", "{}")], &before);
    let same = |namespace: &str| {
        let of = |all: &AuthorizationPolicies| all.near(namespace, "istio-system")[1].cloned();
        Arc::ptr_eq(&of(&before).unwrap(), &of(&after).unwrap())
    };
    assert!(same("shop"));
    assert!(!same("bank"));
}
