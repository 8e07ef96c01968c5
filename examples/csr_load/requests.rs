//! Requests for certificates, at a rate.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use istiod::proto::certificates::IstioCertificateRequest;
use rcgen::{CertificateParams, KeyPair};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::target::{Connection, Target, framed};
use crate::times::Times;

const METHOD: &str = "istio.v1.auth.IstioCertificateService/CreateCertificate";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Requests a second.
    pub rate: u32,
    /// For so long.
    pub duration: Duration,
    /// Over so many connections.
    pub connections: usize,
    /// Over a connection for each.
    pub reconnect: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    took: Duration,
    times: Times,
    refused: BTreeMap<String, usize>,
}

impl Load {
    /// Sends it, and waits for all answers.
    pub async fn run(self, target: &Target) -> Result<Outcome> {
        if self.rate == 0 {
            tokio::time::sleep(self.duration).await;
            return Ok(Outcome::default());
        }
        let request = request()?;
        let mut connections = Vec::new();
        for _ in 0..if self.reconnect { 0 } else { self.connections.max(1) } {
            connections.push(target.connect().await?);
        }
        let start = Instant::now();
        let mut answers = JoinSet::new();
        let pause = Duration::from_secs(1) / self.rate;
        let all = (self.duration.as_secs_f64() * f64::from(self.rate)) as u32;
        for number in 0..all {
            let due = start + pause * number;
            tokio::time::sleep_until(due).await;
            let connection = connections.get(number as usize % connections.len().max(1)).cloned();
            let (target, request) = (target.clone(), request.clone());
            answers.spawn(async move {
                let asked = tokio::time::timeout(PATIENCE, ask(&target, connection, request));
                let answer = asked.await.context("no answer").flatten();
                (due.elapsed(), answer)
            });
        }
        let mut outcome = Outcome::default();
        while let Some(answered) = answers.join_next().await {
            match answered? {
                (time, Ok(())) => outcome.times.add(time),
                (_, Err(error)) => *outcome.refused.entry(format!("{error:#}")).or_default() += 1,
            }
        }
        outcome.took = start.elapsed();
        Ok(outcome)
    }
}

/// A request for a key over P-256. One for all: what it costs the server is the same.
fn request() -> Result<Bytes> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
    framed(&IstioCertificateRequest { csr, validity_duration: 86_400, metadata: None })
}

async fn ask(target: &Target, connection: Option<Connection>, request: Bytes) -> Result<()> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => target.connect().await?,
    };
    let body = Full::new(request).boxed();
    let answer = target.call(&mut connection, METHOD, body).await?;
    // A refusal without an answer has its status in the head.
    let head = answer.headers().clone();
    let body = answer.into_body().collect().await?;
    let trailers = body.trailers().cloned().unwrap_or(head);
    let said = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    match said("grpc-status") {
        Some("0") => Ok(()),
        code => bail!("code {}: {}", code.unwrap_or("none"), said("grpc-message").unwrap_or("")),
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.times.len() as f64 / self.took.as_secs_f64().max(0.001);
        writeln!(f, "certificates: {rate:.1} a second; {}", self.times)?;
        for (why, count) in &self.refused {
            writeln!(f, "refused {count} times: {why}")?;
        }
        Ok(())
    }
}
