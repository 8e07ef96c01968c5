//! The ports: what is served where, and how it ends.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;

use super::listen;
use crate::admission;
use crate::cli::discovery::Options;
use crate::serve::server::{self, Security};
use crate::settings::Settings;

/// The running servers.
#[derive(Debug)]
pub struct Servers {
    config: server::Config,
    stop: watch::Receiver<bool>,
    tasks: JoinSet<()>,
}

impl Servers {
    /// None yet. They end when `stop` is true.
    pub fn new(options: &Options, settings: &Settings, stop: watch::Receiver<bool>) -> Servers {
        let config = server::Config {
            keepalive_interval: options.keepalive.keepalive_interval,
            keepalive_timeout: options.keepalive.keepalive_timeout,
            max_age: options.keepalive.keepalive_max_server_connection_age,
            max_streams: settings.max_streams,
            drain: options.shutdown_duration,
        };
        Servers { config, stop, tasks: JoinSet::new() }
    }

    /// Listens where a flag says, and serves there in plaintext.
    pub async fn open(
        &mut self,
        flag: &str,
        address: SocketAddr,
        router: Router,
    ) -> anyhow::Result<()> {
        self.serve(flag, address, router, Security::Plaintext).await
    }

    /// Listens where a flag says, and serves there.
    pub async fn serve(
        &mut self,
        flag: &str,
        address: SocketAddr,
        router: Router,
        security: Security,
    ) -> anyhow::Result<()> {
        let listener = listen::bind(flag, address).await?;
        info!("{flag}: listening on {}", listener.local_addr()?);
        self.tasks.spawn(server::run(
            listener,
            router,
            self.config.clone(),
            security,
            self.stop.clone(),
        ));
        Ok(())
    }

    /// Listens where a flag says, and serves webhooks there, on threads of their own.
    pub async fn webhooks(
        &mut self,
        flag: &str,
        address: SocketAddr,
        router: Router,
        tls: Arc<ServerConfig>,
    ) -> anyhow::Result<()> {
        let listener = listen::bind(flag, address).await?.into_std()?;
        info!("{flag}: listening on {}", listener.local_addr()?);
        let (drain, stop) = (self.config.drain, self.stop.clone());
        self.tasks.spawn(admission::server::start(listener, tls, router, drain, stop)?);
        Ok(())
    }

    /// Waits until all have ended.
    pub async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
