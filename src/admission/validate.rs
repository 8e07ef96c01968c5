//! `/validate`: reviews to the validator, and what could not be read counted.

use std::sync::Arc;
use std::time::Duration;

use super::{Ended, Unavailable, Webhook};
use crate::metrics::Metrics;
use crate::webhooks::review::{Answer, Review};
use crate::webhooks::validate::Validator;

/// Answers `/validate`.
#[derive(Debug)]
pub struct Validation {
    validator: Validator,
    metrics: Arc<Metrics>,
}

impl Validation {
    /// With the answers of this validator.
    pub fn new(validator: Validator, metrics: Arc<Metrics>) -> Validation {
        Validation { validator, metrics }
    }
}

impl Webhook for Validation {
    fn review(&self, review: &Review, _path: &str) -> Result<Answer, Unavailable> {
        Ok(self.validator.answer(review))
    }

    fn answered(&self, ended: Ended<'_>, _took: Duration) {
        // What is answered, the validator counts itself.
        if let Ended::Refused(status, _) = ended {
            self.metrics.validation_http_error.with(&[status.as_str()]).inc();
        }
    }
}

#[cfg(test)]
mod tests;
