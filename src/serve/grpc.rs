//! How a call of gRPC begins: a request is answered at once, with a body that is filled later.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use tokio::sync::mpsc;

use super::transport::Transport;
use super::wire::{Outgoing, StreamBody};
use crate::authn::Credentials;

/// A call that is to be answered.
pub(super) struct Call {
    /// How it came.
    pub transport: Transport,
    /// What the client presents.
    pub presented: Credentials,
    /// What it sends.
    pub body: Body,
    /// Where the answer goes.
    pub sender: mpsc::Sender<Outgoing>,
}

/// The response to a request, and the call that fills it; no call for a request that is none of gRPC's.
pub(super) fn open(request: Request) -> (Response, Option<Call>) {
    let mut response = Response::new(Body::empty());
    let grpc = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|content_type| content_type.as_bytes().starts_with(b"application/grpc"));
    let came = Transport::of(request.extensions()).filter(|_| grpc);
    let Some((peer, transport)) = came else {
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return (response, None);
    };
    let (head, body) = request.into_parts();
    let certificate = transport.identities();
    let presented = Credentials { peer, certificate, headers: head.headers };
    let (sender, answer) = StreamBody::new();
    *response.body_mut() = Body::new(answer);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    (response, Some(Call { transport, presented, body, sender }))
}
