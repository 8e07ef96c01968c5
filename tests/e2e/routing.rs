//! What VirtualServices and DestinationRules do to requests between sidecars.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use http::{Method, StatusCode};

use super::load::Load;
use crate::lab::client::{Answer, Ask, get};
use crate::lab::wait::until;
use crate::lab::{Lab, OUTSIDE, OUTSIDE_HOST, OUTSIDE_PORTS, OUTSIDE_TLS_PORT};

const CATALOG: &str = include_str!("routing/catalog.yaml");
const OUTLIERS: &str = include_str!("routing/outliers.yaml");
const VERSION: &str = include_str!("routing/version.yaml");
const KNOWN_OUTSIDE: &str = include_str!("routing/outside.yaml");
const ANYWHERE: &str = include_str!("routing/anywhere.yaml");
/// An address that nobody has, in a network reserved for documentation.
const NOWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// The file that holds a step's configuration.
const FILE: &str = "routing.yaml";

/// Requests of which shares are taken, and by how much a share may be off.
const MANY: usize = 2000;
const TOLERANCE: f64 = 0.05;
/// How often a route is changed under load.
const CHANGES: usize = 10;

/// A request from the shop window to the catalog.
fn ask<'a>(lab: &Lab, path: &'a str) -> Result<Ask<'a>> {
    Ok(Ask::new(lab.objects.address("catalog", "shop", 8080)?, "catalog:8080", path))
}

async fn send(lab: &Lab, ask: Ask<'_>) -> Result<Answer> {
    ask.send(&lab.pod("web")?.namespace).await
}

fn header(answer: &Answer, name: &str) -> String {
    let value = answer.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    value.unwrap_or_default().into_owned()
}

/// Writes the routes of the catalog and waits until they are in force.
pub async fn routes_arrive(lab: &mut Lab) -> Result<()> {
    std::fs::write(lab.config().join(FILE), CATALOG)?;
    let lab = &*lab;
    until("the routes are in force", async || {
        let answer = send(lab, ask(lab, "/abort")?).await?;
        Ok((answer.status == StatusCode::IM_A_TEAPOT).then_some(()))
    })
    .await
}

pub async fn weights_split(lab: &mut Lab) -> Result<()> {
    let mut counts: BTreeMap<bool, usize> = BTreeMap::new();
    for _ in 0..MANY {
        let echo = send(lab, ask(lab, "/split")?).await?.echo()?;
        *counts.entry(echo.pod.starts_with("catalog-v1-")).or_default() += 1;
    }
    let share = counts.get(&true).copied().unwrap_or_default() as f64 / MANY as f64;
    ensure!((share - 0.8).abs() <= TOLERANCE, "v1 got {share} of the requests instead of 0.8");
    Ok(())
}

pub async fn headers_choose(lab: &mut Lab) -> Result<()> {
    for (user, version) in [("jason", "catalog-v2-"), ("anna", "catalog-v1-"), ("", "catalog-v1-")]
    {
        let echo = send(lab, ask(lab, "/user")?.header("end-user", user)).await?.echo()?;
        ensure!(echo.pod.starts_with(version), "{} answered {user:?}", echo.pod);
    }
    Ok(())
}

pub async fn timeouts_end(lab: &mut Lab) -> Result<()> {
    let answer = send(lab, ask(lab, "/slow")?.header("x-delay", "5000")).await?;
    ensure!(answer.status == StatusCode::GATEWAY_TIMEOUT, "the answer is {}", answer.status);
    let answer = send(lab, ask(lab, "/slow")?).await?;
    ensure!(answer.status == StatusCode::OK, "the answer is {}", answer.status);
    Ok(())
}

/// One of two pods fails; every request ends at the other one.
pub async fn failures_are_retried(lab: &mut Lab) -> Result<()> {
    for _ in 0..super::traffic::ENOUGH {
        let echo = send(lab, ask(lab, "/retry")?.header("x-fail", "catalog-v1-")).await?.echo()?;
        ensure!(echo.pod.starts_with("catalog-v2-"), "{} answered", echo.pod);
    }
    Ok(())
}

/// The copy arrives at the cart, whose answer nobody waits for.
pub async fn copies_are_mirrored(lab: &mut Lab) -> Result<()> {
    let before = received(lab).await?;
    let echo = send(lab, ask(lab, "/mirror")?).await?.echo()?;
    ensure!(echo.pod.starts_with("catalog-"), "{} answered", echo.pod);
    let lab = &*lab;
    until("the cart got a copy", async || Ok((received(lab).await? > before).then_some(()))).await
}

/// How many requests the cart's application got.
async fn received(lab: &Lab) -> Result<u64> {
    let cart = lab.pod("cart")?;
    let filter =
        "^cluster.inbound_8080__.upstream_rq_total$|^cluster.inbound.8080...*upstream_rq_total$";
    Ok(cart.sidecar()?.stats(&cart.namespace, filter).await?.into_values().sum())
}

pub async fn redirects_tell_where(lab: &mut Lab) -> Result<()> {
    let answer = send(lab, ask(lab, "/old")?).await?;
    ensure!(answer.status == StatusCode::PERMANENT_REDIRECT, "the answer is {}", answer.status);
    let location = header(&answer, "location");
    ensure!(location == "http://shop.example.com/new", "the location is {location:?}");
    Ok(())
}

pub async fn origins_are_checked(lab: &mut Lab) -> Result<()> {
    let preflight = |origin| {
        let ask = ask(lab, "/cors")?.method(Method::OPTIONS).header("origin", origin);
        Ok::<_, anyhow::Error>(ask.header("access-control-request-method", "PUT"))
    };
    let answer = send(lab, preflight("https://shop.example.com")?).await?;
    let allowed = header(&answer, "access-control-allow-methods");
    ensure!(answer.status == StatusCode::OK && allowed == "GET,PUT", "{answer:?}");
    ensure!(header(&answer, "access-control-max-age") == "3600", "{answer:?}");
    let answer = send(lab, preflight("https://evil.example.com")?).await?;
    ensure!(header(&answer, "access-control-allow-methods").is_empty(), "{answer:?}");
    Ok(())
}

pub async fn paths_and_headers_are_rewritten(lab: &mut Lab) -> Result<()> {
    let answer = send(lab, ask(lab, "/headers/x?y=z")?).await?;
    let echo = answer.echo()?;
    ensure!(echo.path == "/rewritten/x?y=z", "the path arrived as {}", echo.path);
    ensure!(echo.header("x-set") == "yes", "{echo:?}");
    ensure!(header(&answer, "x-answered") == "by-route", "{answer:?}");
    Ok(())
}

/// A pod that keeps failing gets no more requests.
pub async fn outliers_are_ejected(lab: &mut Lab) -> Result<()> {
    std::fs::write(lab.config().join(FILE), OUTLIERS)?;
    let lab = &*lab;
    until("the failing pod is left out", async || {
        for _ in 0..super::traffic::ENOUGH {
            let answer = send(lab, ask(lab, "/")?.header("x-fail", "catalog-v1-")).await?;
            if answer.status != StatusCode::OK {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await
}

/// Subsets and routes change together, again and again: clusters are there before the routes that use them, and
/// not one request is lost.
pub async fn routes_change_under_load(lab: &mut Lab) -> Result<()> {
    let load = Load::start(lab)?;
    for turn in 0..CHANGES {
        let version = if turn % 2 == 0 { "v1" } else { "v2" };
        // A name of its own for each turn's subset: clusters come and go.
        let text = VERSION.replace("chosen", &format!("chosen-{turn}")).replace("VERSION", version);
        std::fs::write(lab.config().join(FILE), text)?;
        let pod = format!("catalog-{version}-");
        let lab = &*lab;
        until("the other version answers", async || {
            let echo = send(lab, ask(lab, "/")?).await?.echo()?;
            Ok(echo.pod.starts_with(&pod).then_some(()))
        })
        .await
        .with_context(|| format!("change {turn}"))?;
    }
    load.stop().await?;
    std::fs::remove_file(lab.config().join(FILE))?;
    let lab = &*lab;
    until("both versions answer again", async || {
        let pods = super::traffic::answering(lab, "web", "catalog").await?;
        Ok((pods.len() == 2).then_some(()))
    })
    .await
}

/// With REGISTRY_ONLY a host outside of the mesh is reached once a ServiceEntry names it.
pub async fn known_hosts_outside_are_reached(lab: &mut Lab) -> Result<()> {
    let mesh = lab.mesh();
    let text = std::fs::read_to_string(&mesh)?;
    std::fs::write(&mesh, format!("{text}outboundTrafficPolicy:\n  mode: REGISTRY_ONLY\n"))?;
    let from = &lab.pod("web")?.namespace;
    let to = SocketAddr::from((OUTSIDE, OUTSIDE_PORTS[0]));
    until("the host is refused", async || {
        Ok(get(from, to, "outside.example.com", "/").await.is_err().then_some(()))
    })
    .await?;
    std::fs::write(lab.config().join(FILE), KNOWN_OUTSIDE)?;
    until("the host answers", async || {
        let echo = get(from, to, "outside.example.com", "/").await.ok();
        Ok(echo.and_then(|answer| answer.echo().ok()).filter(|echo| echo.pod == "outside"))
    })
    .await?;
    std::fs::remove_file(lab.config().join(FILE))?;
    Ok(std::fs::write(&mesh, text)?)
}

/// A ServiceEntry for all hosts of a domain: the sidecar looks up what a request or TLS names, wherever the application
/// believed it to be.
pub async fn names_are_looked_up(lab: &mut Lab) -> Result<()> {
    std::fs::write(lab.config().join(FILE), ANYWHERE)?;
    let lab = &*lab;
    let from = &lab.pod("web")?.namespace;
    let plain = SocketAddr::from((NOWHERE, OUTSIDE_PORTS[0]));
    let host = format!("{OUTSIDE_HOST}:{}", OUTSIDE_PORTS[0]);
    let echo = until("HTTP arrives", async || {
        let answer = get(from, plain, &host, "/a").await.ok();
        Ok(answer.and_then(|answer| answer.echo().ok()))
    })
    .await?;
    ensure!(echo.pod == "outside" && echo.path == "/a", "{echo:?}");
    ensure!(echo.header("host") == host, "{echo:?}");
    let secured = SocketAddr::from((NOWHERE, OUTSIDE_TLS_PORT));
    let echo = until("TLS arrives", async || {
        let ask = Ask::new(secured, OUTSIDE_HOST, "/b").over_tls(lab.trusted_root());
        Ok(ask.send(from).await.ok().and_then(|answer| answer.echo().ok()))
    })
    .await?;
    ensure!(echo.pod == "outside" && echo.path == "/b", "{echo:?}");
    // Nobody looks up what the entry does not name.
    let other = format!("outside.example.org:{}", OUTSIDE_PORTS[0]);
    ensure!(get(from, plain, &other, "/").await.and_then(|a| a.echo()).is_err());
    Ok(std::fs::remove_file(lab.config().join(FILE))?)
}
