//! Secrets for proxies: who may have which, and the layer of a view that holds them.
//!
//! A stream's [`Keeper`] follows the names that its proxy asks for and the snapshots, and makes the layer of what it may
//! have. Each time that it looks, it asks anew whether the proxy, as far as it proved who it is, may read secrets
//! ([`review`]). Invariants:
//!
//! - Who did not prove who it is gets none, whatever its node says.
//! - What was made for one stream is found by no other: there is no cache of secrets, so that none can be asked for
//!   without being asked who one is. Answers about rights are remembered by account and cluster, for a minute.
//! - A name is answered in the namespace of the account that was proven. A name of another namespace is not, but for
//!   roots of ConfigMaps, which are no secret.
//! - Who may not read something is told nothing; the objects that name it are (see [`told`]), and so is the log.
//!
//! Which objects are to be read is told to whoever reads them ([`wanted`]): those that authorised proxies ask for.

pub mod keeper;
mod name;
pub mod review;
mod told;
pub mod wanted;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use self::keeper::Keeper;
use self::review::{Reviewer, Reviews};
use self::told::Table;
use self::wanted::Wants;
use crate::api::{Diagnostic, Str, Wanted};
use crate::metrics::Metrics;
use crate::model::Proxy;
use crate::snapshot::Snapshots;

/// A service account, of which it was proven that a proxy has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Its namespace.
    pub namespace: Str,
    /// Its name.
    pub name: Str,
}

/// What serves secrets. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Secrets {
    shared: Arc<Shared>,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// How long an answer about rights holds. What is taken from an account is taken from its proxies after this, at the
    /// latest.
    answer: Duration,
    /// How long it holds that nobody could answer.
    failure: Duration,
    /// How long an object that is not there yet is not complained about: it may be on its way.
    on_its_way: Duration,
}

/// Rights as long as in Istio; the others are short for a user, and long for an API server.
const TIMES: Times = Times {
    answer: Duration::from_secs(60),
    failure: Duration::from_secs(5),
    on_its_way: Duration::from_secs(3),
};

#[derive(Debug)]
struct Shared {
    times: Times,
    snapshots: Snapshots,
    reviews: Reviews,
    wants: Wants,
    table: Table,
    metrics: Arc<Metrics>,
}

impl Secrets {
    /// Serves those of the snapshots. Who may read secrets is asked of `reviewer`.
    pub fn new(
        snapshots: Snapshots,
        reviewer: Arc<dyn Reviewer>,
        metrics: Arc<Metrics>,
    ) -> Secrets {
        Secrets::timed(snapshots, reviewer, metrics, TIMES)
    }

    fn timed(
        snapshots: Snapshots,
        reviewer: Arc<dyn Reviewer>,
        metrics: Arc<Metrics>,
        times: Times,
    ) -> Secrets {
        let shared = Shared {
            times,
            snapshots,
            reviews: Reviews::new(reviewer, times),
            wants: Wants::default(),
            table: Table::default(),
            metrics,
        };
        Secrets { shared: Arc::new(shared) }
    }

    /// The objects that are to be read, as they change.
    pub fn wanted(&self) -> watch::Receiver<Arc<Wanted>> {
        self.shared.wants.subscribe()
    }

    /// What is to be said of objects because of secrets that proxies ask for.
    pub fn diagnostics(&self) -> watch::Receiver<Arc<[Diagnostic]>> {
        self.shared.table.subscribe()
    }

    /// Keeps the secrets of one stream, whose proxy was proven to be `account`.
    pub fn keeper(&self, proxy: Arc<Proxy>, account: Option<Account>) -> Keeper {
        Keeper::new(self.shared.clone(), proxy, account)
    }
}
