//! Which CustomResourceDefinitions a cluster has. Without IO.

use std::collections::BTreeSet;

use super::follow::Event;
use super::query::Query;

/// The path of the collection of definitions.
const PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// What asks the server for them. Their schemas are large, and their names are all that counts.
pub(super) fn query() -> Query {
    Query { path: PATH.to_owned(), metadata_only: true, ..Query::default() }
}

/// The names of the definitions, such as `gateways.networking.istio.io`.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    names: BTreeSet<String>,
    /// While a list is read: those that it named.
    listed: Option<BTreeSet<String>>,
    complete: bool,
    /// Why they cannot be asked for at the moment.
    failure: Option<String>,
}

impl Definitions {
    /// Takes what was told of them. True if there may be a new one.
    pub fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Listing => self.listed = Some(BTreeSet::new()),
            Event::Is(received) => {
                let name = received.name().to_owned();
                if let Some(listed) = &mut self.listed {
                    listed.insert(name.clone());
                }
                return self.names.insert(name);
            }
            Event::Gone(received) => {
                self.names.remove(received.name());
            }
            Event::Listed => {
                self.names = self.listed.take().unwrap_or_default();
                self.complete = true;
                self.failure = None;
            }
            Event::Followed => self.failure = None,
            Event::Lost(why) => {
                self.listed = None;
                self.failure = Some(why);
            }
            Event::Absent => self.failure = Some("the server does not know them".to_owned()),
        }
        false
    }

    /// Whether a definition exists; None as long as that is not known.
    pub fn has(&self, name: &str) -> Option<bool> {
        self.complete.then(|| self.names.contains(name))
    }

    /// Why they are not known, where that is so.
    pub fn missing(&self) -> Option<&str> {
        (!self.complete).then(|| self.failure.as_deref().unwrap_or("not read yet"))
    }
}

#[cfg(test)]
mod tests;
