//! Requests in the background, of which none may be lost.

use anyhow::{Context, Result, ensure};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::lab::Lab;
use crate::lab::client::get;

/// Requests from the shop window to the catalog, one after another, each with a connection of its own.
pub struct Load {
    task: JoinHandle<Result<usize>>,
    enough: oneshot::Sender<()>,
}

impl Load {
    /// Begins.
    pub fn start(lab: &Lab) -> Result<Load> {
        let from = lab.pod("web")?.namespace.clone();
        let to = lab.objects.address("catalog", "shop", 8080)?;
        let (enough, mut told) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut answered = 0;
            while told.try_recv().is_err() {
                let echo = get(&from, to, "catalog.shop:8080", "/steady").await?.echo();
                echo.with_context(|| format!("after {answered} answers"))?;
                answered += 1;
            }
            Ok(answered)
        });
        Ok(Load { task, enough })
    }

    /// Ends. How many requests were answered; an error if one was not, or none was sent.
    pub async fn stop(self) -> Result<usize> {
        // The task is gone already if a request failed.
        let _ = self.enough.send(());
        let answered = self.task.await??;
        ensure!(answered > 0, "no request was sent");
        Ok(answered)
    }
}
