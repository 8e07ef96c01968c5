//! Changes in the directory, made as an editor or a deployment makes them, and what they do to requests.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use super::load::Load;
use super::traffic::{ENOUGH, answering, ensure_mtls, request};
use crate::lab::client::get;
use crate::lab::objects::Objects;
use crate::lab::sidecar::admin;
use crate::lab::wait::until;
use crate::lab::{Lab, OUTSIDE, OUTSIDE_PORTS};

/// A third version of the catalog: its pod, and a slice of its own.
const THIRD_VERSION: &str = include_str!("changes/catalog-v3.yaml");
const THIRD_FILE: &str = "catalog-v3.yaml";

pub async fn a_new_endpoint_is_used(lab: &mut Lab) -> Result<()> {
    std::fs::write(lab.config().join(THIRD_FILE), THIRD_VERSION)?;
    let mut added = Objects::default();
    added.add(THIRD_VERSION)?;
    let spec = added.pods.pop().context("no pod in the file")?;
    let pod = spec.name.clone();
    lab.add_pod(spec).await?;
    let lab = &*lab;
    until("the new endpoint answers", async || {
        let echo = request(lab, "web", "catalog", 8080).await?;
        if echo.pod != pod {
            return Ok(None);
        }
        ensure_mtls(&echo, "web", "catalog").map(Some)
    })
    .await
}

/// Not one request may fail on the way.
pub async fn a_removed_endpoint_is_not(lab: &mut Lab) -> Result<()> {
    std::fs::remove_file(lab.config().join(THIRD_FILE))?;
    let lab = &*lab;
    until("only the first two versions answer", async || {
        let pods = answering(lab, "web", "catalog").await?;
        Ok((pods.len() == 2 && !pods.iter().any(|p| p.starts_with("catalog-v3-"))).then_some(()))
    })
    .await
}

/// What is not a service any more is an unknown destination, and nobody is at its address.
pub async fn a_removed_service_is_not_served(lab: &mut Lab) -> Result<()> {
    let file = lab.config().join("cart.yaml");
    let text = std::fs::read(&file)?;
    std::fs::remove_file(&file)?;
    answers_with(lab, 503).await?;
    ensure!(answering(lab, "web", "catalog").await?.len() == 2, "another service suffered");
    std::fs::write(&file, text)?;
    answers_with(lab, 200).await
}

/// Waits until the cart answers with a status, which is 200 when it does and 503 when nobody does.
async fn answers_with(lab: &Lab, want: u16) -> Result<()> {
    let (from, to) = (&lab.pod("web")?.namespace, lab.objects.address("cart", "shop", 8080)?);
    until(&format!("the cart answers with {want}"), async || {
        let status = get(from, to, "cart.shop:8080", "/").await?.status;
        ensure!(status == 200 || status == 503, "the answer is {status}");
        Ok((status == want).then_some(()))
    })
    .await
}

/// Services that share a port with the catalog, and others, go and come back while it is asked: no request is
/// lost, and no listener that stays is touched.
pub async fn others_come_and_go(lab: &mut Lab) -> Result<()> {
    let load = Load::start(lab)?;
    let before = modified(lab).await?;
    for service in ["cart", "sessions", "payment", "orders-db"] {
        let file = lab.config().join(format!("{service}.yaml"));
        let text = std::fs::read(&file)?;
        std::fs::remove_file(&file)?;
        knows(lab, service, false).await?;
        std::fs::write(&file, text)?;
        knows(lab, service, true).await?;
    }
    load.stop().await?;
    let after = modified(lab).await?;
    ensure!(before == after, "{before} listeners were modified before, and {after} after");
    Ok(())
}

/// Waits until the sidecar of the shop window has a service's cluster, or has it no more.
pub async fn knows(lab: &Lab, service: &str, want: bool) -> Result<()> {
    let web = lab.pod("web")?;
    let cluster = format!("||{service}.shop.svc.cluster.local::");
    until(&format!("{service} is known: {want}"), async || {
        let clusters = admin(&web.namespace, "/clusters").await?;
        Ok((clusters.contains(&cluster) == want).then_some(()))
    })
    .await
}

async fn modified(lab: &Lab) -> Result<u64> {
    let web = lab.pod("web")?;
    let filter = "^listener_manager.listener_modified$";
    Ok(web.sidecar()?.stats(&web.namespace, filter).await?.into_values().sum())
}

/// The last good version stays, and the rest of the directory keeps working.
pub async fn a_broken_file_changes_nothing(lab: &mut Lab) -> Result<()> {
    let file = lab.config().join("catalog.yaml");
    let text = std::fs::read_to_string(&file)?;
    let lab = &*lab;
    let reported = async || {
        let diagnostics = lab.daemon.debug(lab.hub(), "/debug/diagnostics").await?;
        Ok::<_, anyhow::Error>(diagnostics.to_string().contains("catalog.yaml"))
    };
    ensure!(!reported().await?, "a mistake was reported already");
    std::fs::write(&file, text.replace("kind: Service\n", "kind: Service\n  broken: [\n"))?;
    until("the mistake is reported", async || Ok(reported().await?.then_some(()))).await?;
    for _ in 0..ENOUGH {
        let echo = request(lab, "web", "catalog", 8080).await?;
        ensure_mtls(&echo, "web", "catalog")?;
    }
    std::fs::write(&file, text)?;
    until("the mistake is mended", async || Ok((!reported().await?).then_some(()))).await
}

/// The only pod of a service that has no EndpointSlice stops being ready: there is nobody to answer.
pub async fn an_unready_pod_gets_no_requests(lab: &mut Lab) -> Result<()> {
    let file = lab.config().join("cart.yaml");
    let text = std::fs::read_to_string(&file)?;
    let unready = text.replace("status: \"True\"", "status: \"False\"");
    ensure!(unready != text, "the pod has no condition");
    std::fs::write(&file, unready)?;
    answers_with(lab, 503).await?;
    std::fs::write(&file, text)?;
    answers_with(lab, 200).await
}

/// A port that is not HTTP any more becomes a connection of bytes. A request that is under way while Envoy
/// replaces a cluster may be lost, whoever configures it.
pub async fn a_port_changes_its_protocol(lab: &mut Lab) -> Result<()> {
    let file = lab.config().join("catalog.yaml");
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, text.replace("- name: http\n", "- name: tcp-catalog\n"))?;
    let lab = &*lab;
    until("no sidecar reads the requests", async || {
        let echo = request(lab, "web", "catalog", 8080).await.ok();
        Ok(echo.filter(|echo| echo.header("x-request-id").is_empty()))
    })
    .await?;
    std::fs::write(&file, text)?;
    until("the sidecars read the requests again", async || {
        let echo = request(lab, "web", "catalog", 8080).await.ok();
        Ok(echo.and_then(|echo| ensure_mtls(&echo, "web", "catalog").ok()))
    })
    .await
}

/// The mesh configuration is followed too: unknown destinations are refused once it says so.
pub async fn unknown_destinations_are_refused(lab: &mut Lab) -> Result<()> {
    let file = lab.mesh();
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, format!("{text}outboundTrafficPolicy:\n  mode: REGISTRY_ONLY\n"))?;
    let from = &lab.pod("web")?.namespace;
    let [unknown, shared] = OUTSIDE_PORTS.map(|port| SocketAddr::from((OUTSIDE, port)));
    until("the connection is refused", async || {
        Ok(get(from, unknown, "example.com", "/").await.is_err().then_some(()))
    })
    .await?;
    until("the request is refused", async || {
        let status = get(from, shared, "example.com", "/").await?.status;
        Ok((status == 502).then_some(()))
    })
    .await?;
    std::fs::write(&file, text)?;
    until("the connection is let through", async || {
        Ok(get(from, unknown, "example.com", "/").await.is_ok().then_some(()))
    })
    .await
}
