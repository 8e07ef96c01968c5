//! The API server asks the control plane only where it answers.

use istiod::cli::discovery::PENDING_FLAGS;
use k8s_openapi::api::admissionregistration::v1::{ServiceReference, WebhookClientConfig};

use super::files::{self, installed, webhooks};

/// Whether the daemon answers webhooks.
fn answered() -> bool {
    !PENDING_FLAGS.contains(&"httpsAddr")
}

/// Until webhooks are answered, one that fails closed would keep pods and objects from being made. After that,
/// one that fails open would let pods start without their sidecar.
#[test]
fn webhooks_fail_closed_only_where_they_are_answered() {
    let (mutating, validating) = webhooks();
    let injection = mutating.iter().flat_map(|of| of.webhooks.iter().flatten());
    let injection = injection.map(|webhook| webhook.failure_policy.as_deref());
    let want = if answered() { "Fail" } else { "Ignore" };
    assert!(injection.clone().count() > 0);
    assert!(injection.clone().all(|policy| policy == Some(want)), "{want} is needed");
    // The control plane itself makes these fail closed once it has seen them work.
    let validation = validating.iter().flat_map(|of| of.webhooks.iter().flatten());
    assert!(
        validation.map(|webhook| webhook.failure_policy.as_deref()).all(|p| p == Some("Ignore"))
    );

    let default = files::kustomization("manifests")["resources"].clone();
    let default: Vec<_> = default.as_array().unwrap().iter().filter_map(|r| r.as_str()).collect();
    assert_eq!(default.contains(&"webhooks"), answered(), "whether the default has them");
    let chart = files::yaml("manifests/with-istio-chart/values.yaml");
    assert_eq!(chart["global"]["operatorManageWebhooks"] == true, !answered());
    assert_eq!(chart["global"]["configValidation"] == false, !answered());
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
