use serde_json::json;

use super::*;
use crate::api::Str;

fn labels(list: &[(&str, &str)]) -> Labels {
    list.iter().map(|(key, value)| (Str::from(*key), Str::from(*value))).collect()
}

/// Whether a policy with this spec, of `shop` or the root namespace, is attached to a workload of `shop`.
fn attached(namespace: &str, spec: serde_json::Value, of: &[(&str, &str)], selects: bool) -> bool {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    #[derive(Default)]
    struct Spec {
        selector: Option<WorkloadSelector>,
        target_ref: Option<TargetReference>,
        target_refs: Vec<TargetReference>,
    }
    let meta = Meta { namespace: namespace.into(), ..Meta::default() };
    let Spec { selector, target_ref, target_refs } = serde_json::from_value(spec).unwrap();
    let labels = labels(of);
    let workload = Workload { namespace: "shop", labels: &labels, selects_gateways: selects };
    Attachment::new(&meta, &selector, &target_ref, &target_refs).is_to(&workload)
}

const GATEWAY: (&str, &str) = (GATEWAY_NAME, "front");

#[test]
fn workloads_are_selected() {
    for (spec, expected) in [
        (json!({}), true),
        (json!({ "selector": {} }), true),
        (json!({ "selector": { "matchLabels": { "app": "a" } } }), true),
        (json!({ "selector": { "matchLabels": { "app": "b" } } }), false),
        (json!({ "selector": { "matchLabels": { "app": "a", "version": "v1" } } }), false),
        (
            json!({ "targetRef": { "kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "front" } }),
            false,
        ),
    ] {
        assert_eq!(attached("shop", spec.clone(), &[("app", "a")], true), expected, "{spec}");
    }
    assert!(attached("root", json!({}), &[("app", "a")], true));
}

#[test]
fn gateways_are_named() {
    let reference =
        |group: &str, kind: &str, name: &str| json!({ "group": group, "kind": kind, "name": name });
    let front = reference("gateway.networking.k8s.io", "Gateway", "front");
    let of = [GATEWAY, ("app", "a")];
    assert!(attached("shop", json!({ "targetRef": front }), &of, false));
    assert!(attached(
        "shop",
        json!({ "targetRefs": [reference("", "Service", "front"), front] }),
        &of,
        false
    ));
    // The list counts where there is one.
    let both = json!({ "targetRef": front, "targetRefs": [reference("", "Service", "a")] });
    assert!(!attached("shop", both, &of, true));
    for other in [
        reference("gateway.networking.k8s.io", "Gateway", "back"),
        reference("", "Gateway", "front"),
        reference("networking.istio.io", "Gateway", "front"),
        reference("gateway.networking.k8s.io", "GatewayClass", "front"),
    ] {
        assert!(!attached("shop", json!({ "targetRefs": [other] }), &of, true), "{other}");
    }
    // Not from another namespace, be it the root namespace, nor with one.
    assert!(!attached("root", json!({ "targetRef": front }), &of, true));
    let mut named = front.clone();
    named["namespace"] = json!("root");
    assert!(!attached("shop", json!({ "targetRef": named }), &of, true));
}

#[test]
fn whether_gateways_are_selected_is_a_setting() {
    let selector = json!({ "selector": { "matchLabels": { "app": "a" } } });
    for spec in [selector, json!({})] {
        assert!(attached("shop", spec.clone(), &[GATEWAY, ("app", "a")], true));
        assert!(!attached("shop", spec, &[GATEWAY, ("app", "a")], false));
    }
}
