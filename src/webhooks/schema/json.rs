//! Values as JSON text, in the order and with the omissions of Go's encoders.

use super::{Field, Sort, Type};
use crate::webhooks::template::print;
use crate::webhooks::template::value::{Struct, Value};

/// As `encoding/json` writes: signs that HTML knows are escaped.
pub fn escaped(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, true);
    out
}

/// Without these escapes, as protobuf writes.
pub fn raw(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, false);
    out
}

fn write(out: &mut String, value: &Value, html: bool) {
    match value {
        Value::Missing | Value::Nil | Value::NilPointer(_) => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&print::float(*number)),
        Value::Text(text) | Value::Enum(_, text) => write_text(out, text, html),
        Value::Pointer(to) => write(out, to, html),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, item, html);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (at, (key, item)) in map.entries.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(out, key, html);
                out.push(':');
                write(out, item, html);
            }
            out.push('}');
        }
        Value::Struct(of) => write_struct(out, of, html),
    }
}

fn write_struct(out: &mut String, of: &Struct, html: bool) {
    if of.shape.sort == Sort::Wrapper {
        for field in of.shape.fields.iter().take(1) {
            write_field(out, of, field, html);
        }
        return;
    }
    out.push('{');
    let mut first = true;
    for field in &of.shape.fields {
        if !of.fields.contains_key(field.name) && !field.always {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        write_text(out, field.json, html);
        out.push(':');
        write_field(out, of, field, html);
    }
    out.push('}');
}

fn write_field(out: &mut String, of: &Struct, field: &Field, html: bool) {
    match (of.fields.get(field.name), &field.of) {
        (Some(Value::Int(number)), Type::Long) => {
            write_text(out, &number.to_string(), html);
        }
        (Some(value), _) => write(out, value, html),
        // A slice, map or pointer that was never set.
        (None, Type::List(_) | Type::Map(_) | Type::Pointer(_)) => out.push_str("null"),
        (None, of) => write(out, &Value::zero(of), html),
    }
}

fn write_text(out: &mut String, text: &str, html: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if html => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
