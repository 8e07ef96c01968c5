//! The image of the proxy, from values, ProxyConfig and annotation.

use serde_json::Value as Json;

use super::config::Values;
use super::containers;

/// Which variant of the image a pod wants.
const IMAGE_TYPE: &str = "sidecar.istio.io/proxyImageType";

/// Variants that are a suffix of the tag.
const VARIANTS: &[&str] = &["distroless", "debug"];

/// The image of a pod's proxy.
pub(super) fn proxy(values: &Values, pod: &Json, proxy_config: &Json) -> String {
    let name = match values.text("/global/proxy/image") {
        "" => "proxyv2",
        name => name,
    };
    // Tags that are numbers in YAML are meant as they are written.
    let tag = values.at("/global/tag").map(|tag| match tag {
        Json::String(tag) => tag.clone(),
        other => other.to_string(),
    });
    let configured = proxy_config
        .pointer("/image")
        .map(|image| image.get("imageType").and_then(Json::as_str).unwrap_or_default());
    let variant = containers::annotation(pod, IMAGE_TYPE)
        .or(configured)
        .unwrap_or_else(|| values.text("/global/variant"));
    let tag = with_variant(&tag.unwrap_or_default(), variant);
    format!("{}/{name}:{tag}", values.text("/global/hub"))
}

/// The tag of a variant, in place of one that the tag may name.
fn with_variant(tag: &str, variant: &str) -> String {
    if variant.is_empty() {
        return tag.to_owned();
    }
    let bare =
        VARIANTS.iter().find_map(|known| tag.strip_suffix(&format!("-{known}"))).unwrap_or(tag);
    match variant {
        "default" => bare.to_owned(),
        variant => format!("{bare}-{variant}"),
    }
}

#[cfg(test)]
mod tests;
