//! What is wrong with secrets that proxies ask for: said of the objects that name them, to whoever shows diagnostics, and
//! to the log.

mod mentions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

pub(super) use self::mentions::Mentions;
use crate::api::diagnostic::Told;
use crate::api::{Code, Diagnostic, ObjectKey, Severity, Str};

/// How many are told of one proxy.
const MAX_TROUBLES: usize = 50;

/// Something that is wrong with a secret that a proxy asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trouble {
    /// An error if the proxy does not get it.
    pub severity: Severity,
    /// The objects that it is said of, each with the field; the secret itself has none.
    pub of: Vec<(Option<ObjectKey>, String)>,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// The troubles of all proxies.
#[derive(Debug)]
pub(super) struct Table {
    state: Mutex<State>,
    shown: watch::Sender<Arc<[Diagnostic]>>,
}

#[derive(Debug, Default)]
struct State {
    /// By stream: the proxy, and what is wrong.
    troubles: BTreeMap<u64, (Str, Vec<Trouble>)>,
    last: u64,
    told: Told,
}

impl Default for Table {
    fn default() -> Self {
        Table { state: Mutex::default(), shown: watch::Sender::new(Arc::from([])) }
    }
}

impl Table {
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<[Diagnostic]>> {
        self.shown.subscribe()
    }

    /// A number for a stream.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        state.last
    }

    /// This is wrong for a stream's proxy now.
    pub(super) fn replace(&self, stream: u64, proxy: &Str, mut troubles: Vec<Trouble>) {
        troubles.truncate(MAX_TROUBLES);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.troubles.get(&stream).map_or(&[][..], |(_, before)| before);
        if before == troubles {
            return;
        }
        match troubles.is_empty() {
            true => drop(state.troubles.remove(&stream)),
            false => drop(state.troubles.insert(stream, (proxy.clone(), troubles))),
        }
        let diagnostics = state.diagnostics();
        for new in state.told.replace(diagnostics.iter().cloned()).new {
            tracing::warn!(target: "ads", "{new}");
        }
        self.shown.send_replace(diagnostics.into());
    }
}

impl State {
    /// The same trouble of several proxies is one.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut proxies: BTreeMap<&Trouble, BTreeSet<&Str>> = BTreeMap::new();
        for (proxy, troubles) in self.troubles.values() {
            for trouble in troubles {
                proxies.entry(trouble).or_default().insert(proxy);
            }
        }
        let all = proxies.into_iter().flat_map(|(trouble, proxies)| {
            let others = if proxies.len() > 1 { " and others" } else { "" };
            let first = proxies.first().map_or("", |proxy| proxy);
            let message = format!("{} (the proxy {first}{others} asks for it)", trouble.message);
            trouble.of.iter().map(move |(object, path)| Diagnostic {
                severity: trouble.severity,
                location: None,
                object: object.clone(),
                path: path.clone(),
                message: message.clone(),
                code: Code::Other,
            })
        });
        let mut all: Vec<Diagnostic> = all.collect();
        all.sort();
        all.dedup();
        all
    }
}
