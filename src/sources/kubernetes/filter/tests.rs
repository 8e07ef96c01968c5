use serde_json::json;

use super::{Filter, Ignored};
use crate::api::{Kind, Labels, Str};
use crate::sources::intern::Interner;
use crate::sources::project::project;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

fn gateway(revision: Option<&str>) -> crate::api::Object {
    let labels = revision.map(|revision| json!({"istio.io/rev": revision}));
    let value = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "a", "namespace": "b", "labels": labels},
        "spec": {},
    });
    project(value, &mut Interner::default()).unwrap().object
}

#[test]
fn objects_of_other_revisions_are_left_to_them() {
    let canary = Filter::new("canary");
    assert!(canary.is_ours(&gateway(None)));
    assert!(canary.is_ours(&gateway(Some("canary"))));
    assert!(!canary.is_ours(&gateway(Some("prod"))));
    assert!(Filter::new("").is_ours(&gateway(Some("prod"))));
}

#[test]
fn selectors_decide_over_namespaces_and_may_change() {
    let mut filter = Filter::new("");
    let a: Str = "a".into();
    assert!(filter.includes("a"), "without selectors everything belongs");
    assert!(!filter.set_namespace(&a, Some(&labels(&[("mesh", "off")]))));
    let on = serde_json::from_value(json!({"matchLabels": {"mesh": "on"}})).unwrap();
    assert!(filter.set_selectors(std::slice::from_ref(&on)));
    assert!(!filter.set_selectors(&[on]), "the same selectors are no change");
    assert!(!filter.includes("a"));
    assert!(!filter.includes("unknown"), "a namespace that is not known does not belong yet");
    assert!(filter.set_namespace(&a, Some(&labels(&[("mesh", "on")]))));
    assert!(filter.includes("a"));
    assert!(filter.set_namespace(&a, None));
    assert!(filter.set_selectors(&[]) && filter.includes("a"));
}

#[test]
fn resources_may_be_ignored_with_exceptions() {
    let ignored = Ignored::new("*.istio.io", "sidecars.networking.istio.io, ");
    assert!(ignored.ignores(Kind::Gateway) && ignored.ignores(Kind::Telemetry));
    assert!(!ignored.ignores(Kind::Sidecar));
    assert!(!ignored.ignores(Kind::Pod));
    assert!(!Ignored::default().ignores(Kind::Gateway));
}
