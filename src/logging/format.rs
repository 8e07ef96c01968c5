//! One event as one line: tab-separated text or a JSON object.

use std::backtrace::Backtrace;
use std::fmt::{self, Write};

use jiff::Timestamp;
use serde_json::Value;
use tracing::Event;
use tracing::field::{Field, Visit};

use super::levels::Level;
use super::scopes::{LogScopes, SCOPES, scope_index};

/// How lines look.
pub(super) struct Format {
    json: bool,
    scopes: LogScopes,
}

/// What a line is made of.
struct Record {
    time: String,
    level: Level,
    scope: &'static str,
    caller: Option<String>,
    /// Where in the program it was logged.
    stack: Option<String>,
    fields: Fields,
}

impl Format {
    /// Whose lines tell the place in the source, `scopes` says.
    pub(super) fn new(json: bool, scopes: LogScopes) -> Format {
        Format { json, scopes }
    }

    /// The line of an event, with its line feed.
    pub(super) fn line(&self, now: Timestamp, event: &Event<'_>) -> String {
        let metadata = event.metadata();
        let index = scope_index(metadata.target());
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = Level::of(*metadata.level()).unwrap_or(Level::Debug);
        let stack = self.scopes.has_stacks(index, level);
        let place = metadata.file().filter(|_| self.scopes.tells_callers(index));
        let record = Record {
            // Always six digits, so that the columns of text align.
            time: format!("{now:.6}"),
            level,
            scope: SCOPES.get(index).map_or("", |(name, _)| name),
            caller: place.map(|file| format!("{file}:{}", metadata.line().unwrap_or_default())),
            stack: stack.then(|| Backtrace::force_capture().to_string()),
            fields,
        };
        if self.json { record.json() } else { record.text() }
    }
}

impl Record {
    /// `time level scope [caller] message key=value …`, tabs between the columns. A stack trace follows in lines of its own.
    fn text(&self) -> String {
        let mut line = format!("{}\t{}\t{}\t", self.time, self.level, self.scope);
        if let Some(caller) = &self.caller {
            line.push_str(caller);
            line.push('\t');
        }
        push_escaped(&mut line, &self.fields.message);
        for (name, value) in &self.fields.others {
            let _ = match value {
                Value::String(text) if text.contains([' ', '"', '=']) || text.is_empty() => {
                    write!(line, " {name}={text:?}")
                }
                Value::String(text) => {
                    let _ = write!(line, " {name}=");
                    push_escaped(&mut line, text);
                    Ok(())
                }
                value => write!(line, " {name}={value}"),
            };
        }
        line.push('\n');
        if let Some(stack) = &self.stack {
            line.push_str(stack.trim_end());
            line.push('\n');
        }
        line
    }

    /// The same as an object: level, time, scope, caller, msg, then the fields, and the stack.
    fn json(self) -> String {
        let own = [
            ("level", Some(self.level.name().to_owned())),
            ("time", Some(self.time)),
            ("scope", Some(self.scope.to_owned())),
            ("caller", self.caller),
            ("msg", Some(self.fields.message)),
        ];
        let own = own.into_iter().filter_map(|(name, text)| Some((name, Value::String(text?))));
        let mut line = String::from("{");
        let stack = self.stack.map(|stack| ("stack", Value::String(stack)));
        for (name, value) in own.chain(self.fields.others).chain(stack) {
            let comma = if line.len() > 1 { "," } else { "" };
            let _ = write!(line, "{comma}{}:{value}", Value::from(name));
        }
        line.push_str("}\n");
        line
    }
}

/// Appends text without line breaks or other control characters: each event stays one line.
fn push_escaped(line: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}

/// The fields of an event, the message apart.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn push(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("message", value) => self.message = value.to_string(),
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field, value.to_string().into());
    }
}
