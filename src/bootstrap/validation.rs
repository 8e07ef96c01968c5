//! Who answers `/validate`: the rules, and what the newest snapshot says of an object.

use std::sync::Arc;

use crate::admission::Webhook;
use crate::admission::validate::Validation;
use crate::api::{Diagnostic, Object};
use crate::metrics::Metrics;
use crate::snapshot::Snapshots;
use crate::store::trial::Trials;
use crate::webhooks::validate::{Mesh, Validator};

/// The mesh as it is now.
#[derive(Debug)]
struct Now {
    snapshots: Snapshots,
    trials: Trials,
}

impl Mesh for Now {
    fn consider(&self, object: &Object) -> Vec<Diagnostic> {
        self.trials.consider(&self.snapshots.load(), object)
    }
}

/// The webhook.
pub fn webhook(snapshots: Snapshots, metrics: &Arc<Metrics>) -> Arc<dyn Webhook> {
    let mesh = Arc::new(Now { snapshots, trials: Trials::default() });
    let validator = Validator::new(metrics.clone()).within(mesh);
    Arc::new(Validation::new(validator, metrics.clone()))
}
