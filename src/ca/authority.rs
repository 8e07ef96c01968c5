//! The CA that counts now, and the rules of what it signs.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Error;
use super::issuer::{Issued, Issuer};
use super::request::Request;

/// How long certificates of workloads are valid.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Where nothing is asked for (DEFAULT_WORKLOAD_CERT_TTL).
    pub default: Duration,
    /// At most (MAX_WORKLOAD_CERT_TTL).
    pub max: Duration,
}

impl Lifetimes {
    /// Where so many seconds are asked for; 0 or less stands for the default.
    pub(super) fn of(&self, seconds: i64) -> Result<Duration, Error> {
        let requested = match u64::try_from(seconds) {
            Ok(seconds) if seconds > 0 => Duration::from_secs(seconds),
            _ => self.default,
        };
        if requested > self.max {
            return Err(Error::Lifetime { requested, max: self.max });
        }
        Ok(requested)
    }
}

/// What is known of the CA.
#[derive(Clone, Debug)]
pub enum State {
    /// There is none yet, and why.
    Waiting(String),
    /// This is it.
    Ready(Arc<Issuer>),
}

impl State {
    /// The CA, if there is one.
    pub fn issuer(&self) -> Option<&Arc<Issuer>> {
        match self {
            State::Waiting(_) => None,
            State::Ready(issuer) => Some(issuer),
        }
    }
}

/// The CA. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Authority {
    state: watch::Receiver<State>,
    lifetimes: Lifetimes,
}

impl Authority {
    /// The CA that a source tells.
    pub fn new(state: watch::Receiver<State>, lifetimes: Lifetimes) -> Authority {
        Authority { state, lifetimes }
    }

    /// Signs a certificate for these names and the key of a request in PEM, for so many seconds; 0 or less stands for
    /// the default.
    ///
    /// # Errors
    /// When the request is wrong or asks for too much, or there is no CA to sign.
    pub fn issue(&self, request: &str, names: &[&str], seconds: i64) -> Result<Issued, Error> {
        let issuer = match &*self.state.borrow() {
            State::Waiting(why) => return Err(Error::NotReady(why.clone())),
            State::Ready(issuer) => issuer.clone(),
        };
        let request = Request::parse(request).map_err(Error::Request)?;
        let requested = self.lifetimes.of(seconds)?;
        issuer.issue(&request.public_key, names, requested, Timestamp::now())
    }

    /// What is known of the CA, and tells when that changes.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }
}

#[cfg(test)]
mod tests;
