//! Requests: `/inject` and `/validate` with their limits, and what is answered to whom.
//!
//! What is no review at all gets a status of HTTP; what is one, or could be, gets an AdmissionReview.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::body::{self, Memory, Refusal};
use super::workers::{Undone, Workers};
use super::{Ended, Unavailable, Webhook, Webhooks};
use crate::webhooks::review::{Answer, Review, unread};

/// How long a client waits that does not say it: the longest that the API server lets be configured.
const WAITS: Duration = Duration::from_secs(30);

/// What the paths of webhooks are served with.
#[derive(Clone, Debug)]
pub struct Reviews {
    /// Who answers.
    pub webhooks: Webhooks,
    /// Where answers are made.
    pub workers: Workers,
    memory: Memory,
}

impl Reviews {
    /// Answers of these webhooks, made by these workers.
    pub fn new(webhooks: Webhooks, workers: Workers) -> Reviews {
        Reviews { webhooks, workers, memory: Memory::default() }
    }
}

/// The paths of webhooks.
pub fn router(reviews: Reviews) -> Router {
    let mut router = Router::new();
    for (path, webhook) in
        [("/inject", &reviews.webhooks.inject), ("/validate", &reviews.webhooks.validate)]
    {
        let Some(webhook) = webhook.clone() else { continue };
        let endpoint = Endpoint { path, webhook, reviews: reviews.clone() };
        let routes = Router::new()
            .route(path, any(exact))
            .route(&format!("{path}/"), any(exact))
            .route(&format!("{path}/{{*rest}}"), any(below));
        router = router.merge(routes.with_state(endpoint));
    }
    router
}

/// A path and who answers there.
#[derive(Clone)]
struct Endpoint {
    path: &'static str,
    webhook: Arc<dyn Webhook>,
    reviews: Reviews,
}

async fn exact(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let path = endpoint.path.to_owned();
    endpoint.answer(path, request).await
}

async fn below(
    State(endpoint): State<Endpoint>,
    Path(rest): Path<String>,
    request: Request,
) -> Response {
    let path = format!("{}/{rest}", endpoint.path);
    endpoint.answer(path, request).await
}

impl Endpoint {
    async fn answer(&self, path: String, request: Request) -> Response {
        let began = Instant::now();
        match self.review(path, request).await {
            Ok((answer, text)) => {
                self.webhook.answered(Ended::Answered(&answer), began.elapsed());
                ([(header::CONTENT_TYPE, "application/json")], text).into_response()
            }
            Err((status, text)) => {
                self.webhook.answered(Ended::Refused(status, &text), began.elapsed());
                (status, format!("{text}\n")).into_response()
            }
        }
    }

    async fn review(&self, path: String, request: Request) -> Result<(Answer, Vec<u8>), Refusal> {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            let text = "an AdmissionReview is sent with POST".to_owned();
            return Err((StatusCode::METHOD_NOT_ALLOWED, text));
        }
        let until = Instant::now() + waits(&head.uri);
        let body = body::read(body, &self.reviews.memory, body::PATIENCE).await?;
        if body.bytes().is_empty() {
            return Err((StatusCode::BAD_REQUEST, "no body found".to_owned()));
        }
        if !is_json(&head.headers) {
            let text = "invalid Content-Type, want `application/json`".to_owned();
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let webhook = self.webhook.clone();
        let work = move || made(&*webhook, &path, body.bytes());
        match self.reviews.workers.work(until, work).await {
            Ok(Ok(answered)) => Ok(answered),
            Ok(Err(Unavailable(why))) => Err((StatusCode::NOT_FOUND, why)),
            Err(Undone::Full) => {
                Err((StatusCode::SERVICE_UNAVAILABLE, "too many reviews wait".to_owned()))
            }
            Err(Undone::Late) => {
                let text = "the time for this review is over".to_owned();
                Err((StatusCode::SERVICE_UNAVAILABLE, text))
            }
            Err(Undone::Panicked(said)) => Err((StatusCode::INTERNAL_SERVER_ERROR, said)),
        }
    }
}

/// The answer to a body, and how it is sent.
fn made(webhook: &dyn Webhook, path: &str, body: &[u8]) -> Result<(Answer, Vec<u8>), Unavailable> {
    let (answer, json) = match Review::read(body) {
        Ok(review) => {
            let answer = answered(webhook, &review, path)?;
            let json = review.answered(&answer);
            (answer, json)
        }
        Err(error) => {
            let answer = Answer { refused: Some(error.to_string()), ..Answer::default() };
            let json = unread(&answer);
            (answer, json)
        }
    };
    Ok((answer, json.to_string().into_bytes()))
}

/// What a webhook says; where it panics, that the object is refused for that.
fn answered(webhook: &dyn Webhook, review: &Review, path: &str) -> Result<Answer, Unavailable> {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    catch_unwind(AssertUnwindSafe(|| webhook.review(review, path))).unwrap_or_else(|panic| {
        let said = super::workers::said(panic.as_ref());
        tracing::error!("a fault in answering {path}: {said}");
        let refused = format!("a fault of the control plane: {said}");
        Ok(Answer { refused: Some(refused), ..Answer::default() })
    })
}

/// How long the client waits for its answer, which the API server says in the query.
fn waits(uri: &Uri) -> Duration {
    let parameters = uri.query().unwrap_or_default().split('&');
    let said = parameters.filter_map(|pair| pair.strip_prefix("timeout=")).next();
    let said = said.and_then(|text| crate::api::duration::parse(text).ok());
    said.map_or(WAITS, |said| said.min(WAITS))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json")
}

#[cfg(test)]
mod tests;
