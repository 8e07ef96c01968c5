//! Requests from outside of the mesh, through a gateway.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use http::StatusCode;

use super::traffic::ensure_mtls;
use crate::lab::client::{Ask, get, line};
use crate::lab::http3::Http3;
use crate::lab::objects::Objects;
use crate::lab::wait::until;
use crate::lab::{Lab, SHOP};

const VAULT: &str = include_str!("ingress/vault.yaml");
const FILE: &str = "vault.yaml";
const QUIC: &str = include_str!("ingress/quic.yaml");
const QUIC_FILE: &str = "quic.yaml";
/// What the gateway's service leads 80, 443 to, and a port that it does not have.
const HTTP: u16 = 8080;
const HTTPS: u16 = 8443;
const TCP: u16 = 5432;

fn at(lab: &Lab, port: u16) -> Result<SocketAddr> {
    Ok((lab.pod("gateway")?.spec.ip, port).into())
}

pub async fn hosts_and_paths_are_routed(lab: &mut Lab) -> Result<()> {
    let from = lab.outside();
    let to = at(lab, HTTP)?;
    let echo = get(from, to, SHOP, "/window?a=b").await?.echo()?;
    ensure!(echo.pod.starts_with("web-") && echo.path == "/window?a=b", "{echo:?}");
    ensure!(
        echo.header("x-envoy-external-address").is_empty()
            || echo.header("x-forwarded-proto") == "http"
    );
    let echo = get(from, to, SHOP, "/catalog/7").await?.echo()?;
    ensure!(echo.pod.starts_with("catalog-") && echo.path == "/7", "{echo:?}");
    let status = get(from, to, "other.example.com", "/").await?.status;
    ensure!(status == StatusCode::NOT_FOUND, "an unknown host is answered with {status}");
    Ok(())
}

pub async fn requests_go_on_by_mtls(lab: &mut Lab) -> Result<()> {
    let echo = get(lab.outside(), at(lab, HTTP)?, SHOP, "/").await?.echo()?;
    let by = echo.header("x-forwarded-client-cert").to_owned();
    ensure!(by.contains("spiffe://cluster.local/ns/ingress/sa/gateway"), "{by}");
    ensure!(ensure_mtls(&echo, "gateway", "web").is_err(), "the gateway is not of the shop");
    Ok(())
}

/// With the certificate in the gateway's files.
pub async fn tls_is_ended(lab: &mut Lab) -> Result<()> {
    let ask = Ask::new(at(lab, HTTPS)?, SHOP, "/").over_tls(lab.trusted_root());
    let echo = ask.send(lab.outside()).await?.echo()?;
    ensure!(echo.pod.starts_with("web-"), "{} answered", echo.pod);
    ensure!(echo.header("x-forwarded-proto") == "https", "{echo:?}");
    Ok(())
}

/// Once clients can get there over UDP, answers over TCP tell them of it.
pub async fn http3_is_spoken(lab: &mut Lab) -> Result<()> {
    std::fs::write(lab.config().join(QUIC_FILE), QUIC)?;
    let (from, to) = (lab.outside(), at(lab, HTTPS)?);
    let told = until("answers tell of HTTP/3", async || {
        let answer = Ask::new(to, SHOP, "/").over_tls(lab.trusted_root()).send(from).await?;
        Ok(answer.headers.get("alt-svc").cloned())
    })
    .await?;
    ensure!(told == "h3=\":443\"; ma=86400", "{told:?}");
    let _client = lab.over_http3(to, SHOP)?;
    let echo = until("the shop answers", async || {
        Ok(get(from, Http3::AT, SHOP, "/").await.ok().and_then(|answer| answer.echo().ok()))
    })
    .await?;
    ensure!(echo.pod.starts_with("web-"), "{} answered", echo.pod);
    ensure!(echo.header("x-forwarded-proto") == "https", "{echo:?}");
    std::fs::remove_file(lab.config().join(QUIC_FILE))?;
    Ok(())
}

/// The gateway reads no more of the connection than the server name.
pub async fn tls_is_passed_on(lab: &mut Lab) -> Result<()> {
    std::fs::write(lab.config().join(FILE), VAULT)?;
    let mut added = Objects::default();
    added.add(VAULT)?;
    lab.add_pod(added.pods.pop().context("no pod in the file")?).await?;
    let to = at(lab, HTTPS)?;
    let lab = &*lab;
    let echo = until("the vault answers", async || {
        let ask = Ask::new(to, "vault.example.com", "/").over_tls(lab.trusted_root());
        Ok(ask.send(lab.outside()).await.ok().and_then(|answer| answer.echo().ok()))
    })
    .await?;
    ensure!(echo.pod.starts_with("vault-"), "{} answered", echo.pod);
    ensure!(echo.header("x-request-id").is_empty(), "somebody read the request: {echo:?}");
    // The other host of the port is still ended at the gateway.
    let ask = Ask::new(to, SHOP, "/").over_tls(lab.trusted_root());
    ensure!(ask.send(lab.outside()).await?.echo()?.pod.starts_with("web-"));
    Ok(())
}

pub async fn connections_are_routed(lab: &mut Lab) -> Result<()> {
    let to = at(lab, TCP)?;
    let lab = &*lab;
    let answer =
        until("the database answers", async || Ok(line(lab.outside(), to, "select 4").await.ok()))
            .await?;
    ensure!(answer == "orders-db-0 select 4", "the answer is {answer:?}");
    Ok(())
}

pub async fn plain_http_is_redirected(lab: &mut Lab) -> Result<()> {
    let answer = get(lab.outside(), at(lab, HTTP)?, "secure.example.com", "/a").await?;
    ensure!(answer.status == StatusCode::MOVED_PERMANENTLY, "the answer is {}", answer.status);
    let location = answer.headers.get("location").context("no location")?;
    ensure!(location == "https://secure.example.com/a", "the location is {location:?}");
    std::fs::remove_file(lab.config().join(FILE))?;
    Ok(())
}
