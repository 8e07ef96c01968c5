//! Scopes: the parts of the log, each with a level of its own.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tracing::Metadata;

use super::levels::{Level, UnknownLevel};

/// The scopes, as istiod names and describes them; sorted, because they are searched.
#[rustfmt::skip]
pub const SCOPES: [(&str, &str); 41] = [
    ("ads", "ads debugging"),
    ("adsc", "adsc debugging"),
    ("analysis", "Scope for configuration analysis runtime"),
    ("authn", "authn debugging"),
    ("authorization", "Istio Authorization Policy"),
    ("ca", "ca client"),
    ("controllers", "common controller logic"),
    ("default", "Unscoped logging messages."),
    ("delta", "delta xds debugging"),
    ("deltaadsc", "delta adsc debugging"),
    ("file", "File client messages"),
    ("fullpush", "logs details about why Istio is triggering a full push"),
    ("gateway", "gateway-api controller"),
    ("gatewaycommon", "gatewaycommon controller"),
    ("grpc", "logs from gRPC"),
    ("grpcgen", "xDS Generator for Proxyless gRPC"),
    ("ip-autoallocate", "IP autoallocate controller"),
    ("klog", ""),
    ("krt", ""),
    ("kube", "Kubernetes client messages"),
    ("model", "model"),
    ("monitoring", "metrics monitoring"),
    ("pkica", "Citadel CA log"),
    ("pkira", "Istiod RA log"),
    ("probes", "Status of forwarded application probes"),
    ("processing", "Scope for configuration processing runtime"),
    ("retry", "logs for retries"),
    ("rootcertrotator", "Self-signed CA root cert rotator log"),
    ("secretcontroller", "Citadel kubernetes controller log"),
    ("security", "security debugging"),
    ("serverca", "Citadel server log"),
    ("serviceentry", "ServiceEntry registry"),
    ("spiffe", "SPIFFE library logging"),
    ("status", "status reporting"),
    ("tag-watcher", "Revision tags watcher"),
    ("trustBundle", "Workload mTLS trust bundle logs"),
    ("untaint", "CNI node-untaint controller"),
    ("validation", "CRD validation debugging"),
    ("validationController", "validation webhook controller"),
    ("validationServer", "validation webhook server"),
    ("wle", "wle controller debugging"),
];

/// Scopes of Istio's other programs. Charts give all programs one list of levels, so that flags name them here,
/// too; nothing is logged in them, and nobody needs to be told.
const FOREIGN_SCOPES: [&str; 8] =
    ["cache", "citadelclient", "endpoint", "epp", "healthcheck", "sds", "server", "wasm"];

/// The place of `default` in [`SCOPES`].
const DEFAULT: usize = 7;

/// The place of `grpc`, which is silent until it is asked to speak.
const GRPC: usize = 14;

/// Modules of kube's client that tell each failure with each try: a watch that was cut, a status, an answer that cannot
/// be read with all of its content, which may be a secret. Who asked gets the same as an error, and tells it once.
const SILENT: [&str; 2] = ["kube_client::client", "kube_client::client::builder"];

/// The place of a scope in [`SCOPES`].
fn find(name: &str) -> Option<usize> {
    SCOPES.binary_search_by_key(&name, |(name, _)| name).ok()
}

/// The place of a target's scope in [`SCOPES`]: its own, or that of `default`.
pub(super) fn scope_index(target: &str) -> usize {
    find(target).unwrap_or(DEFAULT)
}

/// Some of the scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeSelection {
    /// Every scope (`all`).
    All,
    /// One, by its place in [`SCOPES`].
    One(usize),
    /// None of ours: a scope of another program or version.
    Foreign,
}

impl ScopeSelection {
    /// Whether the scope at a place is meant.
    fn includes(self, index: usize) -> bool {
        match self {
            ScopeSelection::All => true,
            ScopeSelection::One(one) => one == index,
            ScopeSelection::Foreign => false,
        }
    }
}

/// A text that is neither a scope nor `all`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no log scope: all or one of {names} is needed", names = SCOPES.map(|(name, _)| name).join(", "))]
pub struct UnknownScope(pub String);

impl ScopeSelection {
    /// What a name means. Istiod takes every name.
    fn of(name: &str) -> ScopeSelection {
        match find(name) {
            Some(index) => ScopeSelection::One(index),
            None if name == "all" => ScopeSelection::All,
            None => ScopeSelection::Foreign,
        }
    }
}

impl FromStr for ScopeSelection {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<ScopeSelection, UnknownScope> {
        match ScopeSelection::of(text) {
            ScopeSelection::Foreign => Err(UnknownScope(text.to_owned())),
            known => Ok(known),
        }
    }
}

/// Reads `scope:level,…`. A level without a scope is that of `default`, as istiod has it.
pub fn parse_levels(text: &str) -> Result<Vec<(ScopeSelection, Level)>, UnknownLevel> {
    let parse = |item| {
        let (scope, level) = split(item);
        Ok((ScopeSelection::of(scope), level.parse()?))
    };
    items(text).map(parse).collect()
}

/// Reads `scope,…`.
pub fn parse_scopes(text: &str) -> Result<Vec<ScopeSelection>, Infallible> {
    Ok(items(text).map(ScopeSelection::of).collect())
}

/// The names in a list of levels that are no scope of any program that is known here: typing errors, or of another
/// version.
pub fn unknown_scopes(text: &str) -> Vec<&str> {
    let names = items(text).map(|item| split(item).0);
    let unknown = names.filter(|name| ScopeSelection::of(name) == ScopeSelection::Foreign);
    unknown.filter(|name| !FOREIGN_SCOPES.contains(name)).collect()
}

fn split(item: &str) -> (&str, &str) {
    item.split_once(':').unwrap_or(("default", item))
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// What the log shows of one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Its name.
    pub name: &'static str,
    /// What is logged in it.
    pub description: &'static str,
    /// Everything up to this level is shown.
    pub level: Level,
    /// Its lines tell the place in the source.
    pub callers: bool,
    /// Lines up to this level have a stack trace.
    pub stacks: Level,
}

/// The levels of all scopes, and which of them tell the place in the source. Clones share them.
#[derive(Clone, Debug)]
pub struct LogScopes(Arc<[State; SCOPES.len()]>);

/// The same of one scope.
#[derive(Debug)]
struct State {
    level: AtomicU8,
    callers: AtomicBool,
    stacks: AtomicU8,
}

impl LogScopes {
    /// `info` for every scope but `grpc`, no places and no stack traces, but for these.
    pub fn new(
        levels: &[(ScopeSelection, Level)],
        callers: &[ScopeSelection],
        stacks: &[(ScopeSelection, Level)],
    ) -> LogScopes {
        let all = LogScopes(Arc::new(std::array::from_fn(|index| {
            let level = if index == GRPC { Level::None } else { Level::Info };
            State {
                level: AtomicU8::new(level as u8),
                callers: AtomicBool::new(false),
                stacks: AtomicU8::new(Level::None as u8),
            }
        })));
        for (scopes, level) in levels {
            all.store_level(*scopes, *level);
        }
        for scopes in callers {
            all.set_callers(*scopes, true);
        }
        for (scopes, level) in stacks {
            all.set_stacks(*scopes, *level);
        }
        all
    }

    /// The scope of a name.
    pub fn get(&self, name: &str) -> Result<Scope, UnknownScope> {
        let found = self.list().find(|scope| scope.name == name);
        found.ok_or_else(|| UnknownScope(name.to_owned()))
    }

    /// Every scope, by name.
    pub fn list(&self) -> impl Iterator<Item = Scope> {
        SCOPES.iter().zip(self.0.iter()).map(|((name, description), state)| Scope {
            name,
            description,
            level: state.level(),
            callers: state.callers.load(Ordering::Relaxed),
            stacks: Level::from_u8(state.stacks.load(Ordering::Relaxed)),
        })
    }

    /// Sets the level of scopes while the process runs.
    pub fn set_level(&self, scopes: ScopeSelection, level: Level) {
        self.store_level(scopes, level);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Lets the lines of scopes tell the place in the source, or not.
    pub fn set_callers(&self, scopes: ScopeSelection, callers: bool) {
        self.selected(scopes).for_each(|state| state.callers.store(callers, Ordering::Relaxed));
    }

    /// Gives the lines of scopes a stack trace up to a level.
    pub fn set_stacks(&self, scopes: ScopeSelection, level: Level) {
        self.selected(scopes).for_each(|state| state.stacks.store(level as u8, Ordering::Relaxed));
    }

    fn store_level(&self, scopes: ScopeSelection, level: Level) {
        self.selected(scopes).for_each(|state| state.level.store(level as u8, Ordering::Relaxed));
    }

    fn selected(&self, scopes: ScopeSelection) -> impl Iterator<Item = &State> {
        let selected = move |(index, _): &(usize, &State)| scopes.includes(*index);
        self.0.iter().enumerate().filter(selected).map(|(_, state)| state)
    }

    /// Whether what a place in the code has to say is wanted. Dependencies' debugging never is: at
    /// `default:debug` an HTTP/2 library would drown everything else.
    pub(super) fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        if SILENT.contains(&target) {
            return false;
        }
        let ours = find(target).is_some() || target.starts_with(env!("CARGO_PKG_NAME"));
        let most = if ours { Level::Debug } else { Level::Info };
        let configured = self.0.get(scope_index(target)).map_or(Level::Info, State::level);
        Level::of(*metadata.level()).is_some_and(|level| level <= configured.min(most))
    }

    /// Whether a line of this level in the scope at a place has a stack trace.
    pub(super) fn has_stacks(&self, index: usize, level: Level) -> bool {
        let upto = self.0.get(index).map(|state| state.stacks.load(Ordering::Relaxed));
        upto.is_some_and(|upto| level <= Level::from_u8(upto))
    }

    /// Whether the lines of the scope at a place tell where they come from.
    pub(super) fn tells_callers(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|state| state.callers.load(Ordering::Relaxed))
    }
}

impl State {
    fn level(&self) -> Level {
        Level::from_u8(self.level.load(Ordering::Relaxed))
    }
}
