//! Reaching an API server: who it is, who we are to it, and how often we ask.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::limit::RateLimitLayer;

/// How often the API server may be asked (`--kubernetesApiQPS`, `--kubernetesApiBurst`).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests a second, over time.
    pub rate: f32,
    /// Requests at once.
    pub burst: u32,
}

/// A client for the cluster that the process runs in, or that a kubeconfig names.
///
/// # Errors
/// When there is no such cluster, or its configuration cannot be used. What is wrong with the server itself shows
/// when it is asked.
pub async fn connect(kubeconfig: Option<&Path>, limits: Limits) -> anyhow::Result<Client> {
    let config = match kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path);
            let wrong = || format!("--kubeconfig {}: cannot be used", path.display());
            let kubeconfig = read.with_context(wrong)?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .with_context(wrong)?
        }
        None => return in_cluster(limits),
    };
    client(config, limits)
}

/// A client for the cluster that the process runs in.
///
/// # Errors
/// When it runs in none.
pub fn in_cluster(limits: Limits) -> anyhow::Result<Client> {
    client(Config::incluster().context("this is no pod of a cluster")?, limits)
}

/// A client of this configuration.
///
/// # Errors
/// When its certificates or keys cannot be used.
pub fn client(mut config: Config, limits: Limits) -> anyhow::Result<Client> {
    // Who asks knows how to wait, and counts what fails.
    config.default_retry = false;
    let window = Duration::try_from_secs_f32(limits.burst as f32 / limits.rate);
    let builder = ClientBuilder::try_from(config)?;
    Ok(match window {
        Ok(window) if limits.burst > 0 && !window.is_zero() => {
            let limit = RateLimitLayer::new(limits.burst.into(), window);
            builder.with_layer(&limit).build()
        }
        // Without a rate or a burst there is no limit.
        _ => builder.build(),
    })
}
