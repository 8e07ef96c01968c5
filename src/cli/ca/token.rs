//! `istiod ca token`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args as Clap;
use jiff::Timestamp;

use crate::authn::local::TokenKey;
use crate::ca::source::Directory;
use crate::cli::print;
use crate::cli::values::span;
use crate::settings::Settings;

/// Its flags.
#[derive(Debug, Clap)]
#[command(rename_all = "camelCase")]
pub struct Args {
    /// The directory of the CA, as the control plane's --caDir has it
    #[arg(long, value_name = "DIR")]
    ca_dir: PathBuf,
    /// The namespace of the service account
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// The service account
    #[arg(long = "service-account", value_name = "NAME", default_value = "default")]
    service_account: String,
    /// How long the token is valid
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = span)]
    ttl: Duration,
}

pub(super) fn run(arguments: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let Args { ca_dir, namespace, service_account, ttl } = arguments;
    let directory = Directory { path: ca_dir.clone() };
    let key = directory.token()?.with_context(|| {
        format!(
            "{}: there is no key for tokens; the control plane makes it (--caDir)",
            ca_dir.display()
        )
    })?;
    let key = TokenKey::new(&key).map_err(|why| anyhow!("{}: {why}", ca_dir.display()))?;
    let expires = Timestamp::now().checked_add(*ttl).context("--ttl is too long")?.as_second();
    let audience = settings.token_audiences.split(',').next().unwrap_or_default().trim();
    print(&format!("{}\n", key.token(namespace, service_account, audience, expires)))?;
    Ok(ExitCode::SUCCESS)
}
