//! The ProxyConfig of a proxy, as far as it shapes connection managers: what the node says, else what the mesh says
//! for all. Not both laid over each other: a node that says anything says everything.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::api::{MeshConfig, Str};
use crate::model::Proxy;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfig {
    /// What stands before a gateway.
    pub gateway_topology: Topology,
    /// The headers by which proxies tell about themselves.
    pub proxy_headers: Headers,
    /// Who does the work with private keys.
    pub private_key_provider: KeyProvider,
}

/// Who does the work with private keys: the proxy itself if neither is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyProvider {
    /// RSA operations in batches, with AVX-512.
    pub cryptomb: Option<Accelerator>,
    /// Intel's QuickAssist hardware.
    pub qat: Option<Accelerator>,
}

/// What does the work with private keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Accelerator {
    /// How long it gathers operations, or is left alone, such as `0.002s`.
    pub poll_delay: Str,
    /// Where it does not exist the proxy does the work itself.
    pub fallback: bool,
}

/// What stands before a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Topology {
    /// How many trusted proxies appended to X-Forwarded-For.
    pub num_trusted_proxies: u32,
    /// What becomes of X-Forwarded-Client-Cert.
    pub forward_client_cert_details: ForwardClientCert,
    /// The PROXY protocol is expected.
    pub proxy_protocol: Option<Empty>,
}

/// A message without fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Empty {}

/// What becomes of X-Forwarded-Client-Cert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the API's own names")]
pub enum ForwardClientCert {
    #[default]
    Undefined,
    Sanitize,
    ForwardOnly,
    AppendForward,
    SanitizeSet,
    AlwaysForwardOnly,
}

/// The headers by which proxies tell about themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Headers {
    /// X-Forwarded-Client-Cert of sidecars.
    pub forwarded_client_cert: ForwardClientCert,
    /// What sidecars tell in it.
    pub set_current_client_cert_details: Option<ClientCertDetails>,
    /// X-Request-Id.
    pub request_id: Switch,
    /// `Server`.
    pub server: Server,
    /// X-Envoy-Attempt-Count.
    pub attempt_count: Switch,
    /// X-Envoy-… of responses.
    pub envoy_debug_headers: Switch,
    /// The headers in which proxies tell who they are.
    pub metadata_exchange_headers: MetadataExchange,
    /// X-Forwarded-Port.
    pub x_forwarded_port: Enabled,
    /// X-Forwarded-Host, where a host is rewritten.
    pub x_forwarded_host: Enabled,
    /// Header names of HTTP/1 keep their case.
    pub preserve_http1_header_case: bool,
}

/// A header that is there unless it is switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Switch {
    /// It is switched off.
    pub disabled: bool,
}

/// A header that is not there unless it is switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Enabled {
    /// It is switched on.
    pub enabled: bool,
}

/// The header `Server`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// It passes through.
    pub disabled: bool,
    /// Its value; empty for the default.
    pub value: Str,
}

/// What of a client's certificate is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the API's own names")]
pub struct ClientCertDetails {
    pub subject: Option<bool>,
    pub cert: Option<bool>,
    pub chain: Option<bool>,
    pub dns: Option<bool>,
    pub uri: Option<bool>,
}

/// The headers in which proxies tell who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetadataExchange {
    /// To whom.
    pub mode: ExchangeMode,
}

/// To whom proxies tell who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the API's own names")]
pub enum ExchangeMode {
    #[default]
    Undefined,
    InMesh,
}

impl ProxyConfig {
    /// Of a proxy in a mesh. What is not as it should be counts as absent: a proxy must not be without configuration
    /// because of a header.
    pub fn of(proxy: &Proxy, mesh: &MeshConfig) -> ProxyConfig {
        let own = proxy.metadata.get("PROXY_CONFIG").filter(|own| own.is_object());
        let Some(config) = own.or_else(|| mesh.raw.get("defaultConfig")) else {
            return ProxyConfig::default();
        };
        ProxyConfig {
            gateway_topology: field(config, "gatewayTopology"),
            proxy_headers: field(config, "proxyHeaders"),
            private_key_provider: field(config, "privateKeyProvider"),
        }
    }
}

fn field<T: serde::de::DeserializeOwned + Default>(config: &Json, name: &str) -> T {
    config.get(name).and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
