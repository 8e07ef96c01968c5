//! Gateways: which of them a proxy serves, and what they ask of it together.

pub mod merged;
pub mod server;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::merged::{Group, Merged, MergedListener};
pub use self::server::{GatewayServer, Speech};
use crate::api::config::Config;
use crate::api::meta::selects;
use crate::api::networking::Gateway;
use crate::api::{Diagnostic, Labels};

/// All Gateways.
#[derive(Clone, Debug, Default)]
pub struct Gateways {
    /// The oldest first.
    pub all: Arc<[Arc<Config<Gateway>>]>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

impl Gateways {
    /// Of these objects, oldest first.
    pub fn new(configs: &[Arc<Config<Gateway>>]) -> Gateways {
        Gateways { all: configs.into(), diagnostics: Vec::new() }
    }

    /// Those that a proxy with these labels serves, oldest first. With `own_namespace` only those of that namespace.
    pub fn select(
        &self,
        labels: &Labels,
        own_namespace: Option<&str>,
    ) -> impl Iterator<Item = &Arc<Config<Gateway>>> {
        self.all.iter().filter(move |gateway| {
            own_namespace.is_none_or(|own| *gateway.meta.namespace == *own)
                && selects(&gateway.spec.selector, labels)
        })
    }
}
