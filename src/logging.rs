//! The log: istiod's scopes, levels and formats over `tracing`.
//!
//! A tracing target that is the name of one of istiod's scopes belongs to that scope; any other target, those
//! of dependencies included, belongs to `default`. Owns the subscriber and the levels; knows nothing of what is
//! logged. Levels are atomics behind [`LogScopes`], so that they change while the process runs.
//! Each event is one line, written whole: what a stranger sends cannot forge another.

mod format;
mod levels;
mod scopes;
mod sink;

use std::fmt;
use std::io;

use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use self::format::Format;
use self::sink::Sinks;

pub use self::levels::{Level, UnknownLevel};
pub use self::scopes::{
    LogScopes, SCOPES, Scope, ScopeSelection, UnknownScope, parse_levels, parse_scopes,
    unknown_scopes,
};
pub use self::sink::Target;

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where each line goes; a line goes to all of them.
    pub targets: Vec<Target>,
    /// JSON objects instead of tab-separated text.
    pub json: bool,
    /// The levels to start with, applied in order over `info` for every scope.
    pub levels: Vec<(ScopeSelection, Level)>,
    /// The scopes whose lines tell the place in the source.
    pub callers: Vec<ScopeSelection>,
    /// The levels up to which lines have a stack trace, applied in order over `none` for every scope.
    pub stacks: Vec<(ScopeSelection, Level)>,
}

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file that cannot be written.
    #[error("--log_target {path:?}: a file that can be written is needed: {error}")]
    Target {
        /// As it was given.
        path: std::path::PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The process logs already.
    #[error("logging was started twice")]
    Twice,
}

/// Begins to log, for the whole process. The handle changes levels from then on.
pub fn start(config: &Config) -> Result<LogScopes, StartError> {
    let scopes = LogScopes::new(&config.levels, &config.callers, &config.stacks);
    let layer = LogLayer {
        scopes: scopes.clone(),
        format: Format::new(config.json, scopes.clone()),
        sinks: Sinks::open(&config.targets)?,
    };
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| StartError::Twice)?;
    Ok(scopes)
}

/// Formats events and writes them.
struct LogLayer {
    scopes: LogScopes,
    format: Format,
    sinks: Sinks,
}

impl fmt::Debug for LogLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLayer").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    /// Decided once for each place that logs; [`LogScopes::set_level`] has it decided anew.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.scopes.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.scopes.enabled(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = self.format.line(jiff::Timestamp::now(), event);
        self.sinks.write(line.as_bytes());
    }
}

#[cfg(test)]
mod tests;
