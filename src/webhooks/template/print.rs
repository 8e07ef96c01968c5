//! Values as text, as Go's fmt writes them.

use std::fmt::Write as _;

use super::value::Value;

/// What an action prints.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Missing | Value::Nil => "<no value>".into(),
        other => plain(other),
    }
}

/// `%v`.
pub fn plain(value: &Value) -> String {
    let mut text = String::new();
    write_plain(&mut text, value);
    text
}

fn write_plain(out: &mut String, value: &Value) {
    match value {
        Value::Missing | Value::Nil | Value::NilPointer(_) => out.push_str("<nil>"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Text(text) | Value::Enum(_, text) => out.push_str(text),
        Value::Pointer(to) => write_plain(out, to),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                write_plain(out, item);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push_str("map[");
            for (at, (key, item)) in map.entries.iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write_plain(out, item);
            }
            out.push(']');
        }
        Value::Struct(of) => {
            out.push('{');
            for (at, field) in of.shape.fields.iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                match of.fields.get(field.name) {
                    Some(item) => write_plain(out, item),
                    None => write_plain(out, &Value::zero(&field.of)),
                }
            }
            out.push('}');
        }
    }
}

/// `%v` of a float: an exponent below 1e-4 and from 1e21 on.
pub fn float(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{number:e}");
        return match text.split_once('e') {
            Some((digits, power)) => {
                let power: i32 = power.parse().unwrap_or_default();
                let sign = if power < 0 { '-' } else { '+' };
                format!("{digits}e{sign}{:02}", power.abs())
            }
            None => text,
        };
    }
    number.to_string()
}

/// `%q`.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            // Writing to a text does not fail.
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `fmt.Sprint`: spaces between operands of which neither is a string.
pub fn joined(values: &[Value]) -> String {
    let mut out = String::new();
    let mut before: Option<&Value> = None;
    for value in values {
        let text = |value: &Value| matches!(value, Value::Text(_));
        if before.is_some_and(|before| !text(before) && !text(value)) {
            out.push(' ');
        }
        write_plain(&mut out, value);
        before = Some(value);
    }
    out
}

/// `fmt.Sprintln`.
pub fn line(values: &[Value]) -> String {
    let texts: Vec<String> = values.iter().map(plain).collect();
    format!("{}\n", texts.join(" "))
}

/// `fmt.Sprintf`, with the verbs that templates use.
pub fn formatted(format: &str, values: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut values = values.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = chars.next_if(|c| matches!(c, '+' | '-' | '#' | ' ' | '0')) {
            flags.push(flag);
        }
        let digits = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut text = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                text.push(digit);
            }
            text
        };
        let width: usize = digits(&mut chars).parse().unwrap_or_default();
        let precision = chars.next_if_eq(&'.').map(|_| digits(&mut chars));
        let precision: Option<usize> = precision.map(|text| text.parse().unwrap_or_default());
        if width > MAX_WIDTH || precision.is_some_and(|precision| precision > MAX_WIDTH) {
            return Err(format!("a width of more than {MAX_WIDTH} in {format:?}"));
        }
        let Some(verb) = chars.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = values.next() else {
            let _ = write!(out, "%!{verb}(MISSING)");
            continue;
        };
        let text = verb_text(verb, precision, &flags, value);
        let missing = width.saturating_sub(text.chars().count());
        if flags.contains('-') {
            out.push_str(&text);
            out.extend(std::iter::repeat_n(' ', missing));
        } else if flags.contains('0') && matches!(value, Value::Int(_) | Value::Float(_)) {
            let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |rest| ("-", rest));
            out.push_str(sign);
            out.extend(std::iter::repeat_n('0', missing));
            out.push_str(digits);
        } else {
            out.extend(std::iter::repeat_n(' ', missing));
            out.push_str(&text);
        }
    }
    let left: Vec<String> =
        values.map(|value| format!("{}={}", value.type_name(), plain(value))).collect();
    if !left.is_empty() {
        let _ = write!(out, "%!(EXTRA {})", left.join(", "));
    }
    Ok(out)
}

/// The widest that a number or text is padded to.
const MAX_WIDTH: usize = 1000;

fn verb_text(verb: char, precision: Option<usize>, flags: &str, value: &Value) -> String {
    let wrong = || match value {
        Value::Missing | Value::Nil => format!("%!{verb}(<nil>)"),
        other => format!("%!{verb}({}={})", other.type_name(), plain(other)),
    };
    let number = match value {
        Value::Int(number) | Value::Enum(number, _) => Some(*number),
        _ => None,
    };
    match (verb, value) {
        ('v', _) => plain(value),
        ('s', Value::Text(text) | Value::Enum(_, text)) => match precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_string(),
        },
        ('s', Value::List(_) | Value::Map(_)) => plain(value),
        ('q', Value::Text(text)) => quoted(text),
        ('t', Value::Bool(_)) => plain(value),
        ('T', _) => value.type_name(),
        ('d', _) => number.map_or_else(wrong, |number| match flags.contains('+') && number >= 0 {
            true => format!("+{number}"),
            false => number.to_string(),
        }),
        ('x', _) => match (number, value) {
            (Some(number), _) => format!("{number:x}"),
            (None, Value::Text(text)) => text.bytes().fold(String::new(), |mut out, byte| {
                let _ = write!(out, "{byte:02x}");
                out
            }),
            _ => wrong(),
        },
        ('X', _) => number.map_or_else(wrong, |number| format!("{number:X}")),
        ('o', _) => number.map_or_else(wrong, |number| format!("{number:o}")),
        ('b', _) => number.map_or_else(wrong, |number| format!("{number:b}")),
        ('f' | 'F', Value::Float(number)) => format!("{number:.*}", precision.unwrap_or(6)),
        ('g', Value::Float(number)) => float(*number),
        _ => wrong(),
    }
}
