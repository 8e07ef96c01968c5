//! Telling diagnostics: the current ones to whoever shows them, the new and the resolved ones to the log.

use std::sync::Arc;

use tokio::sync::watch;

use crate::api::diagnostic::Told;
use crate::api::{Diagnostic, Severity};

/// Shares the diagnostics of one source, and logs each once, whatever line it moves to.
pub(super) struct Reporter {
    share: watch::Sender<Arc<[Diagnostic]>>,
    told: Told,
}

impl Reporter {
    /// Shares through `share`, which may have lost all its receivers.
    pub fn new(share: watch::Sender<Arc<[Diagnostic]>>) -> Reporter {
        Reporter { share, told: Told::default() }
    }

    /// Says what is wrong now.
    pub fn report(&mut self, diagnostics: Vec<Diagnostic>) {
        let news = self.told.replace(diagnostics.iter().cloned());
        for diagnostic in &news.new {
            match diagnostic.severity {
                Severity::Error => tracing::error!(target: "file", "{}", Text(diagnostic)),
                Severity::Warning => tracing::warn!(target: "file", "{}", Text(diagnostic)),
            }
        }
        for diagnostic in &news.resolved {
            tracing::info!(target: "file", "resolved: {diagnostic}");
        }
        share(&self.share, diagnostics);
    }
}

/// Shows diagnostics, if they are not those that are shown.
pub(super) fn share(shown: &watch::Sender<Arc<[Diagnostic]>>, diagnostics: Vec<Diagnostic>) {
    shown.send_if_modified(|shown| {
        let changed = **shown != *diagnostics;
        if changed {
            *shown = diagnostics.into();
        }
        changed
    });
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
