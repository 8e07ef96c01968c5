//! How answers are made: as JSON, one at a time, off the threads that serve proxies.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Query;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Semaphore;

/// The parameters of a request; the last of several values counts.
pub(super) type Parameters = Query<BTreeMap<String, String>>;

/// Lets one answer be made at a time.
#[derive(Clone)]
pub(super) struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Gate(Arc::new(Semaphore::new(1)))
    }
}

impl Gate {
    /// The JSON of what `make` gives; indented when the request has a parameter `pretty`.
    pub(super) async fn json<T: Serialize>(
        &self,
        Query(parameters): &Parameters,
        make: impl FnOnce() -> T + Send + 'static,
    ) -> Response {
        self.json_or_error(parameters.contains_key("pretty"), move || Ok(make())).await
    }

    /// The same for an answer that may be an error.
    pub(super) async fn json_or_error<T: Serialize>(
        &self,
        pretty: bool,
        make: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Response {
        let made = self.make(move || {
            let value = make()?;
            let encoded =
                if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
            encoded.map_err(|error| Refusal::internal(error.to_string()))
        });
        match made.await {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(refusal) => refusal.into_response(),
        }
    }

    /// What `make` gives, when its turn comes.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        make: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        // The semaphore is never closed, and without a permit the answer would merely not wait.
        let permit = self.0.clone().acquire_owned().await;
        let made = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            make()
        });
        made.await.unwrap_or_else(|error| Err(Refusal::internal(error.to_string())))
    }
}

/// Why there is no answer, as text.
pub(super) struct Refusal(StatusCode, String);

impl Refusal {
    /// The request is wrong.
    pub(super) fn bad_request(text: impl Into<String>) -> Refusal {
        Refusal(StatusCode::BAD_REQUEST, text.into())
    }

    /// What it asks for is not here.
    pub(super) fn not_found(text: impl Into<String>) -> Refusal {
        Refusal(StatusCode::NOT_FOUND, text.into())
    }

    /// What is to be said.
    pub(super) fn text(self) -> String {
        self.1
    }

    /// There is no such thing here.
    pub(super) fn not_implemented(text: impl Into<String>) -> Refusal {
        Refusal(StatusCode::NOT_IMPLEMENTED, text.into())
    }

    /// Not now.
    pub(super) fn unavailable(text: impl Into<String>) -> Refusal {
        Refusal(StatusCode::SERVICE_UNAVAILABLE, text.into())
    }

    /// It should have worked.
    pub(super) fn internal(text: String) -> Refusal {
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}
