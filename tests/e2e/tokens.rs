//! Tokens of an issuer whose keys the daemon fetches.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use serde_json::json;

use crate::lab::Lab;
use crate::lab::client::{Answer, Ask};
use crate::lab::issuer::{Issuer, Key};
use crate::lab::wait::until;

const FILE: &str = "request-authentication.yaml";
const CLAIMS: &str = include_str!("tokens/claims.yaml");
/// Where the issuer of each step listens, beside the daemon.
const PORT: u16 = 9180;
/// Where nobody does.
const NOBODY: u16 = 9181;

/// Has the cart believe tokens of an issuer, wherever they are.
fn believe(lab: &Lab, issuer: &str) -> Result<()> {
    let rule = format!(
        "{{issuer: '{issuer}', audiences: [shop], fromHeaders: [{{name: authorization, prefix: 'Bearer '}}, \
         {{name: x-token}}], fromParams: [token], fromCookies: [session], outputClaimToHeaders: \
         [{{header: x-subject, claim: sub}}], outputPayloadToHeader: x-payload}}"
    );
    let policy = format!(
        "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{name: tokens, namespace: shop}}\n\
         spec: {{selector: {{matchLabels: {{app: cart}}}}, jwtRules: [{rule}]}}\n"
    );
    Ok(std::fs::write(lab.config().join(FILE), policy)?)
}

/// The cart's answer to the shop window.
async fn ask(lab: &Lab, path: &str, header: Option<(&'static str, &str)>) -> Result<Answer> {
    let to = lab.objects.address("cart", "shop", 8080)?;
    let ask = Ask::new(to, "cart.shop:8080", path);
    let ask = header.into_iter().fold(ask, |ask, (name, value)| ask.header(name, value));
    ask.send(&lab.pod("web")?.namespace).await
}

async fn bearer(lab: &Lab, token: &str) -> Result<Answer> {
    ask(lab, "/", Some(("authorization", &format!("Bearer {token}")))).await
}

/// Waits until the cart answers a token so.
async fn until_status(lab: &Lab, token: &str, status: StatusCode) -> Result<()> {
    until(&format!("the token is answered with {status}"), async || {
        Ok((bearer(lab, token).await?.status == status).then_some(()))
    })
    .await
}

pub async fn tokens_are_found_wherever_they_are(lab: &mut Lab) -> Result<()> {
    let issuer = Issuer::start(lab.hub(), PORT).await?;
    believe(lab, &issuer.name)?;
    until_status(lab, "no.good.token", StatusCode::UNAUTHORIZED).await?;
    let token = issuer.token("alice")?;
    let (value, query, cookie) =
        (format!("Bearer {token}"), format!("/?token={token}"), format!("session={token}"));
    for (path, header) in [
        ("/", Some(("authorization", value.as_str()))),
        ("/", Some(("x-token", token.as_str()))),
        (query.as_str(), None),
        ("/", Some(("cookie", cookie.as_str()))),
    ] {
        let echo = ask(lab, path, header).await?.echo().context("a good token")?;
        ensure!(echo.header("x-subject") == "alice", "{echo:?}");
        ensure!(!echo.header("x-payload").is_empty(), "{echo:?}");
        ensure!(echo.header("authorization").is_empty(), "the token went on: {echo:?}");
    }
    let echo = ask(lab, "/", None).await?.echo().context("without a token")?;
    ensure!(echo.header("x-subject").is_empty(), "{echo:?}");
    Ok(())
}

pub async fn what_is_not_the_issuers_is_refused(lab: &mut Lab) -> Result<()> {
    let issuer = Issuer::start(lab.hub(), PORT).await?;
    let token = issuer.token("alice")?;
    // It has other keys than that of the step before.
    until_status(lab, &token, StatusCode::OK).await?;
    let with = |name: &str, value: serde_json::Value| -> Result<String> {
        let mut claims = issuer.claims("alice")?;
        claims[name] = value;
        issuer.sign(&claims)
    };
    let forged = Key::new("first")?.sign(&issuer.claims("alice")?)?;
    let (head, tail) = token.rsplit_once('.').context("a token")?;
    for (what, token, status) in [
        ("expired", with("exp", json!(1_000_000_000))?, StatusCode::UNAUTHORIZED),
        ("not yet", with("nbf", json!(32_503_680_000_u64))?, StatusCode::UNAUTHORIZED),
        ("of somebody else", with("iss", json!("http://other"))?, StatusCode::UNAUTHORIZED),
        ("for somebody else", with("aud", json!("bank"))?, StatusCode::FORBIDDEN),
        ("forged", forged, StatusCode::UNAUTHORIZED),
        ("unsigned", format!("{head}."), StatusCode::UNAUTHORIZED),
        ("cut", format!("{head}.{}", &tail[..tail.len() - 4]), StatusCode::UNAUTHORIZED),
    ] {
        let got = bearer(lab, &token).await?.status;
        ensure!(got == status, "a token that is {what} is answered with {got}");
    }
    Ok(())
}

pub async fn a_key_that_changes_is_followed(lab: &mut Lab) -> Result<()> {
    let mut issuer = Issuer::start(lab.hub(), PORT).await?;
    let old = issuer.token("alice")?;
    until_status(lab, &old, StatusCode::OK).await?;
    issuer.rotate("second")?;
    let new = issuer.token("alice")?;
    until_status(lab, &new, StatusCode::OK).await?;
    until_status(lab, &old, StatusCode::UNAUTHORIZED).await
}

/// The last good keys hold, and it is said.
pub async fn keys_hold_while_the_issuer_is_away(lab: &mut Lab) -> Result<()> {
    let issuer = Issuer::start(lab.hub(), PORT).await?;
    let token = issuer.token("alice")?;
    until_status(lab, &token, StatusCode::OK).await?;
    issuer.serve(false)?;
    until("the failure is told", async || {
        let told = lab.daemon.debug(lab.hub(), "/debug/diagnostics").await?.to_string();
        Ok(told.contains("keys cannot be fetched since").then_some(()))
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = bearer(lab, &token).await?.status;
    ensure!(status == StatusCode::OK, "the answer is {status}");
    Ok(())
}

/// Nobody else's keys count for an issuer who cannot be asked, and requests without a token pass.
pub async fn nobody_speaks_for_an_issuer_who_never_answered(lab: &mut Lab) -> Result<()> {
    let issuer = Issuer::start(lab.hub(), PORT).await?;
    let name = issuer.name.replace(&PORT.to_string(), &NOBODY.to_string());
    let mut claims = issuer.claims("alice")?;
    claims["iss"] = json!(name);
    let token = issuer.sign(&claims)?;
    believe(lab, &name)?;
    until_status(lab, &token, StatusCode::UNAUTHORIZED).await?;
    ensure!(ask(lab, "/", None).await?.status == StatusCode::OK);
    std::fs::remove_file(lab.config().join(FILE))?;
    until_status(lab, &token, StatusCode::OK).await
}

/// The route is chosen anew with what a token says.
pub async fn gateways_route_by_claims(lab: &mut Lab) -> Result<()> {
    let issuer = Issuer::start(lab.hub(), PORT).await?;
    std::fs::write(lab.config().join(FILE), CLAIMS.replace("ISSUER", &issuer.name))?;
    let to = (lab.pod("gateway")?.spec.ip, 8080).into();
    let lab = &*lab;
    let pod = async |group: &str| -> Result<Option<String>> {
        let mut claims = issuer.claims("alice")?;
        claims["groups"] = json!(["others", group]);
        let token = format!("Bearer {}", issuer.sign(&claims)?);
        let ask = Ask::new(to, "claims.example.com", "/").header("authorization", &token);
        Ok(ask.send(lab.outside()).await?.echo().ok().map(|echo| echo.pod))
    };
    let to_cart = until("the route is in force", async || {
        Ok(pod("buyers").await?.filter(|pod| pod.starts_with("cart-")))
    });
    to_cart.await?;
    let other = pod("sellers").await?.context("no answer")?;
    ensure!(other.starts_with("web-"), "{other} answered");
    std::fs::remove_file(lab.config().join(FILE))?;
    Ok(())
}
