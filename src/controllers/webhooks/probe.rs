//! Whether validation works: an object that must be refused is created, only to try.
//!
//! The API server is asked to create a Gateway that no validator takes, as a dry run. That the webhook refuses it shows
//! the whole way: API server, Service, certificate, root and validator. Anything else shows nothing yet.

use kube::api::{DynamicObject, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::timeout;

use std::time::Duration;

use crate::api::Kind;
use crate::controllers::writer::resource;

/// The object's name, and how others go on that are made where somebody has one of this name.
const NAME: &str = "invalid-gateway";

/// What makes validators refuse whatever has it.
const REFUSED: &str = "internal.istio.io/webhook-always-reject";

/// Longer than the API server waits for webhooks.
const ATTEMPT: Duration = Duration::from_secs(40);

/// What an attempt shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The webhook refuses what it must.
    Works,
    /// It cannot be tried, and will not be tried again: another webhook takes no dry runs.
    Assumed(String),
    /// It does not yet.
    NotYet(String),
}

/// Tries it, with an object in a namespace for validators of a revision: whether one of these webhooks refuses it.
pub async fn probe(
    client: Client,
    namespace: String,
    revision: String,
    webhooks: Vec<String>,
) -> Verdict {
    let api = Api::namespaced_with(client, &namespace, &resource(Kind::Gateway));
    let attempt = async {
        match create(&api, ("name", NAME), &revision).await {
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
                create(&api, ("generateName", &format!("{NAME}-")), &revision).await
            }
            answer => answer,
        }
    };
    match timeout(ATTEMPT, attempt).await {
        Ok(Ok(_)) => Verdict::NotYet("an invalid Gateway is taken".to_owned()),
        Ok(Err(kube::Error::Api(status))) => judge(&status.message, &webhooks),
        Ok(Err(error)) => Verdict::NotYet(error.to_string()),
        Err(_) => Verdict::NotYet("no answer in time".to_owned()),
    }
}

async fn create(
    api: &Api<DynamicObject>,
    (field, name): (&str, &str),
    revision: &str,
) -> kube::Result<DynamicObject> {
    let gateway = json!({
        "apiVersion": Kind::Gateway.api_version(),
        "kind": Kind::Gateway.name(),
        "metadata": {
            (field): name,
            "labels": {"istio.io/rev": revision},
            "annotations": {REFUSED: "true"},
        },
        "spec": {},
    });
    let gateway = serde_json::from_value(gateway).map_err(kube::Error::SerdeError)?;
    api.create(&PostParams { dry_run: true, field_manager: None }, &gateway).await
}

/// What a refusal shows. API servers tell of webhooks in words only.
fn judge(message: &str, webhooks: &[String]) -> Verdict {
    let refuser = message
        .split_once("admission webhook \"")
        .and_then(|(_, rest)| rest.split_once("\" denied the request"))
        .map(|(name, _)| name);
    match refuser {
        Some(name) if webhooks.iter().any(|own| own == name) => Verdict::Works,
        _ if message.contains("does not support dry run") => Verdict::Assumed(message.to_owned()),
        _ => Verdict::NotYet(message.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_by_the_own_webhook_proves_it() {
        let webhooks = ["rev.validation.istio.io".to_owned(), "validation.istio.io".to_owned()];
        let judge = |message: &str| judge(message, &webhooks);
        let works = "admission webhook \"validation.istio.io\" denied the request: no servers";
        assert_eq!(judge(works), Verdict::Works);
        for message in [
            "admission webhook \"policy.example.com\" denied the request: no owner",
            "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no owner",
            "Gateway.networking.istio.io \"invalid-gateway\" is invalid: spec.servers: Required value",
            "the server could not find the requested resource",
            "Internal error occurred: failed calling webhook \"validation.istio.io\"",
        ] {
            assert_eq!(judge(message), Verdict::NotYet(message.to_owned()), "{message}");
        }
        let message = "admission webhook \"policy.example.com\" does not support dry run";
        assert_eq!(judge(message), Verdict::Assumed(message.to_owned()));
    }
}
