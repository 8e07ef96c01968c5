//! What proxies of virtual machines tell of their workload, beside what they ask for.

use jiff::Timestamp;

use super::Proxy;
use crate::api::{Kind, ObjectKey, Str};

/// The longest name of an object.
const MAX_NAME: usize = 253;

/// Something that is to be known of a WorkloadEntry, from the proxy of that workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The WorkloadEntry.
    pub entry: ObjectKey,
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
    /// The WorkloadEntry of its workload, where the proxy stands for one: that which it would register in its group
    /// (metadata AUTO_REGISTER_GROUP), else that which it names (WORKLOAD_ENTRY).
    pub fn workload_entry(&self) -> Option<ObjectKey> {
        let text = |key: &str| {
            let text = self.metadata.get(key).and_then(serde_json::Value::as_str);
            text.filter(|text| !text.is_empty())
        };
        let name = match (text("AUTO_REGISTER_GROUP"), self.ips.first()) {
            (Some(group), Some(ip)) => {
                let ip = ip.to_string().replace(':', "-");
                let network = match &*self.network {
                    "" => String::new(),
                    network => format!("-{network}"),
                };
                last(format!("{group}-{ip}{network}"), MAX_NAME)
            }
            _ => text("WORKLOAD_ENTRY")?.to_owned(),
        };
        Some(ObjectKey::new(Kind::WorkloadEntry, &self.namespace, &name))
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
