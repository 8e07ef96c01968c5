//! Objects as YAML that every reader takes for the same: kubectl's reads YAML 1.1, in which a plain `yes` is no text.

use serde_json::Value as Json;

/// Words that some version of YAML takes for something else than text.
const WORDS: &[&str] =
    &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];

/// An object in block style.
pub(super) fn document(object: &Json) -> String {
    let mut out = String::new();
    write(&mut out, object, 0);
    out
}

fn write(out: &mut String, value: &Json, indent: usize) {
    let pad = "  ".repeat(indent);
    match value {
        Json::Object(entries) if !entries.is_empty() => {
            for (at, (key, value)) in entries.iter().enumerate() {
                // The first goes behind the dash that may be there.
                if at > 0 || out.is_empty() || out.ends_with('\n') {
                    out.push_str(&pad);
                }
                out.push_str(&text(key));
                out.push(':');
                below(out, value, indent + 1, indent);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&pad);
                out.push('-');
                match item {
                    Json::Object(entries) if !entries.is_empty() => {
                        out.push(' ');
                        write(out, item, indent + 1);
                    }
                    item => below(out, item, indent + 1, indent + 1),
                }
            }
        }
        scalar => {
            out.push_str(&plain(scalar));
            out.push('\n');
        }
    }
}

/// A value behind a colon or a dash: on the same line if it has one.
fn below(out: &mut String, value: &Json, indent: usize, of_lists: usize) {
    match value {
        Json::Object(entries) if !entries.is_empty() => {
            out.push('\n');
            write(out, value, indent);
        }
        Json::Array(items) if !items.is_empty() => {
            out.push('\n');
            write(out, value, of_lists);
        }
        scalar => {
            out.push(' ');
            out.push_str(&plain(scalar));
            out.push('\n');
        }
    }
}

fn plain(scalar: &Json) -> String {
    match scalar {
        Json::String(string) => text(string),
        // JSON's own forms are YAML's.
        other => other.to_string(),
    }
}

/// A text, in quotes unless nobody could take it for something else.
fn text(string: &str) -> String {
    let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let safe = string.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && string.chars().all(sign)
        && !WORDS.contains(&string.to_ascii_lowercase().as_str());
    if safe { string.to_owned() } else { Json::from(string).to_string() }
}

#[cfg(test)]
mod tests;
