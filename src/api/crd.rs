//! CustomResourceDefinitions: what Kubernetes has to know of Istio's kinds, from their types.

use serde_json::{Value, json};

use super::Kind;
use super::extensions::{TrafficExtension, WasmPlugin};
use super::networking::{
    DestinationRule, EnvoyFilter, Gateway, ProxyConfig, ServiceEntry, Sidecar, VirtualService,
    WorkloadEntry, WorkloadGroup,
};
use super::schema::structural;
use super::security::{AuthorizationPolicy, PeerAuthentication, RequestAuthentication};
use super::telemetry::Telemetry;

/// A column that `kubectl get` prints.
struct Column {
    name: &'static str,
    path: &'static str,
    description: &'static str,
}

/// When an object was created.
const AGE: Column = Column {
    name: "Age",
    path: ".metadata.creationTimestamp",
    description: "Since when it exists",
};

/// What Kubernetes shows of a kind, and asks of its objects.
struct Definition {
    kind: Kind,
    spec: Value,
    short_name: Option<&'static str>,
    columns: &'static [Column],
    /// An object without a spec says nothing.
    spec_required: bool,
    /// The version in which it is stored, where that is not the newest.
    stored: Option<&'static str>,
}

/// The definitions of all kinds that have types, in the order of their names.
pub fn definitions() -> Vec<Value> {
    let all = [
        Definition {
            kind: Kind::AuthorizationPolicy,
            spec: structural::<AuthorizationPolicy>(),
            short_name: Some("ap"),
            columns: &[
                Column {
                    name: "Action",
                    path: ".spec.action",
                    description: "What happens to the requests that it describes",
                },
                AGE,
            ],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::DestinationRule,
            spec: structural::<DestinationRule>(),
            short_name: Some("dr"),
            columns: &[
                Column { name: "Host", path: ".spec.host", description: "The host that it is for" },
                AGE,
            ],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::EnvoyFilter,
            spec: structural::<EnvoyFilter>(),
            short_name: None,
            columns: &[],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::Gateway,
            spec: structural::<Gateway>(),
            short_name: Some("gw"),
            columns: &[],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::PeerAuthentication,
            spec: structural::<PeerAuthentication>(),
            short_name: Some("pa"),
            columns: &[
                Column {
                    name: "Mode",
                    path: ".spec.mtls.mode",
                    description: "Which connections its workloads take",
                },
                AGE,
            ],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::ProxyConfig,
            spec: structural::<ProxyConfig>(),
            short_name: None,
            columns: &[],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::RequestAuthentication,
            spec: structural::<RequestAuthentication>(),
            short_name: Some("ra"),
            columns: &[],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::ServiceEntry,
            spec: structural::<ServiceEntry>(),
            short_name: Some("se"),
            columns: &[
                Column { name: "Hosts", path: ".spec.hosts", description: "Its host names" },
                Column {
                    name: "Location",
                    path: ".spec.location",
                    description: "Whether its endpoints are part of the mesh",
                },
                Column {
                    name: "Resolution",
                    path: ".spec.resolution",
                    description: "How its endpoints are found",
                },
                AGE,
            ],
            spec_required: true,
            stored: None,
        },
        Definition {
            kind: Kind::Sidecar,
            spec: structural::<Sidecar>(),
            short_name: None,
            columns: &[],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::Telemetry,
            spec: structural::<Telemetry>(),
            short_name: Some("telemetry"),
            columns: &[AGE],
            spec_required: false,
            stored: Some("v1alpha1"),
        },
        Definition {
            kind: Kind::TrafficExtension,
            spec: structural::<TrafficExtension>(),
            short_name: None,
            columns: &[AGE],
            spec_required: true,
            stored: None,
        },
        Definition {
            kind: Kind::VirtualService,
            spec: structural::<VirtualService>(),
            short_name: Some("vs"),
            columns: &[
                Column {
                    name: "Gateways",
                    path: ".spec.gateways",
                    description: "The gateways and sidecars that follow it",
                },
                Column {
                    name: "Hosts",
                    path: ".spec.hosts",
                    description: "The hosts that it routes",
                },
                AGE,
            ],
            spec_required: false,
            stored: None,
        },
        Definition {
            kind: Kind::WasmPlugin,
            spec: structural::<WasmPlugin>(),
            short_name: None,
            columns: &[AGE],
            spec_required: true,
            stored: None,
        },
        Definition {
            kind: Kind::WorkloadEntry,
            spec: structural::<WorkloadEntry>(),
            short_name: Some("we"),
            columns: &[
                AGE,
                Column {
                    name: "Address",
                    path: ".spec.address",
                    description: "Where it is reached",
                },
            ],
            spec_required: true,
            stored: None,
        },
        Definition {
            kind: Kind::WorkloadGroup,
            spec: structural::<WorkloadGroup>(),
            short_name: Some("wg"),
            columns: &[AGE],
            spec_required: true,
            stored: None,
        },
    ];
    all.iter().map(definition).collect()
}

fn definition(of: &Definition) -> Value {
    let kind = of.kind;
    let area = kind.group().split('.').next().unwrap_or_default();
    let mut labels =
        json!({ "app": "istio-pilot", "chart": "istio", "heritage": "Tiller", "release": "istio" });
    if let (Value::Object(labels), true) = (&mut labels, matches!(area, "security" | "telemetry")) {
        labels.insert("istio".to_owned(), json!(area));
    }
    let mut names = json!({
        "categories": ["istio-io", format!("{area}-istio-io")],
        "kind": kind.name(),
        "listKind": format!("{}List", kind.name()),
        "plural": kind.plural(),
        "singular": kind.name().to_ascii_lowercase(),
    });
    if let (Some(short), Value::Object(names)) = (of.short_name, &mut names) {
        names.insert("shortNames".to_owned(), json!([short]));
    }
    let versions = std::iter::once(kind.version()).chain(kind.aliases().iter().copied());
    let versions: Vec<Value> = versions.map(|version| of.version(version)).collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{}.{}", kind.plural(), kind.group()),
            // What users wrote must survive an uninstall of the chart.
            "annotations": { "helm.sh/resource-policy": "keep" },
            "labels": labels,
        },
        "spec": {
            "group": kind.group(),
            "names": names,
            "scope": "Namespaced",
            "versions": versions,
        },
    })
}

impl Definition {
    fn version(&self, version: &str) -> Value {
        let columns = self.columns.iter().map(|column| {
            let kind = if column.path == AGE.path { "date" } else { "string" };
            json!({
                "name": column.name,
                "jsonPath": column.path,
                "type": kind,
                "description": column.description,
            })
        });
        let columns: Vec<Value> = columns.collect();
        let mut schema = json!({
            "type": "object",
            "properties": { "spec": self.spec, "status": status() },
        });
        let mut out = json!({
            "name": version,
            "served": true,
            "storage": version == self.stored.unwrap_or(self.kind.version()),
            "subresources": { "status": {} },
        });
        if let (Value::Object(schema), true) = (&mut schema, self.spec_required) {
            schema.insert("required".to_owned(), json!(["spec"]));
        }
        if let Value::Object(out) = &mut out {
            out.insert("schema".to_owned(), json!({ "openAPIV3Schema": schema }));
            if !columns.is_empty() {
                out.insert("additionalPrinterColumns".to_owned(), Value::Array(columns));
            }
        }
        out
    }
}

/// The status of every kind: what controllers observed, in whichever version they write.
fn status() -> Value {
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    let generation = || {
        json!({
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "x-kubernetes-int-or-string": true,
        })
    };
    let condition = json!({
        "type": "object",
        "properties": {
            "type": text(),
            "status": text(),
            "reason": text(),
            "message": text(),
            "lastProbeTime": time(),
            "lastTransitionTime": time(),
            "observedGeneration": generation(),
        },
    });
    let message = json!({
        "type": "object",
        "properties": {
            "documentationUrl": text(),
            "level": { "type": "string", "enum": ["UNKNOWN", "ERROR", "WARNING", "INFO"] },
            "type": { "type": "object", "properties": { "code": text(), "name": text() } },
        },
    });
    json!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": {
            "conditions": { "type": "array", "items": condition },
            "observedGeneration": generation(),
            "validationMessages": { "type": "array", "items": message },
        },
    })
}

/// The definitions as one YAML text, each a document.
///
/// # Errors
/// Never: they are JSON. The writer's type says otherwise.
pub fn yaml() -> Result<String, serde_yaml::Error> {
    let mut out = String::from("# Generated: istiod crds\n");
    for definition in definitions() {
        out.push_str("---\n");
        out.push_str(&serde_yaml::to_string(&definition)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
