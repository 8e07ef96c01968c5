//! What is known of each object that is wanted, and what changed. Without IO.
//!
//! An object is told when its watch tells it, and its absence when a list ended without it, though it was never there: so
//! a client that takes over from another one says of each wanted object what is true.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::follow::Event;
use super::super::received::Received;
use crate::api::{Change, Code, Diagnostic, Object, ObjectKey, Severity};
use crate::sources::intern::Interner;
use crate::sources::project::{Rejection, project};

/// See the module.
#[derive(Default)]
pub(super) struct State {
    objects: BTreeMap<usize, Known>,
    strings: Interner,
    changes: Vec<Change>,
    /// Diagnostics may have changed since they were last asked for.
    retold: bool,
}

struct Known {
    key: ObjectKey,
    /// What was told; None before anything was, Some(None) that it is not there.
    told: Option<Option<Object>>,
    /// While a list is read: whether it named the object.
    listed: Option<bool>,
    /// Why the server does not tell it.
    untold: Option<String>,
    /// Why its newest version cannot be used.
    unusable: Option<String>,
}

impl State {
    /// An object is followed as number `at`.
    pub fn begin(&mut self, at: usize, key: ObjectKey) {
        let known = Known { key, told: None, listed: None, untold: None, unusable: None };
        self.objects.insert(at, known);
    }

    /// It is not any more, and so it is as if it were gone.
    pub fn end(&mut self, at: usize) {
        let Some(known) = self.objects.remove(&at) else { return };
        self.retold |= known.fault().is_some();
        if let Some(Some(_)) = known.told {
            self.changes.push(Change::Remove(known.key));
        }
    }

    /// Takes what was told of the number `at`; nothing if it is followed no more.
    pub fn take(&mut self, at: usize, event: Event) {
        let Some(known) = self.objects.get_mut(&at) else { return };
        let before = known.fault().cloned();
        match event {
            Event::Listing => known.listed = Some(false),
            Event::Is(received) => {
                known.listed = known.listed.map(|_| true);
                known.is(read(&known.key, received, &mut self.strings), &mut self.changes);
            }
            Event::Gone(_) => known.gone(&mut self.changes),
            Event::Listed => {
                known.untold = None;
                if known.listed.take() == Some(false) {
                    known.gone(&mut self.changes);
                }
            }
            Event::Followed => known.untold = None,
            // What is known stays, and is followed again when the server is back.
            Event::Lost(_) if known.told.is_some() => {}
            Event::Lost(why) => known.untold = Some(format!("cannot be read: {why}")),
            Event::Absent => known.untold = Some("cannot be read: it is not served".to_owned()),
        }
        self.retold |= known.fault() != before.as_ref();
    }

    /// What changed since the last call.
    pub fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// What is to be said of the objects, if that may have changed since the last call.
    pub fn diagnostics(&mut self) -> Option<Vec<Diagnostic>> {
        let told = self.objects.values().filter_map(|known| {
            Some(Diagnostic {
                severity: Severity::Error,
                location: None,
                object: Some(known.key.clone()),
                path: String::new(),
                message: known.fault()?.clone(),
                code: Code::Other,
            })
        });
        std::mem::take(&mut self.retold).then(|| told.collect())
    }
}

impl Known {
    fn fault(&self) -> Option<&String> {
        self.untold.as_ref().or(self.unusable.as_ref())
    }

    /// It is this, or cannot be used and why.
    fn is(&mut self, read: Result<Object, String>, changes: &mut Vec<Change>) {
        match read {
            Ok(object) => {
                self.unusable = None;
                let told = Some(Some(object.clone()));
                if self.told != told {
                    self.told = told;
                    changes.push(Change::Apply(object));
                }
            }
            Err(fault) => self.unusable = Some(fault),
        }
    }

    /// It is not there.
    fn gone(&mut self, changes: &mut Vec<Change>) {
        self.unusable = None;
        if self.told != Some(None) {
            self.told = Some(None);
            changes.push(Change::Remove(self.key.clone()));
        }
    }
}

fn read(key: &ObjectKey, received: Received, strings: &mut Interner) -> Result<Object, String> {
    let Received(mut value) = received;
    if let Value::Object(fields) = &mut value {
        // Lists leave them out.
        fields.insert("apiVersion".to_owned(), key.kind.api_version().into());
        fields.insert("kind".to_owned(), key.kind.name().into());
    }
    match project(value, strings) {
        Ok(projected) => Ok(projected.object),
        Err(Rejection::Invalid { issue, .. }) => {
            Err(format!("{}: {}; what it said before stays in use", issue.path, issue.message))
        }
        Err(Rejection::Unread { .. }) => Err("is of another kind".to_owned()),
    }
}
