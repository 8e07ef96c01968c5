//! What of a message written as JSON its type does not know: fields, types of `Any`, and extensions without a
//! configuration.
//!
//! Users write for other versions of Envoy too. So what is unknown is told apart from what is wrong: it is taken out of
//! the JSON, and what is left can be read strictly.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::MAX_DEPTH;
use crate::proto::descriptors;

/// What was found, each with the path of its place, such as `typed_config.stat_prefix`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Fields that the message does not have, with the names of those that it has.
    pub fields: Vec<(String, Vec<String>)>,
    /// Type URLs that nothing is known of.
    pub types: Vec<(String, String)>,
    /// Messages that could have a `typed_config` and have none: their names.
    pub untyped: Vec<(String, String)>,
}

/// Looks at JSON that describes a message of this type, and takes out what is unknown.
pub fn lint(full_name: &str, json: &mut Value) -> Findings {
    let mut lint = Lint { findings: Findings::default(), path: Vec::new() };
    if let Some(descriptor) = descriptors::message(full_name) {
        lint.message(&descriptor, json, true, MAX_DEPTH);
    }
    lint.findings
}

struct Lint {
    findings: Findings,
    path: Vec<String>,
}

impl Lint {
    fn at(&self, step: &str) -> String {
        let mut out = String::new();
        for step in self.path.iter().map(String::as_str).chain([step]) {
            if !out.is_empty() && !step.is_empty() && !step.starts_with('[') {
                out.push('.');
            }
            out.push_str(step);
        }
        out
    }

    /// `single` where only fields that are no lists lead to the message.
    fn message(&mut self, of: &MessageDescriptor, json: &mut Value, single: bool, depth: usize) {
        let (Some(depth), Value::Object(object)) = (depth.checked_sub(1), json) else { return };
        match of.full_name().strip_prefix("google.protobuf.") {
            Some("Any") => self.any(object, depth),
            // They have forms of their own in JSON, in which nothing can be unknown.
            Some(_) => {}
            None => {
                if single {
                    self.typed_config(of, object);
                }
                self.fields(of, object, &[], single, depth);
            }
        }
    }

    fn fields(
        &mut self,
        of: &MessageDescriptor,
        object: &mut Map<String, Value>,
        skip: &[&str],
        single: bool,
        depth: usize,
    ) {
        let mut unknown = Vec::new();
        for (name, json) in object.iter_mut().filter(|(name, _)| !skip.contains(&name.as_str())) {
            let field = of.get_field_by_name(name).or_else(|| of.get_field_by_json_name(name));
            match field {
                None => {
                    let known = of.fields().map(|field| field.name().to_owned()).collect();
                    self.findings.fields.push((self.at(name), known));
                    unknown.push(name.clone());
                }
                Some(field) => {
                    self.path.push(name.clone());
                    self.field(&field, json, single, depth);
                    self.path.pop();
                }
            }
        }
        object.retain(|name, _| !unknown.contains(name));
    }

    fn field(&mut self, field: &FieldDescriptor, json: &mut Value, single: bool, depth: usize) {
        let Kind::Message(of) = field.kind() else { return };
        match json {
            Value::Object(entries) if field.is_map() => {
                let Kind::Message(of) = of.map_entry_value_field().kind() else { return };
                for (key, value) in entries {
                    self.path.push(format!("[{key:?}]"));
                    self.message(&of, value, false, depth);
                    self.path.pop();
                }
            }
            Value::Array(items) if field.is_list() => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.path.push(format!("[{index}]"));
                    self.message(&of, item, false, depth);
                    self.path.pop();
                }
            }
            json => self.message(&of, json, single, depth),
        }
    }

    fn any(&mut self, object: &mut Map<String, Value>, depth: usize) {
        let Some(url) = object.get("@type").and_then(Value::as_str).map(str::to_owned) else {
            return;
        };
        match descriptors::message(&url) {
            Some(of) if of.full_name().starts_with("google.protobuf.") => {}
            // Whether what is in it is complete is said of the message around it.
            Some(of) => self.fields(&of, object, &["@type"], false, depth),
            None => {
                self.findings.types.push((self.at("@type"), url));
                object.clear();
            }
        }
    }

    fn typed_config(&mut self, of: &MessageDescriptor, object: &Map<String, Value>) {
        let is_set = |name: &str| {
            let field = of.get_field_by_name(name);
            field.is_some_and(|field| {
                [field.name(), field.json_name()]
                    .iter()
                    .any(|n| object.get(*n).is_some_and(|v| !v.is_null()))
            })
        };
        if of.get_field_by_name("typed_config").is_some()
            && !is_set("typed_config")
            && !is_set("config_discovery")
        {
            let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
            self.findings.untyped.push((self.at(""), name.to_owned()));
        }
    }
}
