//! An API server that answers from a script, for tests of what follows one.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// One answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status code, and the seconds to leave the server alone.
    Refused(u16, u32),
    /// A page of a list.
    Page(Value),
    /// The events of a watch, after which it ends.
    Watch(Vec<Value>),
    /// The events of a watch, which goes on without any more.
    Open(Vec<Value>),
}

/// The answers that are left for each path, and the requests that came. A request waits until there is an answer.
#[derive(Clone, Default)]
pub struct Script {
    state: Arc<Mutex<State>>,
    added: Arc<Notify>,
}

#[derive(Default)]
struct State {
    answers: BTreeMap<String, VecDeque<Answer>>,
    requests: Vec<String>,
}

impl Script {
    pub fn add(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut state = self.state.lock().unwrap();
        state.answers.entry(path.to_owned()).or_default().extend(answers);
        self.added.notify_waiters();
    }

    /// The requests so far, as path and query.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    pub fn client(&self) -> Client {
        let script = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let script = script.clone();
            let (path, uri) = (request.uri().path().to_owned(), request.uri().to_string());
            async move { Ok::<_, Infallible>(script.answer(&path, uri).await) }
        });
        Client::new(service, "default")
    }

    async fn next(&self, path: &str) -> Answer {
        loop {
            let added = self.added.notified();
            let mut added = pin!(added);
            // Before looking, so that what is added meanwhile is not missed.
            added.as_mut().enable();
            let answer =
                self.state.lock().unwrap().answers.get_mut(path).and_then(VecDeque::pop_front);
            match answer {
                Some(answer) => return answer,
                None => added.await,
            }
        }
    }

    async fn answer(&self, path: &str, uri: String) -> Response<Lines> {
        self.state.lock().unwrap().requests.push(uri);
        match self.next(path).await {
            Answer::Refused(code, seconds) => {
                let status = json!({
                    "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                    "message": "no", "details": {"retryAfterSeconds": seconds},
                });
                let body = text(&status);
                Response::builder().status(code).body(body).unwrap()
            }
            Answer::Page(page) => Response::new(text(&page)),
            Answer::Watch(events) => Response::new(lines(events, false)),
            Answer::Open(events) => Response::new(lines(events, true)),
        }
    }
}

type Lines = UnsyncBoxBody<Bytes, Infallible>;

fn text(value: &Value) -> Lines {
    Full::new(Bytes::from(value.to_string())).boxed_unsync()
}

fn lines(events: Vec<Value>, open: bool) -> Lines {
    let lines = events.into_iter().map(|event| Frame::data(Bytes::from(format!("{event}\n"))));
    let lines = stream::iter(lines.map(Ok));
    match open {
        true => StreamBody::new(lines.chain(stream::pending())).boxed_unsync(),
        false => StreamBody::new(lines).boxed_unsync(),
    }
}

pub fn object(name: &str, version: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "a", "resourceVersion": version}})
}

pub fn added(name: &str, version: &str) -> Value {
    json!({"type": "ADDED", "object": object(name, version)})
}

pub fn deleted(name: &str, version: &str) -> Value {
    json!({"type": "DELETED", "object": object(name, version)})
}

/// A bookmark; at the end of a streamed list, `ends`.
pub fn bookmark(version: &str, ends: bool) -> Value {
    let annotations = match ends {
        true => json!({"k8s.io/initial-events-end": "true"}),
        false => json!({}),
    };
    let metadata = json!({"resourceVersion": version, "annotations": annotations});
    json!({"type": "BOOKMARK", "object": {"kind": "X", "apiVersion": "v1", "metadata": metadata}})
}

pub fn expired() -> Value {
    json!({"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "code": 410}})
}
