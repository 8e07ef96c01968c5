//! AdmissionReviews, v1 and v1beta1: what is asked, and the answer in the same version.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// What the API server asks.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// The version of the review, which the answer has too.
    pub api_version: String,
    /// What the answer is matched by.
    pub uid: String,
    /// What is done with the object: CREATE, UPDATE, DELETE or CONNECT; empty when nobody says.
    pub operation: String,
    /// Whether nothing is done in truth.
    pub dry_run: bool,
    /// As what the object is asked for.
    pub resource: Resource,
    /// The name of the object, which may not say it itself.
    pub name: String,
    /// The namespace of the object, which may not say it itself.
    pub namespace: String,
    /// The object; null when it goes.
    pub object: Json,
}

/// What URLs of an API server name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// The API group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// The plural of the kind.
    pub resource: String,
}

/// What it is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Why the object is refused; None when it is taken.
    pub refused: Option<String>,
    /// What changes it.
    pub patch: Option<Vec<Json>>,
    /// What the user is told besides.
    pub warnings: Vec<String>,
}

/// What cannot be understood as a review.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no AdmissionReview: {0}")]
pub struct NoReview(String);

/// The versions that are understood.
const VERSIONS: &[&str] = &["admission.k8s.io/v1", "admission.k8s.io/v1beta1"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    api_version: String,
    kind: String,
    request: Request,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    uid: String,
    operation: String,
    dry_run: Option<bool>,
    resource: Resource,
    name: String,
    namespace: String,
    object: Json,
}

impl Review {
    /// Reads a review.
    ///
    /// # Errors
    /// When it is none, or of a version that is not known.
    pub fn read(body: &[u8]) -> Result<Review, NoReview> {
        let asked: Asked =
            serde_json::from_slice(body).map_err(|error| NoReview(error.to_string()))?;
        if asked.kind != "AdmissionReview" || !VERSIONS.contains(&asked.api_version.as_str()) {
            let what = format!("{} of {}", asked.kind, asked.api_version);
            return Err(NoReview(format!("{what}; known are {}", VERSIONS.join(" and "))));
        }
        let Request { uid, operation, dry_run, resource, name, namespace, object } = asked.request;
        Ok(Review {
            api_version: asked.api_version,
            uid,
            operation,
            dry_run: dry_run.unwrap_or_default(),
            resource,
            name,
            namespace,
            object,
        })
    }

    /// The answer as the API server reads it.
    pub fn answered(&self, answer: &Answer) -> Json {
        let response = response(&self.uid, answer);
        json!({"apiVersion": self.api_version, "kind": "AdmissionReview", "response": response})
    }
}

/// The answer to what is no review: it has neither a version nor anything to be matched by.
pub fn unread(answer: &Answer) -> Json {
    json!({"response": response("", answer)})
}

fn response(uid: &str, answer: &Answer) -> Json {
    let mut response = json!({"uid": uid, "allowed": answer.refused.is_none()});
    if let Json::Object(entries) = &mut response {
        if let Some(message) = &answer.refused {
            entries.insert("status".into(), json!({"metadata": {}, "message": message}));
        }
        if let Some(patch) = &answer.patch {
            let text = Json::from(patch.clone()).to_string();
            entries.insert("patch".into(), STANDARD.encode(text).into());
            entries.insert("patchType".into(), "JSONPatch".into());
        }
        if !answer.warnings.is_empty() {
            entries.insert("warnings".into(), answer.warnings.clone().into());
        }
    }
    response
}

#[cfg(test)]
mod tests;
