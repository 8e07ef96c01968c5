//! Parts of services: with some of their ports or aliases only, and such parts put together again.
//!
//! The same part of the same service is the same `Arc`, by which builders look their results up.

use std::sync::Arc;

use crate::model::{Service, ServiceKey};
use crate::translate::memo::{Memo, Same};

/// The parts that somebody sees.
#[derive(Debug, Default)]
pub struct Parts {
    selected: Memo<(Same<Service>, Selection), Service>,
    joined: Memo<(Same<Service>, Same<Service>), Service>,
}

/// What is left of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// Indexes of ports; all if None.
    pub ports: Option<Vec<usize>>,
    /// Aliases; all if None.
    pub aliases: Option<Vec<ServiceKey>>,
}

impl Parts {
    /// That part of a service: itself if it is all of it.
    pub fn of(&mut self, service: &Arc<Service>, selection: Selection) -> Arc<Service> {
        if selection == Selection::default() {
            return service.clone();
        }
        self.selected.get((Same(service.clone()), selection), |(Same(service), selection)| {
            let ports = service.ports.iter().enumerate();
            let kept = |index: &usize| selection.ports.as_ref().is_none_or(|p| p.contains(index));
            Service {
                ports: ports.filter(|(i, _)| kept(i)).map(|(_, port)| port.clone()).collect(),
                aliases: selection.aliases.as_ref().unwrap_or(&service.aliases).clone(),
                ..(**service).clone()
            }
        })
    }

    /// The first service with those ports of the second too that have numbers of their own.
    pub fn joined(&mut self, first: &Arc<Service>, second: &Arc<Service>) -> Arc<Service> {
        let key = (Same(first.clone()), Same(second.clone()));
        self.joined.get(key, |(Same(first), Same(second))| {
            let mut joined = (**first).clone();
            let new = second.ports.iter().filter(|port| first.port(port.number).is_none());
            joined.ports.extend(new.cloned());
            joined
        })
    }

    /// See [`Memo::sweep`].
    pub fn sweep(&mut self) {
        // First those that hold others.
        self.joined.sweep();
        self.selected.sweep();
    }
}
