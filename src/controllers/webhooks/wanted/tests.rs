use super::*;
use serde_json::json;

/// Two certificates that differ.
fn roots() -> [String; 2] {
    ["a", "b"].map(|text| {
        let der = STANDARD.encode(text);
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
    })
}

fn object(webhooks: Value) -> DynamicObject {
    serde_json::from_value(json!({"metadata": {"name": "w"}, "webhooks": webhooks})).unwrap()
}

fn webhook(name: &str, bundle: &str, policy: &str) -> Value {
    json!({
        "name": name,
        "clientConfig": {"caBundle": STANDARD.encode(bundle), "service": {"name": "istiod"}},
        "failurePolicy": policy,
        "timeoutSeconds": 3,
    })
}

#[test]
fn injectors_get_the_roots_and_keep_their_policy_and_others_stay() {
    let [old, new] = roots();
    let injector = "rev.namespace.sidecar-injector.istio.io";
    let all = json!([webhook(injector, &old, "Ignore"), webhook("policy.example.com", "", "Fail")]);
    let wanted = Wanted { bundle: &new, closed: true };
    let corrected = Sort::Mutating.corrected(&object(all), wanted).unwrap();
    let want =
        json!([webhook(injector, &new, "Ignore"), webhook("policy.example.com", "", "Fail")]);
    assert_eq!(corrected, want);
    assert_eq!(Sort::Mutating.corrected(&object(corrected), wanted), None);
}

#[test]
fn validators_close_once_they_work_and_never_open() {
    let [_, roots] = roots();
    let open = object(json!([webhook("a", &roots, "Ignore"), webhook("b", &roots, "Fail")]));
    let closed = json!([webhook("a", &roots, "Fail"), webhook("b", &roots, "Fail")]);
    let before = Wanted { bundle: &roots, closed: false };
    let after = Wanted { bundle: &roots, closed: true };
    assert_eq!(Sort::Validating.corrected(&open, before), None);
    assert_eq!(Sort::Validating.corrected(&open, after), Some(closed.clone()));
    assert_eq!(Sort::Validating.corrected(&object(closed), before), None);
}

#[test]
fn all_validators_of_a_configuration_get_the_roots_whatever_is_there() {
    let [old, new] = roots();
    let wanted = Wanted { bundle: &new, closed: false };
    let mut without = webhook("a", "", "Fail");
    without["clientConfig"].as_object_mut().unwrap().remove("caBundle");
    let mut broken = webhook("b", "", "Fail");
    broken["clientConfig"]["caBundle"] = "???".into();
    let all = json!([without, broken, webhook("c", &old, "Fail"), webhook("d", "text", "Fail")]);
    let want = ["a", "b", "c", "d"].map(|name| webhook(name, &new, "Fail"));
    let corrected = Sort::Validating.corrected(&object(all), wanted).unwrap();
    assert_eq!(corrected, json!(want));
}

#[test]
fn the_same_certificates_written_otherwise_are_the_same() {
    let [first, second] = roots();
    let wanted = format!("{first}{second}");
    let wanted = Wanted { bundle: &wanted, closed: false };
    let same = format!("# the first\r\n{first}\n\n{second}");
    let differs = |bundle: &str| {
        let object = object(json!([webhook("a", bundle, "Fail")]));
        Sort::Validating.corrected(&object, wanted).is_some()
    };
    assert!(!differs(&same));
    assert!(differs(&first), "one is missing");
    assert!(differs(&format!("{second}{first}")), "in another order");
}

#[test]
fn the_last_writer_is_told_unless_it_was_us() {
    let mut object = object(json!([]));
    let entry = |manager: &str, time: &str| {
        serde_json::from_value(json!({"manager": manager, "operation": "Update", "time": time}))
            .unwrap()
    };
    assert_eq!(last_writer(&object, "us"), None);
    object.metadata.managed_fields =
        Some(vec![entry("argocd", "2026-01-02T00:00:00Z"), entry("us", "2026-01-01T00:00:00Z")]);
    assert_eq!(last_writer(&object, "us"), Some("argocd"));
    assert_eq!(last_writer(&object, "argocd"), None);
}
