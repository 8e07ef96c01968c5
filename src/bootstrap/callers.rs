//! How clients are recognised: the methods that flags, variables and the CA ask for.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::inputs::{blocks, jwks_config};
use crate::api::MeshConfig;
use crate::api::jwks::{KeySets, Wanted};
use crate::api::list::items;
use crate::authn::bearer::Token;
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

/// Where a control plane in a pod has its token, and one elsewhere may have one.
const OWN_TOKEN: &str = "./var/run/secrets/tokens/istio-token";

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
        outside: outside(settings, metrics, tasks)?,
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
    fetching(rule, settings, metrics, tasks).map(Some)
}

/// The issuer of the cluster's tokens, for a control plane that runs outside of it: TOKEN_ISSUER and AUDIENCE, else those
/// of the token that it has itself. In a cluster the API server is asked, who also knows which pods are gone.
fn outside(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Option<Issuer>> {
    if !settings.kubernetes_service_host.is_empty() {
        return Ok(None);
    }
    let own = std::fs::read_to_string(OWN_TOKEN).ok().and_then(|token| claims(token.trim()));
    let (issuer, own_audience) = own.unwrap_or_default();
    let first = |given: &str, own: String| if given.is_empty() { own } else { given.to_owned() };
    let issuer = first(&settings.token_issuer, issuer);
    if issuer.is_empty() {
        return Ok(None);
    }
    let audience = first(&settings.token_audience, own_audience);
    let audiences: Vec<String> = match audience.is_empty() {
        true => items(&settings.token_audiences).map(str::to_owned).collect(),
        false => vec![audience],
    };
    info!(%issuer, ?audiences, "tokens of this issuer are verified out of the cluster");
    let rule = JwtRule { issuer, jwks_uri: String::new(), jwks: String::new(), audiences };
    fetching(rule, settings, metrics, tasks).map(Some)
}

/// Issuer and first audience of a token of our own, which is not verified: its owner put it there.
fn claims(token: &str) -> Option<(String, String)> {
    let header = format!("Bearer {token}").parse().ok()?;
    let headers = HeaderMap::from_iter([(AUTHORIZATION, header)]);
    let claims = Token::of(&headers).ok()?.parts()?.claims;
    let audience = claims.aud.first().unwrap_or_default().to_owned();
    Some((claims.iss, audience))
}

/// An issuer whose keys are fetched, unless the rule has them.
fn fetching(
    rule: JwtRule,
    settings: &Settings,
    metrics: &Arc<Metrics>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Issuer> {
    let Some(source) = rule.source() else { return Ok(Issuer { rule, keys: None }) };
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
    Ok(Issuer { rule, keys: Some(fetched) })
}
