//! Whether an account may read the secrets of its namespace.
//!
//! Answers are remembered for a minute, good ones and bad ones, by cluster and account; that nobody could answer is
//! remembered for seconds. How many are remembered is bounded. A question that is being asked is not asked twice, and is
//! asked to its end even if who wanted to know is gone.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Account, Times};
use crate::api::Str;

/// How many answers are remembered: ten times as many as there may be gateways with an account of their own.
const MAX_ANSWERS: usize = 10_000;

/// An account of a cluster; None for the one that configures the mesh.
pub type Subject = (Option<Str>, Account);

/// Who knows the rights of accounts.
pub trait Reviewer: fmt::Debug + Send + Sync {
    /// Whether the account may list the secrets of its namespace.
    fn may_read_secrets(&self, subject: Subject) -> BoxFuture<'static, Answer>;
}

/// What a reviewer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may.
    Allowed,
    /// It may not, and what is to be done if it should.
    Denied(Str),
    /// Nobody knows at the moment, and why.
    Unknown(Str),
}

/// Where there is no API server that knows rights: an account may read what is in its own namespace, as whoever writes
/// the directory put it there.
#[derive(Clone, Copy, Debug)]
pub struct OwnNamespace;

impl Reviewer for OwnNamespace {
    fn may_read_secrets(&self, _: Subject) -> BoxFuture<'static, Answer> {
        Box::pin(ready(Answer::Allowed))
    }
}

/// Asks a reviewer, and remembers.
#[derive(Debug)]
pub(super) struct Reviews {
    reviewer: Arc<dyn Reviewer>,
    times: Times,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    answers: HashMap<Subject, Remembered>,
    /// The oldest first. Each is in `answers` unless it was asked again, or failed, since.
    order: VecDeque<(Instant, Subject)>,
}

#[derive(Clone, Debug)]
struct Remembered {
    until: Instant,
    answer: watch::Receiver<Option<Answer>>,
}

impl Reviews {
    pub(super) fn new(reviewer: Arc<dyn Reviewer>, times: Times) -> Reviews {
        Reviews { reviewer, times, known: Arc::default() }
    }

    /// Whether the account may read the secrets of its namespace. May be dropped and called again without loss.
    pub(super) async fn ask(&self, subject: &Subject) -> Answer {
        let mut answer = self.begin(subject);
        match answer.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone().unwrap_or_else(given_up),
            Err(_) => given_up(),
        }
    }

    fn begin(&self, subject: &Subject) -> watch::Receiver<Option<Answer>> {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remembered) = known.answers.get(subject).filter(|r| r.until > now) {
            return remembered.answer.clone();
        }
        let (sender, answer) = watch::channel(None);
        let until = now + self.times.answer;
        known.put(subject.clone(), Remembered { until, answer: answer.clone() });
        drop(known);
        let (review, known) = (self.reviewer.may_read_secrets(subject.clone()), self.known.clone());
        let (subject, failure) = (subject.clone(), self.times.failure);
        tokio::spawn(async move {
            let answer = review.await;
            if matches!(answer, Answer::Unknown(_)) {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(remembered) = known.answers.get_mut(&subject) {
                    remembered.until = Instant::now() + failure;
                }
            }
            sender.send_replace(Some(answer));
        });
        answer
    }
}

impl Known {
    fn put(&mut self, subject: Subject, remembered: Remembered) {
        let now = Instant::now();
        while let Some((until, oldest)) = self.order.front() {
            if *until > now && self.order.len() < MAX_ANSWERS {
                break;
            }
            if self.answers.get(oldest).is_some_and(|remembered| remembered.until <= *until) {
                self.answers.remove(oldest);
            }
            self.order.pop_front();
        }
        self.order.push_back((remembered.until, subject.clone()));
        self.answers.insert(subject, remembered);
    }
}

fn given_up() -> Answer {
    Answer::Unknown("the question was given up".into())
}
