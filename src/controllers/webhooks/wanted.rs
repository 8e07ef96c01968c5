//! What a configuration should say, and what is different. Pure.
//!
//! Only two fields are ours: the roots by which the API server knows the webhooks, and the policy of validation, which
//! goes from Ignore to Fail and never back. Everything else stays as others wrote it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::api::{ApiResource, DynamicObject};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

/// What is behind this in the name of a webhook injects sidecars.
pub const INJECTOR: &str = "sidecar-injector.istio.io";

/// The kinds of configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Those by which pods are injected.
    Mutating,
    /// Those by which objects are validated.
    Validating,
}

/// What all webhooks of one kind should say.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The roots in PEM.
    pub bundle: &'a str,
    /// Whether what the webhook does not answer is refused. Of no meaning to injection, which its owner decides.
    pub closed: bool,
}

impl Sort {
    /// The name of the kind.
    pub fn kind(self) -> &'static str {
        match self {
            Sort::Mutating => "MutatingWebhookConfiguration",
            Sort::Validating => "ValidatingWebhookConfiguration",
        }
    }

    /// What it is to the API server.
    pub fn resource(self) -> ApiResource {
        let (group, version) = ("admissionregistration.k8s.io", "v1");
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: format!("{group}/{version}"),
            kind: self.kind().to_owned(),
            plural: format!("{}s", self.kind().to_ascii_lowercase()),
        }
    }

    /// Whether a webhook of such a configuration is one of Istio's.
    fn has(self, webhook: &Value) -> bool {
        self == Sort::Validating || name(webhook).ends_with(INJECTOR)
    }

    /// The webhooks of a configuration that are Istio's.
    pub fn webhooks(self, object: &DynamicObject) -> impl Iterator<Item = &Value> {
        list(object).iter().filter(move |webhook| self.has(webhook))
    }

    /// The webhooks of a configuration as they should be; None where they are.
    pub fn corrected(self, object: &DynamicObject, wanted: Wanted<'_>) -> Option<Value> {
        let mut all = list(object).to_vec();
        let mut differs = false;
        for webhook in all.iter_mut().filter(|webhook| self.has(webhook)) {
            if !has_roots(webhook, wanted.bundle)
                && let Some(client) = webhook.get_mut("clientConfig").and_then(Value::as_object_mut)
            {
                client.insert("caBundle".to_owned(), STANDARD.encode(wanted.bundle).into());
                differs = true;
            }
            if self == Sort::Validating
                && wanted.closed
                && is_open(webhook)
                && let Some(fields) = webhook.as_object_mut()
            {
                fields.insert("failurePolicy".to_owned(), "Fail".into());
                differs = true;
            }
        }
        differs.then_some(Value::Array(all))
    }
}

/// The name of a webhook.
pub fn name(webhook: &Value) -> &str {
    webhook.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Whether what a webhook does not answer is let through.
pub fn is_open(webhook: &Value) -> bool {
    webhook.get("failurePolicy").and_then(Value::as_str).is_some_and(|policy| policy != "Fail")
}

/// Who wrote last, as far as the object tells, if it was somebody else.
pub fn last_writer<'a>(object: &'a DynamicObject, own: &str) -> Option<&'a str> {
    let entries = object.metadata.managed_fields.iter().flatten();
    let last = entries.filter(|entry| entry.time.is_some()).max_by_key(|entry| entry.time.as_ref());
    last?.manager.as_deref().filter(|manager| *manager != own)
}

fn list(object: &DynamicObject) -> &[Value] {
    object.data.get("webhooks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a webhook has these roots. How they are written is not regarded: that others write the same certificates
/// in another way is no reason to write.
fn has_roots(webhook: &Value, bundle: &str) -> bool {
    let written = webhook.pointer("/clientConfig/caBundle").and_then(Value::as_str);
    let Some(written) = written.and_then(|text| STANDARD.decode(text).ok()) else { return false };
    written == bundle.as_bytes()
        || roots(&written).is_some_and(|written| Some(written) == roots(bundle.as_bytes()))
}

/// The certificates of a bundle; None where something in it is broken, or there is none.
fn roots(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests;
