//! What users say of the containers that templates add, and pods that are injected again.
//!
//! A container of the user's with the name of one of the template's is laid over it, and kept in an annotation, so that a
//! second injection finds what the user had said. What an earlier injection added is no wish of the user's.

use serde_json::{Map, Value as Json, json};

use super::containers::{self, CONTAINERS, INIT_CONTAINERS, To};
use super::{Made, POD, PROXY, prometheus};
use crate::webhooks::merge;
use crate::webhooks::schema::canonical::canonical;
use crate::webhooks::schema::typed::typed;
use crate::webhooks::schema::{Type, json as text};

/// What an injection did.
pub(super) const STATUS: &str = "sidecar.istio.io/status";
/// What the user said of containers that are injected.
const OVERRIDES: &str = "proxy.istio.io/overrides";
/// The image that says: whatever is usual.
const AUTO: &str = "auto";

const CONTAINER_LIST: Type = Type::Struct("Overrides");

/// The names in a list of the status, of a pod that was injected before.
fn injected(pod: &Json, list: &str) -> Vec<String> {
    let status: Option<Json> =
        containers::annotation(pod, STATUS).and_then(|text| serde_json::from_str(text).ok());
    let names = status.as_ref().and_then(|status| status.get(list)).and_then(Json::as_array);
    names.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// The overrides that the annotation keeps.
fn kept(pod: &Json) -> Result<Json, String> {
    let Some(text) = containers::annotation(pod, OVERRIDES) else { return Ok(json!({})) };
    let wrong = |why: String| format!("annotation {OVERRIDES} cannot be read: {why}");
    let json = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let json = canonical(json, &CONTAINER_LIST).map_err(|error| wrong(error.to_string()))?;
    Ok(json!({"spec": json}))
}

/// The pod as it was before an earlier injection, for templates.
pub(super) fn stripped(pod: &Json, status_port: i64) -> Result<Json, String> {
    let mut stripped = pod.clone();
    let status: Option<Json> =
        containers::annotation(pod, STATUS).and_then(|text| serde_json::from_str(text).ok());
    if status.is_some() {
        for list in [CONTAINERS, INIT_CONTAINERS] {
            for name in injected(pod, list) {
                containers::place(&mut stripped, list, &name, To::Away);
            }
        }
        prometheus::undo(&mut stripped, status_port);
        if let Some(annotations) = containers::metadata_mut(&mut stripped, "annotations") {
            annotations.remove(STATUS);
        }
    }
    // Containers that a template changed, but did not bring, went away with those that it brought.
    let kept = kept(pod)?;
    for list in [CONTAINERS, INIT_CONTAINERS] {
        for container in containers::list(&kept, list) {
            let name = containers::name(container);
            if containers::find(containers::list(&stripped, list), name).is_some() {
                continue;
            }
            if let Some(spec) = stripped.get_mut("spec").and_then(Json::as_object_mut)
                && let Some(items) = spec.entry(list).or_insert_with(|| json!([])).as_array_mut()
            {
                items.push(container.clone());
            }
        }
    }
    Ok(stripped)
}

/// Lays what the user said of the template's containers over them.
pub(super) fn reapply(made: &Made, pod: &Json) -> Result<Json, String> {
    let mut merged = made.merged.clone();
    let kept = kept(pod)?;
    let mut overrides = Map::new();
    for list in [CONTAINERS, INIT_CONTAINERS] {
        let before = injected(pod, list);
        let mut said = Vec::new();
        for container in containers::list(&made.template, list) {
            let name = containers::name(container);
            if before.iter().any(|known| known == name) {
                continue;
            }
            let own = match list {
                CONTAINERS => containers::find(containers::list(pod, list), name),
                // A proxy is among the init containers even where the user wrote it among the others.
                _ => containers::anywhere(pod, name),
            };
            let Some(own) = containers::find(containers::list(&kept, list), name).or(own) else {
                continue;
            };
            let mut own = own.clone();
            if own.get("image").and_then(Json::as_str) == Some(AUTO)
                && let Some(entries) = own.as_object_mut()
            {
                entries.remove("image");
            }
            let overlay = json!({"spec": {list: [own.clone()]}});
            merged = merge::merge(merged, overlay, &POD)?;
            said.push(own);
        }
        if !said.is_empty() {
            overrides.insert(list.to_owned(), said.into());
        }
    }
    if containers::annotation(pod, STATUS).is_none() && !overrides.is_empty() {
        let value = text::escaped(&typed(&Json::Object(overrides), &CONTAINER_LIST));
        if let Some(annotations) = containers::metadata_mut(&mut merged, "annotations") {
            annotations.insert(OVERRIDES.to_owned(), value.into());
        }
    }
    follow_user(&mut merged, pod, &made.proxy_config);
    Ok(merged)
}

/// Where the user gave the proxy another user or group, what sets up the capture must know: it lets this user through.
fn follow_user(merged: &mut Json, pod: &Json, proxy_config: &Json) {
    let Some(context) = containers::anywhere(pod, PROXY).and_then(|own| own.get("securityContext"))
    else {
        return;
    };
    let said = |key: &str| context.get(key).and_then(Json::as_i64);
    let (user, group) = (said("runAsUser"), said("runAsGroup"));
    if user.is_none() && group.is_none() {
        return;
    }
    let mode = proxy_config.get("interceptionMode").and_then(Json::as_str);
    let tproxy = mode == Some("TPROXY")
        || containers::annotation(merged, "sidecar.istio.io/interceptionMode") == Some("TPROXY");
    let names = ["istio-init", "istio-validation"];
    let list = containers::list(merged, INIT_CONTAINERS);
    let Some(name) = names.into_iter().find(|name| containers::find(list, name).is_some()) else {
        return;
    };
    // Transparent capture needs root.
    if tproxy
        && user.is_some()
        && let Some(context) = containers::proxy_mut(merged)
            .and_then(|proxy| proxy.get_mut("securityContext"))
            .and_then(Json::as_object_mut)
    {
        context.insert("runAsUser".into(), 0.into());
    }
    let Some(init) = containers::list_mut(merged, INIT_CONTAINERS)
        .into_iter()
        .flatten()
        .find(|container| containers::name(container) == name)
    else {
        return;
    };
    if !tproxy
        && name == "istio-validation"
        && let Some(entries) = init.as_object_mut()
        && let Some(context) =
            entries.entry("securityContext").or_insert_with(|| json!({})).as_object_mut()
    {
        for (key, value) in [("runAsUser", user), ("runAsGroup", group)] {
            if let Some(value) = value {
                context.insert(key.to_owned(), value.into());
            }
        }
    }
    if let Some(user) = user.filter(|user| *user != 0)
        && let Some(arguments) = init.get_mut("args").and_then(Json::as_array_mut)
        && let Some(at) = arguments.iter().position(|argument| argument.as_str() == Some("-u"))
        && let Some(value) = arguments.get_mut(at + 1)
    {
        *value = user.to_string().into();
    }
}

#[cfg(test)]
mod tests;
