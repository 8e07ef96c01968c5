//! The functions that Istio adds to templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{PROXY, telemetry};
use crate::api::duration;
use crate::api::list::items;
use crate::api::mesh::defaults;
use crate::webhooks::schema::canonical::canonical;
use crate::webhooks::schema::typed::typed;
use crate::webhooks::schema::{Sort, Type, json};
use crate::webhooks::template::functions::{Entry, any, int, list, map, text};
use crate::webhooks::template::value::Map;
use crate::webhooks::template::{Arity, Value, print};

const MANY: usize = usize::MAX;

/// Istio's functions, over Go's and Sprig's.
pub(super) const FUNCTIONS: &[Entry] = &[
    ("isset", Arity(2, 2), |a| Ok(Value::Bool(map(a, 0)?.entries.contains_key(text(a, 1)?)))),
    ("annotation", Arity(3, 3), annotation),
    ("valueOrDefault", Arity(2, 2), |a| {
        let given = any(a, 0);
        let absent = matches!(given, Value::Missing | Value::Nil) || *given == Value::text("");
        Ok(if absent { any(a, 1).clone() } else { given.clone() })
    }),
    ("excludeInboundPort", Arity(2, 2), exclude_port),
    ("includeInboundPorts", Arity(1, 1), |a| Ok(Value::text(ports(a, |_| true)?))),
    ("applicationPorts", Arity(1, 1), |a| Ok(Value::text(ports(a, |name| name != PROXY)?))),
    ("kubevirtInterfaces", Arity(1, 1), |a| Ok(Value::Text(text(a, 0)?.clone()))),
    ("excludeInterfaces", Arity(1, 1), |a| Ok(Value::Text(text(a, 0)?.clone()))),
    ("toJSON", Arity(1, 1), |a| {
        let given = any(a, 0);
        Ok(Value::text(if given.is_nil() { "{}".to_owned() } else { json::escaped(given) }))
    }),
    ("structToJSON", Arity(1, 1), |a| {
        let given = any(a, 0);
        let absent = matches!(given, Value::Missing | Value::Nil);
        Ok(Value::text(if absent { "{}".to_owned() } else { json::escaped(given) }))
    }),
    ("fromJSON", Arity(1, 1), |a| {
        let parsed: Result<Json, _> = serde_json::from_str(text(a, 0)?);
        Ok(parsed.map_or_else(|_| Value::text("{}"), |json| Value::of_json(&json)))
    }),
    ("protoToJSON", Arity(1, 1), proto_to_json),
    ("toYaml", Arity(1, 1), to_yaml),
    ("mustToYaml", Arity(1, 1), to_yaml),
    ("indent", Arity(2, 2), indent),
    ("directory", Arity(1, 1), |a| {
        let path = text(a, 0)?;
        let end = path.rfind('/').map_or(0, |at| at + 1);
        Ok(Value::text(path.get(..end).unwrap_or_default()))
    }),
    ("toLower", Arity(1, 1), |a| Ok(Value::text(text(a, 0)?.to_lowercase()))),
    ("appendMultusNetwork", Arity(2, 2), |a| {
        Ok(Value::text(append_network(text(a, 0)?, text(a, 1)?)))
    }),
    ("omit", Arity(1, MANY), |a| {
        let mut map = Map::clone(&*map(a, 0)?);
        for at in 1..a.len() {
            map.entries.remove(text(a, at)?);
        }
        Ok(Value::Map(Arc::new(map)))
    }),
    ("strdict", Arity(0, MANY), |a| {
        let mut entries = Vec::new();
        for at in (0..a.len()).step_by(2) {
            let value = if at + 1 < a.len() { text(a, at + 1)?.clone() } else { Arc::from("") };
            entries.push((text(a, at)?.clone(), value));
        }
        Ok(Value::texts(entries))
    }),
    ("mergeMaps", Arity(0, MANY), |a| merged(a).map(|map| Value::Map(Arc::new(map)))),
    ("toJsonMap", Arity(0, MANY), |a| {
        let map = Value::Map(Arc::new(merged(a)?));
        Ok(Value::text(json::escaped(&map)))
    }),
    ("omitNil", Arity(1, 1), |a| Ok(without_nil(any(a, 0)).unwrap_or(Value::Nil))),
    ("formatDuration", Arity(1, 1), |a| match any(a, 0) {
        Value::Text(text) => {
            let parsed = duration::parse(text).map_err(|error| error.to_string())?;
            Ok(Value::text(duration::format(parsed)))
        }
        _ => Ok(Value::text("0s")),
    }),
    ("otelResourceAttributes", Arity(5, 5), telemetry::attributes),
];

/// An annotation, or a default.
fn annotation(arguments: &[Value]) -> Result<Value, String> {
    let annotations = any(arguments, 0).field("Annotations")?;
    let name = text(arguments, 1)?;
    if let Value::Map(map) = &annotations
        && let Some(value) = map.entries.get(name)
    {
        return Ok(value.clone());
    }
    Ok(Value::text(print::plain(any(arguments, 2))))
}

/// The ports that are not captured, and one more.
fn exclude_port(arguments: &[Value]) -> Result<Value, String> {
    let port = print::plain(any(arguments, 0));
    let (port, excluded) = (port.trim(), text(arguments, 1)?);
    if port.is_empty() || port == "0" || excluded.split(',').any(|known| known == port) {
        return Ok(Value::Text(excluded.clone()));
    }
    let mut ports: Vec<&str> = items(excluded).collect();
    ports.push(port);
    Ok(Value::text(ports.join(",")))
}

/// The TCP ports of containers.
fn ports(arguments: &[Value], wanted: fn(&str) -> bool) -> Result<String, String> {
    let mut ports = Vec::new();
    for container in list(arguments, 0)?.iter() {
        if !wanted(&print::plain(&container.field("Name")?)) {
            continue;
        }
        if let Value::List(items) = container.field("Ports")? {
            for port in items.iter() {
                let protocol = print::plain(&port.field("Protocol")?);
                if protocol != "UDP" && protocol != "SCTP" {
                    ports.push(print::plain(&port.field("ContainerPort")?));
                }
            }
        }
    }
    Ok(ports.join(","))
}

/// A message as JSON. Of a ProxyConfig only what is not the default.
fn proto_to_json(arguments: &[Value]) -> Result<Value, String> {
    let Value::Struct(message) = any(arguments, 0) else { return Ok(Value::text("{}")) };
    if message.shape.sort != Sort::Message {
        return Err(format!("{} is no message", message.shape.name));
    }
    let of = Type::Struct(message.shape.name);
    let parsed: Json =
        serde_json::from_str(&json::raw(any(arguments, 0))).map_err(|error| error.to_string())?;
    let mut plain = canonical(parsed, &of).map_err(|wrong| wrong.to_string())?;
    if message.shape.name == "ProxyConfig"
        && let Json::Object(entries) = &mut plain
    {
        let usual = defaults::proxy();
        entries.retain(|key, value| usual.get(key) != Some(value));
    }
    Ok(Value::text(json::raw(&typed(&plain, &of))))
}

fn to_yaml(arguments: &[Value]) -> Result<Value, String> {
    let parsed: Json =
        serde_json::from_str(&json::raw(any(arguments, 0))).map_err(|error| error.to_string())?;
    serde_yaml::to_string(&parsed).map(Value::text).map_err(|error| error.to_string())
}

/// All lines but the first indented.
fn indent(arguments: &[Value]) -> Result<Value, String> {
    /// The widest that anybody indents.
    const MAX_INDENT: i64 = 1000;
    let spaces = int(arguments, 0)?.clamp(0, MAX_INDENT);
    let pad = " ".repeat(usize::try_from(spaces).unwrap_or_default());
    Ok(Value::text(text(arguments, 1)?.replace('\n', &format!("\n{pad}"))))
}

/// A Multus annotation, JSON or names, with one network more.
fn append_network(existing: &str, network: &str) -> String {
    if existing.is_empty() {
        return network.to_owned();
    }
    let Some(end) = existing.rfind(']') else {
        return match existing.split(',').any(|known| known.trim() == network) {
            true => existing.to_owned(),
            false => format!("{existing}, {network}"),
        };
    };
    let Ok(known) = serde_json::from_str::<Vec<Json>>(existing) else { return existing.to_owned() };
    let (namespace, name) = network.split_once('/').unwrap_or(("", network));
    let says = |entry: &Json, key: &str| {
        entry.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    if known
        .iter()
        .any(|entry| says(entry, "name") == name && says(entry, "namespace") == namespace)
    {
        return existing.to_owned();
    }
    let entry = match namespace {
        "" => format!(r#", {{"name": "{name}"}}"#),
        namespace => format!(r#", {{"name": "{name}", "namespace": "{namespace}"}}"#),
    };
    let (before, after) = existing.split_at(end);
    format!("{before}{entry}{after}")
}

/// Maps of texts over each other: the last wins.
fn merged(arguments: &[Value]) -> Result<Map, String> {
    let mut entries = BTreeMap::new();
    for at in 0..arguments.len() {
        let map = map(arguments, at)?;
        entries.extend(map.entries.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Ok(Map { entries, of_text: true })
}

/// A value without anything that is nothing. None when nothing is left because of that.
fn without_nil(value: &Value) -> Option<Value> {
    match value {
        value if value.is_nil() => None,
        Value::Map(map) => {
            let entries: BTreeMap<Arc<str>, Value> = map
                .entries
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), without_nil(value)?)))
                .collect();
            match entries.is_empty() && !map.entries.is_empty() {
                true => None,
                false => Some(Value::Map(Arc::new(Map { entries, of_text: map.of_text }))),
            }
        }
        Value::List(items) => {
            let kept: Vec<Value> = items.iter().filter_map(without_nil).collect();
            match kept.is_empty() && !items.is_empty() {
                true => None,
                false => Some(Value::list(kept)),
            }
        }
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests;
