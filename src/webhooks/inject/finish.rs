//! What no template can do: what depends on the whole pod once all is merged.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::containers::{self, CONTAINERS, INIT_CONTAINERS, To};
use super::overrides::STATUS;
use super::{Injector, Made, PROXY, probes, prometheus};
use crate::webhooks::schema::json as text;
use crate::webhooks::template::Value;

/// The label of a pod's network.
const NETWORK: &str = "topology.istio.io/network";

/// Finishes a pod.
pub(super) fn finish(injector: &Injector, made: &mut Made) -> Result<(), String> {
    set_environment(&mut made.merged, &made.environment);
    prometheus::finish(injector, made);
    probes::finish(injector, made)?;
    set_metadata(injector, made);
    order(injector, &mut made.merged, &made.proxy_config);
    Ok(())
}

/// A variable more for a container.
pub(super) fn push_variable(container: &mut Json, name: &str, value: &str) {
    if let Some(entries) = container.as_object_mut()
        && let Some(variables) = entries.entry("env").or_insert_with(|| json!([])).as_array_mut()
    {
        variables.push(json!({"name": name, "value": value}));
    }
}

/// What the path of the webhook and the values say of cluster and network is last, and alone.
fn set_environment(pod: &mut Json, environment: &BTreeMap<String, String>) {
    let Some(proxy) = containers::proxy_mut(pod) else { return };
    if let Some(variables) = proxy.get_mut("env").and_then(Json::as_array_mut) {
        variables.retain(|variable| {
            let name = variable.get("name").and_then(Json::as_str).unwrap_or_default();
            !environment.contains_key(name)
        });
    }
    for (name, value) in environment {
        push_variable(proxy, name, value);
    }
}

fn set_metadata(injector: &Injector, made: &mut Made) {
    if let Some(network) = made.environment.get("ISTIO_META_NETWORK")
        && let Some(labels) = containers::metadata_mut(&mut made.merged, "labels")
    {
        labels.insert(NETWORK.into(), network.clone().into());
    }
    let status = status(&made.template, &injector.revision);
    if let Some(annotations) = containers::metadata_mut(&mut made.merged, "annotations") {
        annotations.insert(STATUS.into(), status.into());
        for (key, value) in &injector.config.injected_annotations {
            annotations.insert(key.clone(), value.clone().into());
        }
    }
}

/// What was injected, by name.
fn status(template: &Json, revision: &str) -> String {
    let mut out = String::from("{");
    for (key, list) in [
        ("initContainers", containers::list(template, INIT_CONTAINERS)),
        ("containers", containers::list(template, CONTAINERS)),
        ("volumes", containers::list(template, "volumes")),
        ("imagePullSecrets", containers::list(template, "imagePullSecrets")),
    ] {
        // Go writes a slice that was never made as null.
        let names = match list {
            [] => Value::Nil,
            list => Value::list(list.iter().map(|item| Value::text(containers::name(item)))),
        };
        out.push_str(&format!("{key:?}:{},", text::escaped(&names)));
    }
    let revision = if revision.is_empty() { "default" } else { revision };
    out.push_str(&format!("\"revision\":{}}}", text::escaped(&Value::text(revision))));
    out
}

/// The order of containers: who is captured by whom.
fn order(injector: &Injector, merged: &mut Json, proxy_config: &Json) {
    let key = "holdApplicationUntilProxyStarts";
    let holds = proxy_config.get(key) == Some(&json!(true))
        || injector.values.flag("/global/proxy/holdApplicationUntilProxyStarts");
    // Last, so that `kubectl exec` and the like go to the application.
    let proxy = if holds { To::First } else { To::Last };
    containers::place(merged, CONTAINERS, PROXY, proxy);
    let native = containers::find(containers::list(merged, INIT_CONTAINERS), PROXY).is_some();
    // With a native sidecar, init containers are in the mesh: capture, proxy, the rest. Without one, nothing is captured
    // before all others are done.
    let places: &[(&str, To)] = match native {
        true => &[
            ("enable-core-dump", To::First),
            (PROXY, To::First),
            ("istio-validation", To::First),
            ("istio-init", To::First),
        ],
        false => &[
            ("istio-validation", To::First),
            ("istio-init", To::Last),
            ("enable-core-dump", To::Last),
        ],
    };
    for (name, to) in places {
        containers::place(merged, INIT_CONTAINERS, name, *to);
    }
}
