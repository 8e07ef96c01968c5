//! The server of webhooks: what the API server asks over HTTPS (15017), and what keeps that apart from all else.
//!
//! Owns the way of a review: a connection ([`server`]), a limited body ([`body`]), a turn among the reviews ([`workers`]), and the
//! answer ([`routes`]). Connections have a thread of their own, reviews have others: neither waits for pushes, and
//! however many reviews there are, pushes keep their share of the processors. What a review says is up to a [`Webhook`].
//!
//! [`inject`] answers `/inject`. Nothing here knows where configuration comes from.

pub mod body;
#[cfg(test)]
mod fixture;
pub mod inject;
pub mod routes;
pub mod server;
pub mod validate;
pub mod workers;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;

use crate::webhooks::review::{Answer, Review};

pub use self::routes::{Reviews, router};
pub use self::workers::Workers;

/// What answers the reviews of a path.
pub trait Webhook: Send + Sync + 'static {
    /// The answer to a review that came to a path, as decoded. Called on a thread for reviews: it may compute, and it may panic,
    /// which is an answer that refuses.
    ///
    /// # Errors
    /// Why there is nobody to answer yet; then the API server does what its `failurePolicy` says.
    fn review(&self, review: &Review, path: &str) -> Result<Answer, Unavailable>;

    /// Counts what was answered. A body that is no review, or a panic, is an answer that refuses.
    fn answered(&self, ended: Ended<'_>, took: Duration);
}

/// There is nobody to answer, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    /// With an answer.
    Answered(&'a Answer),
    /// With a status of HTTP and a text.
    Refused(StatusCode, &'a str),
}

/// Who answers where; a path without anybody is not found.
#[derive(Clone, Default)]
pub struct Webhooks {
    /// `/inject`, and paths below it.
    pub inject: Option<Arc<dyn Webhook>>,
    /// `/validate`, and paths below it.
    pub validate: Option<Arc<dyn Webhook>>,
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks")
            .field("inject", &self.inject.is_some())
            .field("validate", &self.validate.is_some())
            .finish()
    }
}
