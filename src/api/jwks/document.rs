//! JSON Web Key Sets (RFC 7517): what makes one, and what of one may be passed on.
//!
//! A set that a user writes is passed on as it is, if it is one at all. One that was fetched can be read by anybody: no
//! key in it may be secret, as everybody could sign with it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::api::Str;

/// Members that only the owner of a key may know (RFC 7518).
const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What is wrong with a set that a user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is no set, or a key of it is none.
    Broken(String),
    /// The key at this place tells what only its owner may know.
    Secret(usize),
}

/// Says all that is wrong with a set that a user wrote.
pub fn flaws(text: &str) -> Vec<Flaw> {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(error) => return vec![Flaw::Broken(format!("no JSON: {error}"))],
    };
    let keys = match (&value, value.get("keys")) {
        (_, Some(Value::Array(keys))) => keys.as_slice(),
        (_, Some(_)) => return vec![Flaw::Broken("keys must be a list".to_owned())],
        (Value::Object(_), None) => std::slice::from_ref(&value),
        _ => return vec![Flaw::Broken("an object with a list of keys is needed".to_owned())],
    };
    let mut flaws = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        match check(key) {
            Ok(()) if is_secret(key) => flaws.push(Flaw::Secret(index)),
            Ok(()) => {}
            // A broken set is broken as a whole.
            Err(why) => return vec![Flaw::Broken(format!("the key at index {index} {why}"))],
        }
    }
    flaws
}

/// Whether a proxy takes a set: it is an object with a list of keys, and one of these can be used. An Envoy refuses the
/// whole listener for any other.
pub fn is_usable(text: &str) -> bool {
    let set = serde_json::from_str::<Value>(text).unwrap_or_default();
    let keys = set.get("keys").and_then(Value::as_array);
    keys.is_some_and(|keys| keys.iter().any(|key| check(key).is_ok()))
}

/// The set that a fetched document is, as it came unless it tells what nobody may know. The error says why it is none.
pub fn fetched(text: &str) -> Result<Str, String> {
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| format!("the answer is no JSON: {error}"))?;
    let Some(Value::Array(keys)) = value.get_mut("keys") else {
        return Err("the answer is no key set: it has no list of keys".to_owned());
    };
    // Who has a key of this kind can sign too.
    let is_shared = |key: &Value| key.get("kty").and_then(Value::as_str) == Some("oct");
    let as_it_came = !keys.iter().any(|key| is_secret(key) || is_shared(key));
    keys.retain(|key| !is_shared(key));
    for key in keys.iter_mut().filter_map(Value::as_object_mut) {
        key.retain(|member, _| !SECRET.contains(&member.as_str()));
    }
    if !keys.iter().any(|key| check(key).is_ok()) {
        return Err("the key set has no key that tokens can be verified with".to_owned());
    }
    Ok(if as_it_came { text.into() } else { value.to_string().into() })
}

/// Whether two sets have the same keys, whatever their order and spacing.
pub fn same_keys(a: &str, b: &str) -> bool {
    let keys = |text: &str| -> Option<Vec<String>> {
        let value: Value = serde_json::from_str(text).ok()?;
        let mut keys: Vec<String> = value.get("keys")?.as_array()?.iter().map(sorted).collect();
        keys.sort();
        Some(keys)
    };
    a == b || keys(a).is_some_and(|own| keys(b) == Some(own))
}

/// A key as a text that does not depend on the order of its members.
fn sorted(key: &Value) -> String {
    let members = key.as_object().map(|key| key.iter().collect::<BTreeMap<_, _>>());
    format!("{members:?}")
}

/// What keeps a key from being used.
fn check(key: &Value) -> Result<(), String> {
    let Value::Object(key) = key else { return Err("is no object".to_owned()) };
    let kind = text(key, "kty");
    let (curves, needed): (&[&str], &[&str]) = match kind {
        "RSA" => (&[], &["n", "e"]),
        "EC" => (&["P-256", "P-384", "P-521", "secp256k1"], &["x", "y"]),
        "OKP" => (&["Ed25519", "Ed448", "X25519", "X448"], &["x"]),
        "oct" => (&[], &["k"]),
        "" => return Err("has no kty".to_owned()),
        other => return Err(format!("is of an unknown kty {other:?}")),
    };
    if !curves.is_empty() && !curves.contains(&text(key, "crv")) {
        return Err(format!("has no crv of {}", curves.join(", ")));
    }
    let is_base64 = |value: &str| {
        !value.is_empty()
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_+/=".contains(&b))
    };
    match needed.iter().find(|member| !is_base64(text(key, member))) {
        Some(member) => Err(format!("has no {member} in base64")),
        None => Ok(()),
    }
}

fn is_secret(key: &Value) -> bool {
    SECRET.iter().any(|member| key.get(member).is_some())
}

fn text<'a>(key: &'a Map<String, Value>, member: &str) -> &'a str {
    key.get(member).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
