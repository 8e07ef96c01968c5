//! Changes in the directory, made as an editor or a deployment makes them, and what they do to requests.

use anyhow::{Context, Result, ensure};

use super::traffic::{ENOUGH, answering, ensure_mtls, request};
use crate::lab::Lab;
use crate::lab::client::get;
use crate::lab::objects::Objects;
use crate::lab::wait::until;

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
    let (from, to) = (&lab.pod("web")?.namespace, lab.objects.address("cart", "shop", 8080)?);
    let status =
        async || Ok::<_, anyhow::Error>(get(from, to, "cart.shop:8080", "/").await?.status);
    until("the service is gone", async || {
        let status = status().await?;
        ensure!(status == 200 || status == 503, "the answer is {status}");
        Ok((status == 503).then_some(()))
    })
    .await?;
    ensure!(answering(lab, "web", "catalog").await?.len() == 2, "another service suffered");
    std::fs::write(&file, text)?;
    until("the service is back", async || Ok((status().await? == 200).then_some(()))).await
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
