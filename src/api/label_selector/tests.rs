use serde_json::json;

use super::LabelSelector;
use crate::api::Labels;

fn matches(selector: serde_json::Value, labels: &[(&str, &str)]) -> bool {
    let selector: LabelSelector = serde_json::from_value(selector).unwrap();
    let labels: Labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    selector.matches(&labels)
}

#[test]
fn an_empty_selector_means_any() {
    assert!(matches(json!({}), &[]));
    assert!(matches(json!({}), &[("a", "b")]));
}

#[test]
fn labels_and_expressions_must_all_hold() {
    let selector = json!({
        "matchLabels": {"mesh": "on"},
        "matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["x"]}],
    });
    assert!(matches(selector.clone(), &[("mesh", "on")]));
    assert!(!matches(selector.clone(), &[("mesh", "on"), ("team", "x")]));
    assert!(!matches(selector, &[("team", "y")]));
}

#[test]
fn operators_treat_absent_labels_as_kubernetes_does() {
    let one = |operator: &str, labels: &[(&str, &str)]| {
        let requirement = json!({"key": "a", "operator": operator, "values": ["1", "2"]});
        matches(json!({"matchExpressions": [requirement]}), labels)
    };
    assert!(one("In", &[("a", "2")]) && !one("In", &[("a", "3")]) && !one("In", &[]));
    assert!(one("NotIn", &[("a", "3")]) && !one("NotIn", &[("a", "1")]) && one("NotIn", &[]));
    assert!(one("Exists", &[("a", "")]) && !one("Exists", &[]));
    assert!(one("DoesNotExist", &[]) && !one("DoesNotExist", &[("a", "1")]));
}
