//! Scopes and their levels.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::Metadata;

/// Names of the scopes, as istiod spells them; sorted, because they are searched.
pub const SCOPES: [&str; 45] = [
    "ads",
    "adsc",
    "analysis",
    "authn",
    "authorization",
    "ca",
    "cache",
    "citadelclient",
    "controllers",
    "default",
    "delta",
    "endpoint",
    "epp",
    "file",
    "gateway",
    "gatewaycommon",
    "grpcgen",
    "healthcheck",
    "ip-autoallocate",
    "klog",
    "krt",
    "kube",
    "model",
    "monitoring",
    "pkica",
    "pkira",
    "processing",
    "retry",
    "rootcertrotator",
    "sds",
    "secretcontroller",
    "security",
    "server",
    "serverca",
    "serviceentry",
    "spiffe",
    "status",
    "tag-watcher",
    "trustBundle",
    "untaint",
    "validation",
    "validationController",
    "validationServer",
    "wasm",
    "wle",
];

/// The place of a target's scope in [`SCOPES`]: its own, or that of `default`.
pub(super) fn scope_index(target: &str) -> usize {
    const DEFAULT: usize = 9;
    SCOPES.binary_search(&target).unwrap_or(DEFAULT)
}

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

    fn from_u8(value: u8) -> Level {
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

/// One scope, or all of them (`all`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeSelection {
    /// Every scope.
    All,
    /// One, by its place in [`SCOPES`].
    One(usize),
}

impl ScopeSelection {
    /// Whether the scope at a place is meant.
    pub(super) fn includes(self, index: usize) -> bool {
        match self {
            ScopeSelection::All => true,
            ScopeSelection::One(one) => one == index,
        }
    }
}

/// A text that is neither a scope nor `all`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no log scope: all or one of {names} is needed", names = SCOPES.join(", "))]
pub struct UnknownScope(pub String);

impl FromStr for ScopeSelection {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<ScopeSelection, UnknownScope> {
        match text {
            "all" => Ok(ScopeSelection::All),
            _ => SCOPES
                .binary_search(&text)
                .map(ScopeSelection::One)
                .map_err(|_| UnknownScope(text.to_owned())),
        }
    }
}

/// Why a list of scopes or levels was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A scope that does not exist.
    #[error(transparent)]
    Scope(#[from] UnknownScope),
    /// A level that does not exist.
    #[error(transparent)]
    Level(#[from] UnknownLevel),
}

/// Reads `scope:level,…`. A level without a scope is that of `default`, as istiod has it.
pub fn parse_levels(text: &str) -> Result<Vec<(ScopeSelection, Level)>, ParseError> {
    let parse = |item: &str| {
        let (scope, level) = item.split_once(':').unwrap_or(("default", item));
        Ok((scope.parse()?, level.parse()?))
    };
    items(text).map(parse).collect()
}

/// Reads `scope,…`.
pub fn parse_scopes(text: &str) -> Result<Vec<ScopeSelection>, ParseError> {
    items(text).map(|item| Ok(item.parse()?)).collect()
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The levels of all scopes. Clones share them.
#[derive(Clone)]
pub struct LogLevels(Arc<[AtomicU8; SCOPES.len()]>);

impl LogLevels {
    /// `info` for every scope, but for these.
    pub fn new(levels: &[(ScopeSelection, Level)]) -> LogLevels {
        let info = std::array::from_fn(|_| AtomicU8::new(Level::Info as u8));
        let all = LogLevels(Arc::new(info));
        for (scopes, level) in levels {
            all.store(*scopes, *level);
        }
        all
    }

    /// Sets the level of a scope, or of every scope if it is `all`, while the process runs.
    pub fn set(&self, scope: &str, level: Level) -> Result<(), UnknownScope> {
        self.store(scope.parse()?, level);
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    /// Every scope and its level, by name.
    pub fn list(&self) -> Vec<(&'static str, Level)> {
        SCOPES.into_iter().zip(self.0.iter()).map(|(scope, level)| (scope, load(level))).collect()
    }

    fn store(&self, scopes: ScopeSelection, level: Level) {
        for (index, cell) in self.0.iter().enumerate() {
            if scopes.includes(index) {
                cell.store(level as u8, Ordering::Relaxed);
            }
        }
    }

    /// Whether what a place in the code has to say is wanted. Dependencies' debugging never is: at
    /// `default:debug` an HTTP/2 library would drown everything else.
    pub(super) fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let ours =
            SCOPES.binary_search(&target).is_ok() || target.starts_with(env!("CARGO_PKG_NAME"));
        let most = if ours { Level::Debug } else { Level::Info };
        let configured = self.0.get(scope_index(target)).map_or(Level::Info, load);
        Level::of(*metadata.level()).is_some_and(|level| level <= configured.min(most))
    }
}

fn load(level: &AtomicU8) -> Level {
    Level::from_u8(level.load(Ordering::Relaxed))
}

impl fmt::Debug for LogLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.list()).finish()
    }
}
