//! What proxies of virtual machines tell of their workload, beside what they ask for.

use std::sync::Arc;

use jiff::Timestamp;

use super::Proxy;
use crate::api::{Kind, ObjectKey, Str};

/// The annotation of entries whose proxies check the health; its value only decides whether that counts.
pub const HEALTH_CHECKED: &str = "proxy.istio.io/health-checks-enabled";

/// The longest name of an object.
const MAX_NAME: usize = 253;

/// Something that is to be known of a WorkloadEntry, from the proxy of that workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The WorkloadEntry.
    pub entry: ObjectKey,
    /// The proxy, where its entry is to be made if there is none.
    pub registers: Option<Arc<Proxy>>,
    /// When the proxy connected.
    pub connected: Timestamp,
    /// When this was said.
    pub at: Timestamp,
    /// What was said.
    pub said: Said,
}

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The proxy connected.
    Connected,
    /// The workload answers.
    Healthy,
    /// The workload does not answer, and why.
    Unhealthy(Str),
    /// The connection ended.
    Disconnected,
}

impl Proxy {
    /// The WorkloadEntry of its workload, where the proxy stands for one: that which it would register in its group,
    /// else that which it names.
    pub fn workload_entry(&self) -> Option<ObjectKey> {
        self.registered_entry().or_else(|| self.named_entry())
    }

    /// The WorkloadGroup in which it registers itself (metadata AUTO_REGISTER_GROUP).
    pub fn group(&self) -> Option<&str> {
        self.told("AUTO_REGISTER_GROUP")
    }

    /// The WorkloadEntry that it registers itself with.
    pub fn registered_entry(&self) -> Option<ObjectKey> {
        let (group, ip) = (self.group()?, self.ips.first()?);
        let ip = ip.to_string().replace(':', "-");
        let network = match &*self.network {
            "" => String::new(),
            network => format!("-{network}"),
        };
        self.entry(&last(format!("{group}-{ip}{network}"), MAX_NAME))
    }

    /// The WorkloadEntry that it names (metadata WORKLOAD_ENTRY).
    pub fn named_entry(&self) -> Option<ObjectKey> {
        self.entry(self.told("WORKLOAD_ENTRY")?)
    }

    fn entry(&self, name: &str) -> Option<ObjectKey> {
        let namespace = Some(&self.namespace).filter(|namespace| !namespace.is_empty())?;
        Some(ObjectKey::new(Kind::WorkloadEntry, namespace, name))
    }

    fn told(&self, key: &str) -> Option<&str> {
        let text = self.metadata.get(key).and_then(serde_json::Value::as_str);
        text.filter(|text| !text.is_empty())
    }
}

/// The last part of a text, of at most so many bytes.
fn last(text: String, bytes: usize) -> String {
    let over = text.len().saturating_sub(bytes);
    let start = (over..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(start..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
