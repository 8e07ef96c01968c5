//! Metrics of the application and of the proxy from one port: the agent's.
//!
//! What the pod says of scraping goes into a variable of the proxy, and its annotations name the agent instead. Prometheus reads
//! `prometheus.io/port`, `prometheus_io_port` and the like as one; so does this.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::annotations::boolean;
use super::{Injector, Made, containers};

const SCRAPE: &str = "prometheus_io_scrape";
const PORT: &str = "prometheus_io_port";
const PATH: &str = "prometheus_io_path";

/// Whether a pod wants this, in place of the mesh.
const MERGE: &str = "prometheus.istio.io/merge-metrics";
/// What tells the agent where the application's metrics are.
const VARIABLE: &str = "ISTIO_PROMETHEUS_ANNOTATIONS";

/// Points the annotations to the agent.
pub(super) fn finish(injector: &Injector, made: &mut Made) {
    let annotations = containers::texts(&made.merged, "/metadata/annotations");
    let said = said(&annotations);
    let wanted = said.get(SCRAPE).and_then(|text| boolean(text)).unwrap_or(true);
    let port = injector.mesh.status_port().to_string();
    // Where the port is the agent's already, the user or an earlier injection did this.
    if !wanted || !merges(injector, &annotations) || said.get(PORT) == Some(&port.as_str()) {
        return;
    }
    let part = |name: &str| said.get(name).copied().unwrap_or_default();
    if !said.is_empty()
        && [SCRAPE, PATH, PORT].iter().any(|name| !part(name).is_empty())
        && let Some(proxy) = containers::proxy_mut(&mut made.merged)
    {
        let quote = |text: &str| Json::from(text).to_string();
        let value = format!(
            r#"{{"scrape":{},"path":{},"port":{}}}"#,
            quote(part(SCRAPE)),
            quote(part(PATH)),
            quote(part(PORT))
        );
        super::finish::push_variable(proxy, VARIABLE, &value);
    }
    clear(&mut made.merged);
    if let Some(annotations) = containers::metadata_mut(&mut made.merged, "annotations") {
        annotations.insert("prometheus.io/port".into(), json!(port));
        annotations.insert("prometheus.io/path".into(), json!("/stats/prometheus"));
        annotations.insert("prometheus.io/scrape".into(), json!("true"));
    }
}

/// Takes the annotations out that an earlier injection made.
pub(super) fn undo(pod: &mut Json, status_port: i64) {
    let annotations = containers::texts(pod, "/metadata/annotations");
    if said(&annotations).get(PORT) == Some(&status_port.to_string().as_str()) {
        clear(pod);
    }
}

/// What the annotations say, by the names that Prometheus gives them.
fn said(annotations: &BTreeMap<String, String>) -> BTreeMap<&'static str, &str> {
    let found = annotations.iter().filter_map(|(key, value)| Some((known(key)?, value.as_str())));
    found.collect()
}

fn clear(pod: &mut Json) {
    if let Some(annotations) = containers::metadata_mut(pod, "annotations") {
        annotations.retain(|key, _| known(key).is_none());
    }
}

fn known(key: &str) -> Option<&'static str> {
    let name: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    [SCRAPE, PORT, PATH].into_iter().find(|known| *known == name)
}

fn merges(injector: &Injector, annotations: &BTreeMap<String, String>) -> bool {
    let own = annotations.get(MERGE).and_then(|text| boolean(text));
    own.unwrap_or_else(|| {
        let mesh = injector.mesh.at("/enablePrometheusMerge").and_then(Json::as_bool);
        mesh.unwrap_or(true)
    })
}
