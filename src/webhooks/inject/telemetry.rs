//! What OpenTelemetry knows a pod by, when a tracing provider wants it enriched.

use crate::webhooks::template::functions::{any, list, map, text};
use crate::webhooks::template::value::Map;
use crate::webhooks::template::{Value, print};

/// What a provider says that wants this.
const CONVENTIONS: &str = "OTEL_SEMANTIC_CONVENTIONS";
/// What annotations begin with that set an attribute.
const ANNOTATION: &str = "resource.opentelemetry.io/";
/// The label of an application's version.
const VERSION: &str = "app.kubernetes.io/version";

/// The value of `OTEL_RESOURCE_ATTRIBUTES`: of mesh configuration, annotations, labels, namespace and containers.
pub(super) fn attributes(arguments: &[Value]) -> Result<Value, String> {
    if !is_wanted(any(arguments, 0))? {
        return Ok(Value::text(""));
    }
    let (annotations, labels) = (map(arguments, 1)?, map(arguments, 2)?);
    let (namespace, containers) = (text(arguments, 3)?, list(arguments, 4)?);
    let chosen = |name: &str| entry(&annotations, &format!("{ANNOTATION}{name}"));
    let mut attributes = Vec::new();
    let mut put = |name: &str, value: Option<String>| {
        attributes.extend(value.filter(|value| !value.is_empty()).map(|v| format!("{name}={v}")));
    };
    let name = "service.namespace";
    put(name, chosen(name).or_else(|| Some(namespace.to_string())));
    let name = "service.version";
    let of_image = match containers.as_slice() {
        [only] => Some(version(&print::plain(&only.field("Image")?))),
        _ => None,
    };
    put(name, chosen(name).or_else(|| entry(&labels, VERSION)).or(of_image));
    let name = "service.instance.id";
    // The pod has no name yet; the kubelet puts it in.
    let of_pod = match containers.first() {
        Some(first) => {
            let container = print::plain(&first.field("Name")?);
            Some(format!("{namespace}.$(POD_NAME).{container}"))
        }
        None => None,
    };
    put(name, chosen(name).or(of_pod));
    Ok(Value::text(attributes.join(",")))
}

fn entry(map: &Map, key: &str) -> Option<String> {
    map.entries.get(key).map(print::plain).filter(|text| !text.is_empty())
}

/// Whether a provider of the mesh asks for enrichment.
fn is_wanted(mesh: &Value) -> Result<bool, String> {
    let Value::List(providers) = mesh.field("ExtensionProviders")? else { return Ok(false) };
    for provider in providers.iter() {
        if let Value::Struct(_) = provider
            && let otel @ Value::Struct(_) = provider.field("Opentelemetry")?
            && print::plain(&otel.field("ServiceAttributeEnrichment")?) == CONVENTIONS
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The tag and digest of an image.
fn version(image: &str) -> String {
    let (image, digest) = image.split_once('@').unwrap_or((image, ""));
    let last = image.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once(':').map_or("", |(_, tag)| tag);
    match (tag.is_empty(), digest.is_empty()) {
        (false, false) => format!("{tag}@{digest}"),
        (true, _) => digest.to_owned(),
        (false, true) => tag.to_owned(),
    }
}
