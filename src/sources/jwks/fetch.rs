//! The key set of a source, asked of the issuer where it is not known where that is.

use std::time::Duration;

use serde_json::Value;

use super::client::Client;
use crate::api::Str;
use crate::api::jwks::{HttpUri, JwksSource, document};

/// Fetches the key set; each document within `limit`.
pub(super) async fn fetch(
    client: &Client,
    source: &JwksSource,
    limit: Duration,
) -> Result<Str, String> {
    let first = source.first_uri();
    let place = if source.is_discovered() {
        let configuration = client.get(&first, limit).await?;
        discovered(&configuration).map_err(|why| format!("{first}: {why}"))?
    } else {
        first
    };
    let set = client.get(&place, limit).await?;
    document::fetched(&set).map_err(|why| format!("{place}: {why}"))
}

/// Where an issuer's configuration says that its keys are.
fn discovered(configuration: &str) -> Result<String, String> {
    let configuration: Value = serde_json::from_str(configuration)
        .map_err(|error| format!("the issuer's configuration is no JSON: {error}"))?;
    let place = configuration.get("jwks_uri").and_then(Value::as_str);
    let place = place.ok_or("the issuer's configuration has no jwks_uri: give jwksUri")?;
    HttpUri::parse(place).map_err(|why| format!("the jwks_uri of the issuer: {why}"))?;
    Ok(place.to_owned())
}
