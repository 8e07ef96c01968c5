//! Validation: whether an object of Istio's kinds is taken when somebody writes it.
//!
//! Owns the decision about one review: what cannot be read or breaks a rule is refused with the path of the field, what
//! has no effect is a warning. The rules are those beside the types, which files and `istiod validate` are held to as
//! well. A refusal depends on the object alone; what others in the mesh say of it ([`Mesh`]) is never more than a warning,
//! so that the order in which objects are written does not matter.
//!
//! Answers and limits of the wire are the server's.

mod message;

use std::fmt::Debug;
use std::sync::Arc;

use serde_json::Value as Json;

use super::review::{Answer, Review};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::{Diagnostic, Kind, Object, Severity};
use crate::metrics::Metrics;
use crate::sources::intern::Interner;
use crate::sources::project::{Projected, Rejection, project};
use crate::translate::envoy_filter;

/// What may stand beside the spec of an object.
const FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// What everybody who writes an EnvoyFilter is told.
const NO_STABLE_API: &str = "an EnvoyFilter exposes internal implementation details, which may change with any version: \
                             prefer other APIs where there are, and take extreme care with upgrades";

/// What is known besides an object.
pub trait Mesh: Debug + Send + Sync {
    /// What users should know of this object and of those that it concerns, if it were written now. Every answer comes
    /// in bounded time, and none is better than one that is late.
    fn consider(&self, object: &Object) -> Vec<Diagnostic>;
}

/// Decides about reviews. Shared by all of them.
#[derive(Clone, Debug)]
pub struct Validator {
    metrics: Arc<Metrics>,
    mesh: Option<Arc<dyn Mesh>>,
}

/// Why an object is refused: as metrics name it, and in words.
#[derive(Debug)]
struct Refusal {
    reason: &'static str,
    message: String,
}

/// What is wrong with a request, as istiod's metrics name it.
mod reason {
    pub(super) const OPERATION: &str = "unsupported_operation";
    pub(super) const UNREADABLE: &str = "yaml_decode_error";
    pub(super) const UNKNOWN_TYPE: &str = "unknown_type";
    pub(super) const CONVERSION: &str = "crd_conversion_error";
    pub(super) const INVALID: &str = "invalid_resource";
}

impl Validator {
    /// A validator that looks at each object by itself.
    pub fn new(metrics: Arc<Metrics>) -> Validator {
        Validator { metrics, mesh: None }
    }

    /// The same, that also says what `mesh` knows.
    #[must_use]
    pub fn within(self, mesh: Arc<dyn Mesh>) -> Validator {
        Validator { mesh: Some(mesh), ..self }
    }

    /// The answer to a review.
    pub fn answer(&self, review: &Review) -> Answer {
        if !matches!(review.operation.as_str(), "CREATE" | "UPDATE") {
            self.failed(review, reason::OPERATION);
            return Answer::default();
        }
        match self.decide(review) {
            Ok(warnings) => {
                let of = &review.resource;
                let labels = [of.group.as_str(), &of.resource, &of.version];
                self.metrics.validation_passed.with(&labels).inc();
                Answer { warnings, ..Answer::default() }
            }
            Err(Refusal { reason, message }) => {
                self.failed(review, reason);
                Answer { refused: Some(message), ..Answer::default() }
            }
        }
    }

    /// Nothing that is only tried counts as failed.
    fn failed(&self, review: &Review, reason: &str) {
        if !review.dry_run {
            let of = &review.resource;
            let labels = [of.group.as_str(), reason, &of.resource, &of.version];
            self.metrics.validation_failed.with(&labels).inc();
        }
    }

    /// The warnings of an object that is taken.
    fn decide(&self, review: &Review) -> Result<Vec<String>, Refusal> {
        let (kind, value) = object_of(review)?;
        let strange = value.as_object().into_iter().flat_map(|fields| fields.keys());
        let strange = strange.filter(|key| !FIELDS.contains(&key.as_str())).cloned();
        let strange: Vec<String> = strange.collect();
        let Projected { object, mut issues } = project(value, &mut Interner::default())
            .map_err(|rejection| refusal(kind, rejection))?;
        if let Object::EnvoyFilter(config) = &object {
            issues.insert(0, Issue::warning(FieldPath::root(), NO_STABLE_API));
            issues.extend(envoy_filter::check(&config.spec).0);
        }
        let (errors, warnings): (Vec<Issue>, Vec<Issue>) =
            issues.into_iter().partition(|issue| issue.severity == Severity::Error);
        if !errors.is_empty() {
            let message = format!("configuration is invalid: {}", message::errors(&errors));
            return Err(Refusal { reason: reason::INVALID, message });
        }
        if let Some(field) = strange.first() {
            let message = format!(
                "configuration is invalid: unknown field {field:?} on {}: an object has {} and nothing else",
                object.key(),
                FIELDS.join(", ")
            );
            return Err(Refusal { reason: reason::INVALID, message });
        }
        let around = self.mesh.as_ref().map(|mesh| mesh.consider(&object)).unwrap_or_default();
        Ok(message::warnings(&object.key(), warnings, around))
    }
}

/// The object of a review as a source would have it: of a version that is read, with a name and a namespace. The rules
/// are the same in all versions, also in those that come after this program.
fn object_of(review: &Review) -> Result<(Kind, Json), Refusal> {
    let unreadable = |why: &str| Refusal {
        reason: reason::UNREADABLE,
        message: format!("cannot decode configuration: {why}"),
    };
    let mut value = review.object.clone();
    let Json::Object(fields) = &mut value else {
        return Err(unreadable("it is no object with apiVersion, kind and metadata"));
    };
    let text = |name: &str| match fields.get(name) {
        None | Some(Json::Null) => Ok(String::new()),
        Some(Json::String(text)) => Ok(text.clone()),
        Some(_) => Err(unreadable(&format!("{name}: must be a string"))),
    };
    let (api_version, name) = (text("apiVersion")?, text("kind")?);
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version.as_str()));
    let Some(kind) = Kind::of_group(group, &name).filter(|kind| kind.is_istio()) else {
        let message =
            format!("unrecognized type {api_version}, Kind={name}: it is none of Istio's");
        return Err(Refusal { reason: reason::UNKNOWN_TYPE, message });
    };
    fields.insert("apiVersion".to_owned(), kind.api_version().into());
    let metadata = fields.entry("metadata").or_insert_with(|| Json::Object(Default::default()));
    if metadata.is_null() {
        *metadata = Json::Object(Default::default());
    }
    let Json::Object(metadata) = metadata else {
        return Err(unreadable("metadata: must be an object"));
    };
    // An object that is to get its name from the API server has only the beginning of one.
    let generated = metadata.get("generateName").and_then(Json::as_str).unwrap_or_default();
    let name = match review.name.as_str() {
        "" => format!("{generated}x"),
        name => name.to_owned(),
    };
    for (field, value) in [("name", name), ("namespace", review.namespace.clone())] {
        let given = metadata.get(field).is_some_and(|given| !given.is_null() && given != "");
        if !given && !value.is_empty() {
            metadata.insert(field.to_owned(), value.into());
        }
    }
    if let Some(Json::String(name)) = metadata.get_mut("name") {
        *name = named(kind, name);
    }
    Ok((kind, value))
}

/// A name that sources take. Which ones there may be is for the API server to say, but for those of Gateways, which are
/// parts of others.
fn named(kind: Kind, name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if kind == Kind::Gateway {
        return name;
    }
    let strange = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.');
    let name = name.replace(strange, "-");
    match name.trim_matches(['-', '.']) {
        "" => "x".to_owned(),
        name => name.to_owned(),
    }
}

/// What is said of an object that cannot be projected.
fn refusal(kind: Kind, rejection: Rejection) -> Refusal {
    match rejection {
        Rejection::Unread { api_version, kind } => Refusal {
            reason: reason::UNKNOWN_TYPE,
            message: format!("unrecognized type {api_version}, Kind={kind}"),
        },
        Rejection::Invalid { issue, .. } => {
            let spec = FieldPath::of("spec");
            let in_spec = issue.path.steps().first() == spec.steps().first();
            let (reason, what) = match in_spec {
                true => (reason::CONVERSION, "error decoding configuration"),
                false => (reason::UNREADABLE, "cannot decode configuration"),
            };
            let said = message::error(&issue);
            Refusal { reason, message: format!("{what}: {said} (in a {kind})") }
        }
    }
}

#[cfg(test)]
mod tests;
