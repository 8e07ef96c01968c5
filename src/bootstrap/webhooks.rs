//! The webhooks: who answers reviews, and on how many threads.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;

use super::cpus;
use crate::admission::{Reviews, Webhook, Webhooks, Workers, router as routes};

/// The paths of the webhooks.
///
/// # Errors
/// When the system has no thread left.
pub fn router(validate: Arc<dyn Webhook>) -> anyhow::Result<Router> {
    // Half of the processors at most, so that pushes have the rest whatever is asked.
    let workers = Workers::start(cpus() / 2).context("no threads for webhooks")?;
    Ok(routes(Reviews::new(Webhooks { inject: None, validate: Some(validate) }, workers)))
}
