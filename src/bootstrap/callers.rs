//! How clients are recognised: the methods that flags, variables and the CA ask for.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::warn;

use super::inputs::{blocks, jwks_config};
use crate::api::MeshConfig;
use crate::api::jwks::{KeySets, Wanted};
use crate::api::list::items;
use crate::authn::jwt::{Issuer, JwtRule};
use crate::authn::local::TokenKey;
use crate::authn::review::{Clusters, Reviewer};
use crate::authn::{Authenticator, Methods};
use crate::ca::source::Directory;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::sources::jwks::{self, JwksFetching};

/// How long fetching the keys of JWT_RULE may take.
const FETCH: std::time::Duration = std::time::Duration::from_secs(5);

/// What recognises clients. Keys that are fetched for that are fetched by `tasks`.
///
/// # Errors
/// When JWT_RULE cannot be read, or a key of tokens can be read by others than its owner.
pub fn authenticator(
    settings: &Settings,
    clusters: Option<Clusters>,
    directory: Option<&Directory>,
    mesh: watch::Receiver<Arc<MeshConfig>>,
    metrics: &Arc<Metrics>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Authenticator> {
    let audiences: Vec<String> = items(&settings.token_audiences).map(str::to_owned).collect();
    let local = directory.map(Directory::token).transpose()?.flatten();
    let local = local.map(|key| TokenKey::new(&key)).transpose().map_err(anyhow::Error::msg)?;
    Ok(Authenticator::new(Methods {
        issuer: issuer(settings, metrics, tasks)?,
        local,
        review: clusters.map(|clusters| Reviewer::new(clusters, audiences.clone(), mesh.clone())),
        gateways: blocks("TRUSTED_GATEWAY_CIDR", &settings.trusted_gateways),
        audiences,
        mesh: Some(mesh),
    }))
}

/// The issuer of JWT_RULE.
fn issuer(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Option<Issuer>> {
    if settings.jwt_rule.is_empty() {
        return Ok(None);
    }
    let rule = JwtRule::parse(&settings.jwt_rule).map_err(|why| anyhow!("JWT_RULE: {why}"))?;
    if rule.audiences.is_empty() {
        warn!(
            "JWT_RULE names no audiences: tokens that {} made for others are taken too",
            rule.issuer
        );
    }
    let Some(source) = rule.source() else { return Ok(Some(Issuer { rule, keys: None })) };
    let unknown = jwks::unknown::key_set().context("no key for unknown issuers")?;
    let (keys, fetched) = watch::channel(Arc::new(KeySets::new(unknown)));
    let (wants, wanted) = watch::channel(Arc::new(Wanted::from([(source, FETCH)])));
    let metrics = metrics.clone();
    let config = jwks_config(settings);
    tasks.spawn(async move {
        // It is wanted as long as the process lives.
        let _wants = wants;
        jwks::run(JwksFetching { config, wanted, keys, metrics }).await
    });
    Ok(Some(Issuer { rule, keys: Some(fetched) }))
}
