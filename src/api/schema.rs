//! Schemas of the kinds for Kubernetes: what an API server refuses before anybody else sees an object.
//!
//! Owns the parts that types share, and the form that Kubernetes wants (structural schemas). Rules in CEL say what
//! JSON Schema cannot; they may be stricter in nothing than validation is.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// How many labels an object may select on.
const MAX_LABELS: u32 = 256;

/// The structural schema of a type.
pub fn structural<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    Structural.transform(&mut schema);
    schema.to_value()
}

/// Takes out of a schema what Kubernetes does not take.
#[derive(Clone, Copy, Debug)]
struct Structural;

impl Transform for Structural {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        // An optional value is its schema, or null: null is the same as absent.
        if let Some(Value::Array(options)) = schema.remove("anyOf") {
            if let [Value::Object(value), Value::Object(null)] = options.as_slice()
                && null.get("type") == Some(&json!("null"))
            {
                for (key, value) in value {
                    schema.ensure_object().entry(key.clone()).or_insert_with(|| value.clone());
                }
            } else {
                schema.insert("anyOf".into(), Value::Array(options));
            }
        }
        if let Some(Value::Array(types)) = schema.get_mut("type")
            && let [of, null] = types.as_slice()
            && null == "null"
        {
            let of = of.clone();
            schema.insert("type".into(), of);
        }
        if let Some(Value::Array(names)) = schema.get_mut("enum") {
            names.retain(|name| !name.is_null());
        }
        for unwanted in ["$schema", "title", "default"] {
            schema.remove(unwanted);
        }
        // Numbers of 32 bits are told by their bounds, larger ones by their lower bound alone.
        match schema.get("format").and_then(Value::as_str) {
            Some("uint32") => {
                schema.remove("format");
                schema.ensure_object().entry("maximum").or_insert_with(|| json!(u32::MAX));
            }
            Some("uint64") => {
                schema.remove("format");
            }
            _ => {}
        }
    }
}

/// A rule in CEL about `self`, and what is said of a value that breaks it.
fn rule(rule: &str, message: &str) -> Value {
    json!({ "rule": rule, "message": message })
}

/// At most one of these fields is set.
pub fn at_most_one(fields: &[&str]) -> Value {
    let each: Vec<Value> = fields.iter().map(|field| json!({ "required": [field] })).collect();
    let none = json!({ "not": { "anyOf": each } });
    std::iter::once(none).chain(each).collect()
}

/// Groups of fields, of each of which at most one is set.
pub fn groups(groups: &[&[&str]]) -> Value {
    groups.iter().map(|fields| json!({ "oneOf": at_most_one(fields) })).collect()
}

/// A port that traffic can use.
pub fn port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "integer",
        "minimum": 0,
        "maximum": u32::MAX,
        "x-kubernetes-validations": [rule("self >= 1 && self <= 65535", "must be a port: 1 to 65535")],
    })
}

/// Labels that workloads are selected by.
pub fn selector_labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_LABELS,
        "additionalProperties": {
            "type": "string",
            "maxLength": 63,
            "x-kubernetes-validations": [rule("!self.contains('*')", "wildcards select nothing here")],
        },
    })
}

/// Labels that client workloads are selected by.
pub fn match_labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 4096,
        "additionalProperties": {
            "type": "string",
            "maxLength": 63,
            "x-kubernetes-validations": [rule("!self.contains('*')", "wildcards select nothing here")],
        },
        "x-kubernetes-validations": [
            rule("self.all(key, key.size() > 0)", "a label has a name"),
            rule("self.all(key, !key.contains('*'))", "wildcards select nothing here"),
        ],
    })
}

/// Labels that are given.
pub fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_LABELS,
        "additionalProperties": { "type": "string" },
    })
}

/// An IP address, a host name or a unix socket.
pub fn address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 256,
        "x-kubernetes-validations": [
            rule(
                "!self.startsWith('unix://') || self.substring(7, 8) in ['/', '@']",
                "a unix socket is an absolute path, or abstract (@)",
            ),
            rule("!self.startsWith('unix://') || !self.endsWith('/')", "a unix socket is no directory"),
        ],
    })
}

/// Ports by name.
pub fn named_ports(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 128,
        "additionalProperties": port(generator),
        "x-kubernetes-validations": [rule(
            "self.all(name, name.size() < 63 && name.matches('^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$'))",
            "names of ports are letters and digits, with - between them",
        )],
    })
}

/// What holds for every workload entry.
pub fn entry_rules() -> Value {
    json!([
        rule("has(self.address) || has(self.network)", "an address is needed, or a network"),
        template_rule(),
    ])
}

/// What holds for templates of workload entries too.
pub fn template_rules() -> Value {
    json!([template_rule()])
}

fn template_rule() -> Value {
    rule(
        "!has(self.address) || !self.address.startsWith('unix://') || !has(self.ports)",
        "a unix socket has no ports",
    )
}

/// What holds for service entries as a whole.
pub fn service_entry_rules() -> Value {
    json!([
        rule(
            "!has(self.workloadSelector) || !has(self.endpoints)",
            "only one of workloadSelector and endpoints may be set",
        ),
        rule(
            "!has(self.addresses) || !self.addresses.exists(a, a.contains('/')) || !has(self.resolution) || \
             self.resolution in ['NONE', 'STATIC']",
            "networks as addresses need resolution NONE or STATIC",
        ),
        rule(
            "!has(self.endpoints) || (has(self.resolution) && self.resolution != 'NONE')",
            "resolution NONE has no endpoints",
        ),
        rule(
            "!has(self.resolution) || self.resolution != 'DNS_ROUND_ROBIN' || !has(self.endpoints) || \
             self.endpoints.size() <= 1",
            "resolution DNS_ROUND_ROBIN has one endpoint at most",
        ),
    ])
}

/// No two ports have one number.
pub fn unique_ports() -> Value {
    json!([rule(
        "self.all(a, self.exists_one(b, a.number == b.number))",
        "each port has a number of its own"
    )])
}

/// The hosts of a service.
pub fn service_hosts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 256,
        "items": {
            "type": "string",
            "x-kubernetes-validations": [rule("self != '*'", "a service needs a name: * means all")],
        },
    })
}

/// At most one source of certificates.
pub fn certificate_rules() -> Value {
    let both = |a: &str, b: &str| {
        rule(
            &format!("!has(self.{a}) || !has(self.{b})"),
            &format!("only one of {a} and {b} may be set"),
        )
    };
    json!([both("credentialNames", "tlsCertificates"), both("credentialName", "credentialNames"),])
}

/// The scheme of a probe.
pub fn probe_scheme() -> Value {
    json!([rule("self in ['', 'HTTP', 'HTTPS']", "must be HTTP or HTTPS")])
}

/// The old spelling of a field, which an API server would drop if the schema did not name it.
pub fn old_spelling(now: &'static str, old: &'static str) -> impl FnMut(&mut Schema) {
    move |schema| {
        if let Some(Value::Object(fields)) = schema.get_mut("properties")
            && let Some(field) = fields.get(now).cloned()
        {
            fields.insert(old.into(), field);
        }
    }
}

/// A gateway's port says all that there is to say of it.
pub fn require_port(schema: &mut Schema) {
    schema.insert("required".into(), json!(["number", "protocol", "name"]));
}

/// The group of a kind.
pub const GROUP: &str = r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// The name of a kind.
pub const KIND: &str = "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$";

/// A reference within a namespace.
pub fn own_namespace() -> Value {
    json!([rule("self == ''", "only objects of the same namespace can be referred to")])
}

/// A policy is for workloads that it selects, or for objects that it names.
pub fn one_target() -> Value {
    json!([rule(
        "[has(self.selector), has(self.targetRef), has(self.targetRefs)].filter(set, set).size() <= 1",
        "only one of selector, targetRef and targetRefs may be set",
    )])
}

/// The same of an object whose selector has the old name.
pub fn one_workload_target() -> Value {
    json!([rule(
        "!has(self.workloadSelector) || !has(self.targetRefs)",
        "only one of workloadSelector and targetRefs may be set",
    )])
}

/// What holds for traffic extensions as a whole.
pub fn traffic_extension_rules() -> Value {
    json!([
        rule(
            "!has(self.selector) || !has(self.targetRefs)",
            "only one of selector and targetRefs may be set",
        ),
        rule("has(self.wasm) != has(self.lua)", "exactly one of wasm and lua must be set"),
    ])
}

/// Any object, for somebody else to read.
pub fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// Variables with their values.
pub fn environment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 2048 },
    })
}

/// A SHA-256 in hexadecimal digits, or nothing.
pub const SHA256: &str = "(^$|^[a-f0-9]{64}$)";

/// Where a WebAssembly module may be.
pub fn module_url() -> Value {
    let known = |url: &str| {
        format!("isURL({url}) && url({url}).getScheme() in ['', 'http', 'https', 'file', 'oci']")
    };
    let (own, hosted) = (known("self"), known("'http://' + self"));
    json!([rule(
        &format!("isURL(self) ? ({own}) : ({hosted})"),
        "must be a URL of http, https, file or oci",
    )])
}

/// A variable has a value only where it is given.
pub fn inline_value() -> Value {
    json!([rule(
        "!has(self.valueFrom) || self.valueFrom != 'HOST' || !has(self.value)",
        "a value may only be set where valueFrom is INLINE",
    )])
}

/// What becomes of a tag.
pub fn tag_override_rules() -> Value {
    json!([
        rule(
            "!has(self.operation) || self.operation != 'UPSERT' || self.value != ''",
            "a value must be set when the operation is UPSERT",
        ),
        rule(
            "!has(self.operation) || self.operation != 'REMOVE' || !has(self.value)",
            "no value may be set when the operation is REMOVE",
        ),
    ])
}

/// Waypoints are matched by what they have, and by nothing else.
pub fn waypoint_context() -> Value {
    json!([rule(
        "has(self.waypoint) == (has(self.context) && self.context == 'WAYPOINT')",
        "a waypoint match is for the context WAYPOINT, and this context needs one",
    )])
}

/// What holds for peer authentications as a whole.
pub fn peer_authentication_rules() -> Value {
    json!([rule(
        "!has(self.portLevelMtls) || (has(self.selector) && has(self.selector.matchLabels) && \
         self.selector.matchLabels.size() > 0)",
        "portLevelMtls needs a selector",
    )])
}

/// Ports as keys.
pub fn port_keys() -> Value {
    json!([rule(
        "self.all(port, int(port) >= 1 && int(port) <= 65535)",
        "keys must be ports: 1 to 65535",
    )])
}

/// At most one source of an issuer's keys.
pub fn key_sources() -> Value {
    json!([rule(
        "[has(self.jwksUri), has(self.jwks_uri), has(self.jwks)].filter(set, set).size() <= 1",
        "only one of jwks and jwksUri may be set",
    )])
}

/// What is fetched over HTTP.
pub fn http_url() -> Value {
    json!([rule(
        "url(self).getScheme() in ['http', 'https']",
        "must be a URL that begins with http:// or https://",
    )])
}

/// What holds for sources of requests.
pub fn source_rules() -> Value {
    json!([rule(
        "!(has(self.serviceAccounts) || has(self.notServiceAccounts)) || !(has(self.principals) || \
         has(self.notPrincipals) || has(self.namespaces) || has(self.notNamespaces))",
        "service accounts stand for principals and namespaces: only one of them may be set",
    )])
}
