//! What a WorkloadEntry is to say of its proxy's connection and its workload's health. Pure: the object as it is goes
//! in, what is to be written comes out.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::api::Str;
use crate::api::networking::workload_entry::Condition;
use crate::controllers::writer::Edit;
use crate::model::report::HEALTH_CHECKED;

/// The group that the entry was registered in when its proxy connected.
pub const GROUP: &str = "istio.io/autoRegistrationGroup";

/// The replica that the proxy is or was last connected to.
pub const REPLICA: &str = "istio.io/workloadController";

/// Since when it is connected.
pub const CONNECTED: &str = "istio.io/connectedAt";

/// When it left; removed when it connects.
const DISCONNECTED: &str = "istio.io/disconnectedAt";

/// The longest reason of bad health that is written, in bytes. Proxies tell it, and everybody stores it.
const MAX_MESSAGE: usize = 1024;

/// A connection of an entry's proxy to this replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The name of this replica.
    pub replica: Str,
    /// Since when.
    pub since: Timestamp,
}

/// What annotations tell of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks<'a> {
    replica: &'a str,
    connected: &'a str,
    disconnected: &'a str,
}

impl<'a> Marks<'a> {
    /// From the annotations.
    pub fn of(annotation: impl Fn(&str) -> Option<&'a str>) -> Marks<'a> {
        let text = |key| annotation(key).unwrap_or_default();
        Marks {
            replica: text(REPLICA),
            connected: text(CONNECTED),
            disconnected: text(DISCONNECTED),
        }
    }

    fn of_object(object: &'a DynamicObject) -> Marks<'a> {
        Marks::of(|key| annotation(object, key))
    }

    /// Whether the proxy is away for longer than `grace`, or is said to be connected since before `max_age`, which
    /// nobody is.
    pub fn is_left(&self, now: Timestamp, grace: Duration, max_age: Option<Duration>) -> bool {
        let past = |time: &str| time.parse().map(|time: Timestamp| now.duration_since(time));
        if !self.connected.is_empty() {
            return max_age
                .zip(past(self.connected).ok())
                .is_some_and(|(max, age)| age > signed(max));
        }
        !self.disconnected.is_empty()
            && past(self.disconnected).map_or(true, |age| age >= signed(grace))
    }

    /// Whether the proxy connected after this moment.
    fn connected_after(&self, moment: Timestamp) -> bool {
        self.connected.parse().is_ok_and(|since: Timestamp| since > moment)
    }
}

impl Connection {
    /// The connection began: the entry is to say so, unless it tells of a later one. One that the proxy did not
    /// register says so only if its health is checked.
    pub fn begins(&self, object: &DynamicObject, registers: bool) -> Option<Edit> {
        if !registers {
            annotation(object, HEALTH_CHECKED)?;
        }
        let marks = Marks::of_object(object);
        let left_since = marks.disconnected.parse().is_ok_and(|left: Timestamp| left > self.since);
        let known = marks.connected.parse().is_ok_and(|since: Timestamp| since == self.since)
            && marks.replica == &*self.replica;
        if left_since || known || marks.connected_after(self.since) {
            return None;
        }
        let replica = Some(self.replica.to_string());
        let since = Some(self.since.to_string());
        let marks = [(REPLICA, replica), (CONNECTED, since), (DISCONNECTED, None)];
        Some(Edit::Annotations(marks.into()))
    }

    /// The connection ended: the entry is to say so, if it is the one that it tells of.
    pub fn ends(&self, object: &DynamicObject, at: Timestamp) -> Option<Edit> {
        let marks = Marks::of_object(object);
        let own = marks.replica == &*self.replica && !marks.connected_after(self.since);
        let marks = [(CONNECTED, None), (DISCONNECTED, Some(at.to_string()))];
        own.then(|| Edit::Annotations(marks.into()))
    }

    /// The proxy told the health, and why where it is bad: the condition is to be that, unless something newer is
    /// known.
    pub fn tells(&self, object: &DynamicObject, at: Timestamp, why: Option<&str>) -> Option<Edit> {
        annotation(object, HEALTH_CHECKED)?;
        let marks = Marks::of_object(object);
        if marks.replica != &*self.replica && marks.connected_after(self.since) {
            return None;
        }
        let status = if why.is_none() { "True" } else { "False" };
        let message = why.map(|why| first(why, MAX_MESSAGE)).unwrap_or_default();
        let mut conditions = conditions(object);
        if let Some(known) = conditions.iter().find(|condition| is_health(condition)) {
            let text = |key: &str| known.get(key).and_then(Value::as_str).unwrap_or_default();
            let newer = text("lastProbeTime").parse().is_ok_and(|time: Timestamp| time > at);
            if newer || (text("status") == status && text("message") == message) {
                return None;
            }
        }
        let time = at.to_string();
        let mut condition = json!({
            "type": Condition::HEALTHY, "status": status, "lastProbeTime": time, "lastTransitionTime": time,
        });
        if let (false, Some(fields)) = (message.is_empty(), condition.as_object_mut()) {
            fields.insert("message".to_owned(), message.into());
        }
        match conditions.iter_mut().find(|condition| is_health(condition)) {
            Some(known) => *known = condition,
            None => conditions.push(condition),
        }
        Some(Edit::Status(json!({"conditions": conditions})))
    }
}

/// The proxy is away: a registered entry goes, and of another one the condition, as nobody knows any more.
pub fn forgets(
    object: &DynamicObject,
    now: Timestamp,
    grace: Duration,
    max_age: Option<Duration>,
) -> Option<Edit> {
    if !Marks::of_object(object).is_left(now, grace, max_age) {
        return None;
    }
    if annotation(object, GROUP).is_some_and(|group| !group.is_empty()) {
        return Some(Edit::Delete);
    }
    annotation(object, HEALTH_CHECKED)?;
    let mut conditions = conditions(object);
    let before = conditions.len();
    conditions.retain(|condition| !is_health(condition));
    (conditions.len() < before).then(|| Edit::Status(json!({"conditions": conditions})))
}

fn annotation<'a>(object: &'a DynamicObject, key: &str) -> Option<&'a str> {
    object.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

fn conditions(object: &DynamicObject) -> Vec<Value> {
    let conditions = object.data.pointer("/status/conditions");
    conditions.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn is_health(condition: &Value) -> bool {
    condition.get("type").and_then(Value::as_str) == Some(Condition::HEALTHY)
}

/// The first part of a text, of at most so many bytes.
fn first(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
