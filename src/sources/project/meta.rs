//! Metadata: names that are sound, labels, and the annotations that concern Istio.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::checks::{is_label, is_subdomain};
use super::{Context, DEFAULT_NAMESPACE, FieldPath, Issue};
use crate::api::{Kind, Meta};

/// What the key of an annotation that is read contains.
const ISTIO: &str = "istio.io";

/// Projects the metadata of an object of `kind`.
pub(super) fn project(
    kind: Kind,
    meta: ObjectMeta,
    context: &mut Context<'_>,
) -> Result<Meta, Issue> {
    let name = meta.name.unwrap_or_default();
    check_name(kind, &name)?;
    let namespace = match (kind.namespaced(), meta.namespace.filter(|n| !n.is_empty())) {
        (true, Some(namespace)) => namespace,
        (true, None) => DEFAULT_NAMESPACE.to_owned(),
        (false, None) => String::new(),
        (false, Some(_)) => {
            let message = format!("a {kind} has no namespace: the field has no effect");
            context.warn(path("namespace"), message);
            String::new()
        }
    };
    if kind.namespaced() && !is_label(&namespace) {
        return Err(Issue::error(path("namespace"), not_a_label(&namespace)));
    }
    Ok(Meta {
        name: context.shared(&name),
        namespace: context.shared(&namespace),
        labels: context.map(&meta.labels, |_| true),
        annotations: context.map(&meta.annotations, |key| key.contains(ISTIO)),
        created: meta.creation_timestamp.map(|time| time.0),
        generation: meta.generation.unwrap_or_default(),
        // Never the same as any other string.
        uid: meta.uid.unwrap_or_default().into(),
    })
}

/// Services and namespaces become parts of host names; all other names may have dots.
fn check_name(kind: Kind, name: &str) -> Result<(), Issue> {
    if name.is_empty() {
        return Err(Issue::error(path("name"), "missing: every object needs a name"));
    }
    match kind {
        Kind::Namespace | Kind::Service if !is_label(name) => {
            Err(Issue::error(path("name"), not_a_label(name)))
        }
        _ if !is_subdomain(name) => Err(Issue::error(
            path("name"),
            format!(
                "{name:?} is no name: use a-z, 0-9, - and . with a letter or digit at both ends"
            ),
        )),
        _ => Ok(()),
    }
}

fn not_a_label(name: &str) -> String {
    format!(
        "{name:?} is no DNS label: use at most 63 of a-z, 0-9 and -, a letter or digit at both ends"
    )
}

fn path(field: &str) -> FieldPath {
    FieldPath::of("metadata").key(field)
}
