//! What accounts may do, as the API server of their cluster says.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::timeout;

use super::follow::chain;

/// How long an answer may take. Proxies wait for it.
const ANSWER: Duration = Duration::from_secs(10);

/// Whether a service account may list the secrets of its own namespace. If it may not: what the server says of that.
///
/// # Errors
/// When the server does not answer, and why.
pub async fn may_list_secrets(
    client: Client,
    namespace: &str,
    account: &str,
) -> Result<Result<(), String>, String> {
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{namespace}:{account}")),
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace.to_owned()),
                verb: Some("list".to_owned()),
                resource: Some("secrets".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(client);
    let parameters = PostParams::default();
    let answer = timeout(ANSWER, api.create(&parameters, &review)).await;
    let answer = answer.map_err(|_| format!("no answer within {} s", ANSWER.as_secs()))?;
    let status = answer.map_err(|error| chain(&error))?.status.unwrap_or_default();
    Ok(match status.allowed {
        true => Ok(()),
        false => Err(status.reason.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests;
