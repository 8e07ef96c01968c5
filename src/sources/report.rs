//! Telling diagnostics: the current ones to whoever shows them, the new and the resolved ones to the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::api::{Diagnostic, Location, Severity};

/// Shares the diagnostics of one source, and logs each once, whatever line it moves to.
pub(super) struct Reporter {
    share: watch::Sender<Arc<[Diagnostic]>>,
    told: BTreeMap<Diagnostic, Diagnostic>,
}

impl Reporter {
    /// Shares through `share`, which may have lost all its receivers.
    pub fn new(share: watch::Sender<Arc<[Diagnostic]>>) -> Reporter {
        Reporter { share, told: BTreeMap::new() }
    }

    /// Says what is wrong now.
    pub fn report(&mut self, diagnostics: Vec<Diagnostic>) {
        let now: BTreeMap<_, _> =
            diagnostics.iter().map(|d| (without_line(d.clone()), d.clone())).collect();
        for (_, diagnostic) in now.iter().filter(|(key, _)| !self.told.contains_key(*key)) {
            match diagnostic.severity {
                Severity::Error => tracing::error!(target: "file", "{}", Text(diagnostic)),
                Severity::Warning => tracing::warn!(target: "file", "{}", Text(diagnostic)),
            }
        }
        for (_, diagnostic) in self.told.iter().filter(|(key, _)| !now.contains_key(*key)) {
            tracing::info!(target: "file", "resolved: {diagnostic}");
        }
        self.told = now;
        self.share.send_if_modified(|shared| {
            let changed = **shared != *diagnostics;
            if changed {
                *shared = diagnostics.into();
            }
            changed
        });
    }
}

/// A diagnostic without its severity, which the log shows in its own way.
struct Text<'a>(&'a Diagnostic);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        let severity = format!("{}: ", self.0.severity);
        f.write_str(text.strip_prefix(&severity).unwrap_or(&text))
    }
}

fn without_line(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.location =
        diagnostic.location.map(|Location { file, .. }| Location { file, line: 0 });
    diagnostic
}
