//! Levels: how much is logged.

use std::fmt;
use std::str::FromStr;

/// How much a scope logs: everything up to this level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the levels of every logger")]
pub enum Level {
    /// Nothing.
    None,
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    /// All of them, the quietest first.
    pub const ALL: [Level; 6] =
        [Level::None, Level::Fatal, Level::Error, Level::Warn, Level::Info, Level::Debug];

    /// As flags and lines of the log spell it.
    pub fn name(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Fatal => "fatal",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }

    /// The level of an event. Traces have none: they are never shown.
    pub(super) fn of(level: tracing::Level) -> Option<Level> {
        match level {
            tracing::Level::ERROR => Some(Level::Error),
            tracing::Level::WARN => Some(Level::Warn),
            tracing::Level::INFO => Some(Level::Info),
            tracing::Level::DEBUG => Some(Level::Debug),
            tracing::Level::TRACE => None,
        }
    }

    pub(super) fn from_u8(value: u8) -> Level {
        Level::ALL.get(usize::from(value)).copied().unwrap_or(Level::Info)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a level is needed: none, fatal, error, warn, info or debug")]
pub struct UnknownLevel;

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Level, UnknownLevel> {
        Level::ALL.into_iter().find(|level| level.name() == text).ok_or(UnknownLevel)
    }
}
