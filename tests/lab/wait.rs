//! Waiting for something to become true. The only place where the lab looks at a clock.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long anything may take. Generous: it is only spent when a test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(50);

/// Looks until `look` returns something. An error of `look` ends the waiting at once.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    until_within(PATIENCE, what, look).await
}

/// The same for what takes longer.
pub async fn until_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if let Some(seen) = look().await.with_context(|| format!("waiting until {what}"))? {
            return Ok(seen);
        }
        tokio::time::sleep(GLANCE).await;
    }
    bail!("waited {patience:?} in vain until {what}")
}
