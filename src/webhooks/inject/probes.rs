//! Probes of the kubelet, which is outside of the mesh: they go to the agent, which asks the application.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::annotations::boolean;
use super::containers::{self, CONTAINERS, INIT_CONTAINERS};
use super::overrides::STATUS;
use super::{Injector, Made, PROXY};
use crate::webhooks::schema::canonical::canonical;
use crate::webhooks::schema::typed::typed;
use crate::webhooks::schema::{Type, json as text};

/// What tells the agent how to ask the application.
const VARIABLE: &str = "ISTIO_KUBE_APP_PROBERS";
/// Whether a pod wants this.
const REWRITE: &str = "sidecar.istio.io/rewriteAppHTTPProbers";
/// The agent's port, where a pod changes it.
const PORT: &str = "status.sidecar.istio.io/port";

/// What can be asked, where it is in a container, and by which path.
const ASKED: &[(&str, &str)] = &[
    ("/readinessProbe", "app-health/NAME/readyz"),
    ("/livenessProbe", "app-health/NAME/livez"),
    ("/startupProbe", "app-health/NAME/startupz"),
    ("/lifecycle/preStop", "app-lifecycle/NAME/prestopz"),
    ("/lifecycle/postStart", "app-lifecycle/NAME/poststartz"),
];

/// The ways of asking that the kubelet has and the agent takes over. Lifecycle hooks know no gRPC.
const WAYS: &[&str] = &["httpGet", "tcpSocket", "grpc"];

const PROBER: Type = Type::Struct("Prober");

/// Sends the probes of a pod to its agent.
pub(super) fn finish(injector: &Injector, made: &mut Made) -> Result<(), String> {
    let pod = &mut made.merged;
    let own = containers::annotation(pod, REWRITE).and_then(boolean);
    let usual = || injector.values.flag("/sidecarInjectorWebhook/rewriteAppHTTPProbe");
    if containers::proxy_mut(pod).is_none() || !own.unwrap_or_else(usual) {
        return Ok(());
    }
    let usual_port = injector.mesh.status_port();
    let mut probers = probers(pod, usual_port);
    if !probers.is_empty() {
        let again = containers::annotation(pod, STATUS).is_some();
        if let Some(proxy) = containers::proxy_mut(pod) {
            let known = if again { take_known(proxy, &mut probers) } else { None };
            let value = written(&probers);
            match known {
                Some(variable) => *variable = json!({"name": VARIABLE, "value": value}),
                None => super::finish::push_variable(proxy, VARIABLE, &value),
            }
        }
    }
    let port = match containers::annotation(pod, PORT) {
        // The template's annotations were not checked as the pod's were.
        Some(port) => port.trim().parse().map_err(|_| format!("{PORT}={port:?} is no port"))?,
        None => usual_port,
    };
    rewrite(pod, port);
    Ok(())
}

/// The variable of an earlier injection, whose probers are added to those that there are: they win.
fn take_known<'a>(
    proxy: &'a mut Json,
    probers: &mut BTreeMap<String, Json>,
) -> Option<&'a mut Json> {
    let variables = proxy.get_mut("env")?.as_array_mut()?;
    let known = variables
        .iter_mut()
        .find(|variable| variable.get("name").and_then(Json::as_str) == Some(VARIABLE))?;
    let text = known.get("value").and_then(Json::as_str).unwrap_or_default();
    if let Ok(Json::Object(entries)) = serde_json::from_str(text) {
        for (path, prober) in entries {
            if let Ok(prober) = canonical(prober, &PROBER) {
                probers.insert(path, prober);
            }
        }
    }
    Some(known)
}

fn written(probers: &BTreeMap<String, Json>) -> String {
    let probers = probers
        .iter()
        .map(|(path, prober)| format!("{path:?}:{}", text::escaped(&typed(prober, &PROBER))));
    format!("{{{}}}", probers.collect::<Vec<_>>().join(","))
}

/// How the agent asks, by path. Names of ports become numbers; what asks the agent already is left out.
fn probers(pod: &Json, status_port: i64) -> BTreeMap<String, Json> {
    let mut probers = BTreeMap::new();
    for list in [INIT_CONTAINERS, CONTAINERS] {
        for container in containers::list(pod, list) {
            if containers::name(container) == PROXY {
                continue;
            }
            for (place, path) in ASKED {
                let prober = container.pointer(place).and_then(way);
                let Some((probe, way)) = prober else { continue };
                if let Some(prober) = prober_of(probe, way, container, status_port) {
                    probers.insert(path_of(path, container), prober);
                }
            }
        }
    }
    probers
}

fn path_of(path: &str, container: &Json) -> String {
    format!("/{}", path.replace("NAME", containers::name(container)))
}

/// The first way of asking that a probe has.
fn way(probe: &Json) -> Option<(&Json, &'static str)> {
    WAYS.iter().find(|way| probe.get(**way).is_some()).map(|way| (probe, *way))
}

fn prober_of(probe: &Json, way: &str, container: &Json, status_port: i64) -> Option<Json> {
    let mut asked = probe.get(way)?.clone();
    if way != "grpc" {
        let port = match asked.get("port") {
            Some(Json::String(name)) => named_port(container, name)?,
            port => port.cloned().unwrap_or_else(|| 0.into()),
        };
        let named = matches!(asked.get("port"), Some(Json::String(_)));
        if !named && port.as_i64() == Some(status_port) {
            return None;
        }
        asked.as_object_mut()?.insert("port".into(), port);
    }
    let mut prober = Map::new();
    prober.insert(way.to_owned(), asked);
    if let Some(seconds) = probe.get("timeoutSeconds") {
        prober.insert("timeoutSeconds".into(), seconds.clone());
    }
    Some(prober.into())
}

fn named_port(container: &Json, name: &str) -> Option<Json> {
    let ports = container.get("ports")?.as_array()?;
    // Of two ports with a name the last counts.
    let port = ports.iter().rfind(|port| port.get("name").and_then(Json::as_str) == Some(name))?;
    port.get("containerPort").cloned()
}

/// Makes every probe one of the agent's.
fn rewrite(pod: &mut Json, port: i64) {
    for list in [CONTAINERS, INIT_CONTAINERS] {
        for container in containers::list_mut(pod, list).into_iter().flatten() {
            if containers::name(container) == PROXY {
                continue;
            }
            for (place, path) in ASKED {
                let path = path_of(path, container);
                let Some(probe) = container.pointer_mut(place).and_then(Json::as_object_mut) else {
                    continue;
                };
                let is_hook = place.starts_with("/lifecycle");
                if let Some(get) = probe.get_mut("httpGet").and_then(Json::as_object_mut) {
                    get.insert("port".into(), port.into());
                    get.insert("path".into(), path.into());
                    // The agent speaks HTTPS to the application itself.
                    if get.get("scheme").and_then(Json::as_str) == Some("HTTPS") {
                        get.insert("scheme".into(), "HTTP".into());
                    }
                } else if probe.remove("tcpSocket").is_some()
                    || (!is_hook && probe.remove("grpc").is_some())
                {
                    probe.insert("httpGet".into(), json!({"port": port, "path": path}));
                }
            }
        }
    }
}
