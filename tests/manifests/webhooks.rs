//! Which control plane is asked about which pod, and what happens where it does not answer.

use istiod::api::{LabelSelector, Labels};
use k8s_openapi::api::admissionregistration::v1::{ServiceReference, WebhookClientConfig};
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::files::{self, installed, webhooks};

/// One that fails open would let pods start without their sidecar.
#[test]
fn injection_fails_closed_and_validation_once_it_was_seen_to_work() {
    let (mutating, validating) = webhooks();
    let injection = mutating.iter().flat_map(|of| of.webhooks.iter().flatten());
    let injection = injection.map(|webhook| webhook.failure_policy.as_deref());
    assert!(injection.clone().count() > 0);
    assert!(injection.clone().all(|policy| policy == Some("Fail")));
    // The control plane itself makes these fail closed.
    let validation = validating.iter().flat_map(|of| of.webhooks.iter().flatten());
    assert!(
        validation.map(|webhook| webhook.failure_policy.as_deref()).all(|p| p == Some("Ignore"))
    );
    let default = files::kustomization("manifests")["resources"].clone();
    assert!(default.as_array().unwrap().iter().any(|resource| resource == "webhooks"));
}

/// Without an answer nothing is in the way but what the webhooks are about.
#[test]
fn validation_is_asked_about_istios_objects_only() {
    let (_, validating) = webhooks();
    for webhook in validating.iter().flat_map(|of| of.webhooks.iter().flatten()) {
        for rule in webhook.rules.iter().flatten() {
            let groups = rule.api_groups.as_ref().unwrap();
            assert!(groups.iter().all(|group| group.ends_with(".istio.io")), "{groups:?}");
            assert_eq!(rule.operations.as_deref(), Some(&["CREATE".into(), "UPDATE".into()][..]));
        }
    }
}

#[test]
fn webhooks_lead_to_the_service_and_belong_to_its_revision() {
    let installed = installed();
    let (mutating, validating) = webhooks();
    let clients = mutating.iter().flat_map(|of| of.webhooks.iter().flatten());
    let clients = clients.map(|webhook| (&webhook.client_config, "/inject"));
    let others = validating.iter().flat_map(|of| of.webhooks.iter().flatten());
    let others = others.map(|webhook| (&webhook.client_config, "/validate"));
    for (client, path) in clients.chain(others) {
        let service = ServiceReference {
            name: installed.service.metadata.name.clone().unwrap(),
            namespace: installed.namespace().to_owned(),
            path: Some(path.to_owned()),
            port: Some(443),
        };
        let want = WebhookClientConfig { service: Some(service), ..WebhookClientConfig::default() };
        assert_eq!(client, &want);
    }
    let labels = mutating.iter().map(|of| &of.metadata);
    let labels = labels.chain(validating.iter().map(|of| &of.metadata));
    for metadata in labels {
        assert_eq!(metadata.labels.as_ref().unwrap()["istio.io/rev"], "default", "{metadata:?}");
    }
}

#[test]
fn the_default_tag_is_named_as_leader_election_looks_for_it() {
    let (mutating, _) = webhooks();
    let tagged = mutating.iter().find_map(|of| {
        let tag = of.metadata.labels.as_ref()?.get("istio.io/tag")?;
        Some((of.metadata.name.as_deref()?, tag.as_str()))
    });
    assert_eq!(tagged, Some(("istio-revision-tag-default", "default")));
}

/// Whether labels are selected.
fn selects(selector: Option<&meta::LabelSelector>, labels: &[(&str, &str)]) -> bool {
    let selector = serde_json::to_value(selector.unwrap()).unwrap();
    let selector: LabelSelector = serde_json::from_value(selector).unwrap();
    let labels: Labels = labels.iter().map(|&(key, value)| (key.into(), value.into())).collect();
    selector.matches(&labels)
}

/// How often the default revision is asked about a pod.
fn asked(namespace: &[(&str, &str)], pod: &[(&str, &str)]) -> usize {
    let (mutating, _) = webhooks();
    let all = mutating.iter().flat_map(|of| of.webhooks.iter().flatten());
    let asked = all.filter(|webhook| {
        selects(webhook.namespace_selector.as_ref(), namespace)
            && selects(webhook.object_selector.as_ref(), pod)
    });
    asked.count()
}

#[test]
fn a_pod_is_asked_about_once_if_it_is_the_revisions() {
    const INJECTION: &str = "istio-injection";
    const REVISION: &str = "istio.io/rev";
    const INJECT: &str = "sidecar.istio.io/inject";
    let (yes, no) = ((INJECT, "true"), (INJECT, "false"));
    let (own, other) = ((REVISION, "default"), (REVISION, "canary"));
    for (namespace, pod, want) in [
        // A namespace that asks for injection, whatever else it says.
        (vec![(INJECTION, "enabled")], vec![], 1),
        (vec![(INJECTION, "enabled")], vec![yes], 1),
        (vec![(INJECTION, "enabled")], vec![no], 0),
        (vec![(INJECTION, "enabled")], vec![other], 1),
        (vec![(INJECTION, "enabled"), other], vec![], 1),
        // One that forbids it.
        (vec![(INJECTION, "disabled")], vec![yes], 0),
        (vec![(INJECTION, "disabled"), own], vec![own], 0),
        // One that names a revision.
        (vec![own], vec![], 1),
        (vec![own], vec![no], 0),
        (vec![own], vec![other], 1),
        (vec![other], vec![], 0),
        (vec![other], vec![own, yes], 0),
        // One that says nothing: the pod decides.
        (vec![], vec![], 0),
        (vec![], vec![yes], 1),
        (vec![], vec![own], 1),
        (vec![], vec![own, yes], 1),
        (vec![], vec![own, no], 0),
        (vec![], vec![other], 0),
        (vec![], vec![other, yes], 0),
    ] {
        assert_eq!(asked(&namespace, &pod), want, "{namespace:?} {pod:?}");
    }
}
