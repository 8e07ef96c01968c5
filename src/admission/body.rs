//! Bodies of requests: each limited, in time too, and all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt;

/// The largest body, as in the reference: twice what the API server takes for an object.
const MAX_BYTES: usize = 6 * 1024 * 1024;

/// All bodies that there are at once: 2,000 of pods as large as they usually get, several times over.
const MAX_BYTES_OF_ALL: usize = 256 << 20;

/// How long a body may take to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How much memory bodies take. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<AtomicUsize>);

/// A body, counted as long as it is there.
#[derive(Debug)]
pub struct Received {
    bytes: Vec<u8>,
    memory: Memory,
}

/// Why there is no body.
pub type Refusal = (StatusCode, String);

impl Received {
    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a part.
    fn add(&mut self, part: &[u8]) -> Result<(), Refusal> {
        if self.bytes.len() + part.len() > MAX_BYTES {
            let text = format!("Request entity too large: limit is {MAX_BYTES}");
            return Err((StatusCode::BAD_REQUEST, text));
        }
        let all = self.memory.0.fetch_add(part.len(), Ordering::Relaxed) + part.len();
        self.bytes.extend_from_slice(part);
        if all > MAX_BYTES_OF_ALL {
            let text = "too many requests are being read".to_owned();
            return Err((StatusCode::SERVICE_UNAVAILABLE, text));
        }
        Ok(())
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// Reads a body that comes within `patience`.
///
/// # Errors
/// When it is too large, too slow, or does not come to its end.
pub async fn read(body: Body, memory: &Memory, patience: Duration) -> Result<Received, Refusal> {
    let mut received = Received { bytes: Vec::new(), memory: memory.clone() };
    let mut body = body;
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
            if let Some(part) = frame.data_ref() {
                received.add(part)?;
            }
        }
        Ok(())
    };
    match tokio::time::timeout(patience, reading).await {
        Ok(read) => read.map(|()| received),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body did not come in time".to_owned())),
    }
}

#[cfg(test)]
mod tests;
