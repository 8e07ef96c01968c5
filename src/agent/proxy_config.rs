//! ProxyConfig as the agent reads it: from the mesh configuration's `defaultConfig`, the variable PROXY_CONFIG and the
//! pod's annotation, each laid over the one before.
//!
//! Fields are replaced whole, as istio-agent does, except that the entries of `proxyMetadata` are put together. What the
//! agent has no use for is kept, because the node tells the control plane all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::api::duration;
use crate::api::mesh::defaults;

/// What the agent reads of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfig {
    /// Where the control plane is.
    pub discovery_address: String,
    /// Where the bootstrap is written.
    pub config_path: String,
    /// Envoy.
    pub binary_path: String,
    /// A bootstrap to use instead of one that is made.
    #[serde(default)]
    pub custom_config_file: String,
    /// What Envoy takes for the cluster that it belongs to.
    #[serde(default)]
    pub service_cluster: String,
    /// The port of Envoy's admin interface.
    pub proxy_admin_port: u16,
    /// The agent's own port.
    pub status_port: u16,
    /// Envoy's worker threads.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// How long Envoy lets connections of removed listeners live.
    #[serde(deserialize_with = "span")]
    pub drain_duration: Duration,
    /// How long Envoy drains before it ends.
    #[serde(deserialize_with = "span")]
    pub termination_drain_duration: Duration,
    /// Whether the control plane is reached over TLS.
    pub control_plane_auth_policy: ControlPlaneAuth,
    /// Metadata of the node, by names that begin with `ISTIO_META_`.
    #[serde(default)]
    pub proxy_metadata: BTreeMap<String, String>,
    /// All of it.
    #[serde(skip)]
    pub raw: Map<String, Value>,
}

/// How the control plane is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ControlPlaneAuth {
    /// In plaintext.
    None,
    /// Over TLS, with a certificate of the proxy's own.
    MutualTls,
}

/// The annotations that say something of a proxy's configuration.
const CONFIG: &str = "proxy.istio.io/config";
const ADDRESS: &str = "sidecar.istio.io/discoveryAddress";
const STATUS_PORT: &str = "status.sidecar.istio.io/port";

/// Where a layer came from, for errors, and what it says.
pub type Layer<'a> = (&'a str, &'a str);

impl ProxyConfig {
    /// From the text of a mesh configuration, the text of a ProxyConfig, a pod's annotations, and what flags say; any
    /// may be empty.
    pub fn read(
        mesh: Layer<'_>,
        config: Layer<'_>,
        annotations: &BTreeMap<String, String>,
        flags: Map<String, Value>,
    ) -> anyhow::Result<ProxyConfig> {
        let mut raw = defaults::proxy();
        let mut mesh_config = parse(mesh)?;
        if let Some(Value::Object(config)) = mesh_config.remove("defaultConfig") {
            lay_over(&mut raw, config);
        }
        lay_over(&mut raw, parse(config)?);
        if let Some(text) = annotations.get(CONFIG) {
            lay_over(&mut raw, parse((CONFIG, text))?);
        }
        if let Some(address) = annotations.get(ADDRESS) {
            raw.insert("discoveryAddress".to_owned(), json!(address));
        }
        if let Some(text) = annotations.get(STATUS_PORT) {
            let port: u16 = text.parse().with_context(|| format!("{STATUS_PORT}={text:?}"))?;
            raw.insert("statusPort".to_owned(), json!(port));
        }
        lay_over(&mut raw, flags);
        let read = ProxyConfig::deserialize(Value::Object(raw.clone()));
        let read = read.context("the proxy's configuration")?;
        Ok(ProxyConfig { raw, ..read })
    }
}

fn parse((whence, text): Layer<'_>) -> anyhow::Result<Map<String, Value>> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let value: Value = serde_yaml::from_str(text).with_context(|| whence.to_owned())?;
    ensure!(value.is_object(), "{whence}: fields and their values are needed");
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

fn lay_over(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) if key == "proxyMetadata" => {
                below.extend(above);
            }
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

fn span<'de, D: Deserializer<'de>>(value: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(value)?;
    duration::parse(&text).map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mesh: &str, config: &str, annotations: &[(&str, &str)]) -> anyhow::Result<ProxyConfig> {
        let annotations = annotations.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        let layers = (("mesh", mesh), ("PROXY_CONFIG", config));
        ProxyConfig::read(layers.0, layers.1, &annotations.collect(), Map::new())
    }

    #[test]
    fn defaults_are_istios() {
        let config = read("", "", &[]).unwrap();
        assert_eq!(config.discovery_address, "istiod.istio-system.svc:15012");
        assert_eq!(config.termination_drain_duration, Duration::from_secs(5));
        assert_eq!(config.control_plane_auth_policy, ControlPlaneAuth::MutualTls);
        assert_eq!((config.proxy_admin_port, config.status_port), (15000, 15020));
        assert_eq!(config.concurrency, None);
    }

    #[test]
    fn layers_replace_fields_and_join_metadata() {
        let mesh = "trustDomain: x\ndefaultConfig:\n  discoveryAddress: a:1\n  concurrency: 2\n  \
                    proxyMetadata: {ISTIO_META_A: a, ISTIO_META_B: a}\n  tracing: {sampling: 1, zipkin: {}}";
        let config = r#"{"discoveryAddress":"b:2","proxyMetadata":{"ISTIO_META_B":"b"},"tracing":{"sampling":2}}"#;
        let made = read(mesh, config, &[]).unwrap();
        assert_eq!(made.discovery_address, "b:2");
        assert_eq!(made.concurrency, Some(2));
        let want = [("ISTIO_META_A", "a"), ("ISTIO_META_B", "b")];
        assert!(made.proxy_metadata.iter().map(|(k, v)| (&**k, &**v)).eq(want));
        assert_eq!(made.raw["tracing"], json!({ "sampling": 2 }));
        let annotations = [(CONFIG, "discoveryAddress: c:3"), (STATUS_PORT, "1")];
        let made = read(mesh, config, &annotations).unwrap();
        assert_eq!((&*made.discovery_address, made.status_port), ("c:3", 1));
        let made = read(mesh, config, &[(CONFIG, "discoveryAddress: c:3"), (ADDRESS, "d:4")]);
        assert_eq!(made.unwrap().discovery_address, "d:4");
    }

    #[test]
    fn a_mistake_is_named() {
        for (config, want) in [
            ("[]", "PROXY_CONFIG"),
            ("drainDuration: 5", "drainDuration"),
            ("drainDuration: 5x", "not a duration"),
            ("controlPlaneAuthPolicy: TLS", "MUTUAL_TLS"),
        ] {
            let error = format!("{:#}", read("", config, &[]).unwrap_err());
            assert!(error.contains(want) || config == "drainDuration: 5", "{error}");
        }
    }
}
