//! The containers of a pod, as JSON: finding, moving, ordering.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::PROXY;

/// The lists of containers, and where they are.
pub(super) const CONTAINERS: &str = "containers";
pub(super) const INIT_CONTAINERS: &str = "initContainers";

/// The containers of one list.
pub(super) fn list<'a>(pod: &'a Json, name: &str) -> &'a [Json] {
    let list = pod.get("spec").and_then(|spec| spec.get(name)).and_then(Json::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// The containers of one list, to be changed. None when there is no such list.
pub(super) fn list_mut<'a>(pod: &'a mut Json, name: &str) -> Option<&'a mut Vec<Json>> {
    pod.get_mut("spec")?.get_mut(name)?.as_array_mut()
}

/// The container of a name in a list.
pub(super) fn find<'a>(containers: &'a [Json], name: &str) -> Option<&'a Json> {
    containers.iter().find(|container| has_name(container, name))
}

/// The container of a name, in either list.
pub(super) fn anywhere<'a>(pod: &'a Json, name: &str) -> Option<&'a Json> {
    find(list(pod, CONTAINERS), name).or_else(|| find(list(pod, INIT_CONTAINERS), name))
}

/// The proxy, in either list.
pub(super) fn proxy_mut(pod: &mut Json) -> Option<&mut Json> {
    let of = match find(list(pod, CONTAINERS), PROXY) {
        Some(_) => CONTAINERS,
        None => INIT_CONTAINERS,
    };
    list_mut(pod, of)?.iter_mut().find(|container| has_name(container, PROXY))
}

/// The name of a container.
pub(super) fn name(container: &Json) -> &str {
    container.get("name").and_then(Json::as_str).unwrap_or_default()
}

fn has_name(container: &Json, wanted: &str) -> bool {
    container.get("name").and_then(Json::as_str) == Some(wanted)
}

/// A map of texts.
pub(super) fn texts(object: &Json, pointer: &str) -> BTreeMap<String, String> {
    let entries = object.pointer(pointer).and_then(Json::as_object);
    let texts = entries
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| value.as_str().map(|text| (key.clone(), text.to_owned())));
    texts.collect()
}

/// An annotation of a pod.
pub(super) fn annotation<'a>(pod: &'a Json, name: &str) -> Option<&'a str> {
    pod.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// A map of the metadata of a pod, made when it is not there.
pub(super) fn metadata_mut<'a>(
    pod: &'a mut Json,
    name: &str,
) -> Option<&'a mut serde_json::Map<String, Json>> {
    let metadata = pod.as_object_mut()?.entry("metadata").or_insert_with(|| json!({}));
    metadata.as_object_mut()?.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

/// Whether the proxy of a pod is a native sidecar: its annotation decides over what is usual.
pub(super) fn is_native(pod: &Json, usual: bool) -> bool {
    match annotation(pod, "sidecar.istio.io/nativeSidecar") {
        Some("true") => true,
        Some("false") => false,
        _ => usual,
    }
}

/// Moves a proxy that the user customizes among the init containers, when the template has it there.
pub(super) fn follow_template(pod: &mut Json, template: &Json) {
    if find(list(template, INIT_CONTAINERS), PROXY).is_none() {
        return;
    }
    let Some(containers) = list_mut(pod, CONTAINERS) else { return };
    let Some(at) = containers.iter().position(|container| has_name(container, PROXY)) else {
        return;
    };
    let proxy = containers.remove(at);
    if let Some(spec) = pod.get_mut("spec").and_then(Json::as_object_mut)
        && let Some(list) = spec.entry(INIT_CONTAINERS).or_insert_with(|| json!([])).as_array_mut()
    {
        list.push(proxy);
    }
}

/// Where a container goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    First,
    Last,
    Away,
}

/// Moves the containers of a name.
pub(super) fn place(pod: &mut Json, list_name: &str, wanted: &str, to: To) {
    let Some(list) = list_mut(pod, list_name) else { return };
    let (moved, mut rest): (Vec<Json>, Vec<Json>) =
        std::mem::take(list).into_iter().partition(|container| has_name(container, wanted));
    // Of several with one name the last is meant, as everywhere.
    let moved = moved.into_iter().next_back();
    match to {
        To::First => rest.splice(0..0, moved).for_each(drop),
        To::Last => rest.extend(moved),
        To::Away => {}
    }
    *list = rest;
}

/// Gives new containers the empty resources that Kubernetes writes for each.
pub(super) fn with_resources(mut pod: Json, original: &Json) -> Json {
    for list_name in [CONTAINERS, INIT_CONTAINERS] {
        for container in list_mut(&mut pod, list_name).into_iter().flatten() {
            let old = anywhere(original, name(container));
            if old.is_none_or(|old| old.get("resources").is_some())
                && let Some(entries) = container.as_object_mut()
            {
                entries.entry("resources").or_insert_with(|| json!({}));
            }
        }
    }
    pod
}
