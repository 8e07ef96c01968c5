//! A mesh whose identities are issued by the daemon's own CA, gotten and kept by `istiod agent`.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use serde_json::Value;

use super::load::Load;
use super::traffic::{ensure_mtls, request};
use crate::lab::Lab;
use crate::lab::agent::SERVER;
use crate::lab::authority::Authority;
use crate::lab::client::get;
use crate::lab::daemon::SECURE_PORT;
use crate::lab::network::HUB;
use crate::lab::sidecar::admin;
use crate::lab::tls;
use crate::lab::wait::until;

/// Certificates live for a minute and are renewed when 3 s of that have passed: often enough for a test to see, with time
/// to spare on a machine that is busy.
pub const SHORT_LIVED: [&str; 2] = ["SECRET_TTL=60s", "SECRET_GRACE_PERIOD_RATIO=0.95"];

/// Clients and servers whose certificates are looked at.
const PODS: [&str; 2] = ["web", "catalog-v1"];
/// The agent's own port.
const STATUS_PORT: u16 = 15020;
/// The token of a pod, below its agent's directory.
const TOKEN: &str = "var/run/secrets/tokens/istio-token";

/// The serial numbers of the certificates that a pod's Envoy presents.
async fn serials(lab: &Lab, pod: &str) -> Result<BTreeSet<String>> {
    let text = admin(&lab.pod(pod)?.namespace, "/certs").await?;
    let certs: Value = serde_json::from_str(&text)?;
    let certs = certs["certificates"].as_array().context("no certificates")?;
    let chains = certs.iter().filter_map(|certificate| certificate["cert_chain"].as_array());
    let serials = chains.flatten().filter_map(|certificate| certificate["serial_number"].as_str());
    Ok(serials.map(str::to_owned).collect())
}

async fn until_renewed(lab: &Lab, pod: &str) -> Result<()> {
    let before = serials(lab, pod).await?;
    ensure!(!before.is_empty(), "{pod} presents no certificate");
    until(&format!("the certificate of {pod} is renewed"), async || {
        Ok(serials(lab, pod).await?.is_disjoint(&before).then_some(()))
    })
    .await
}

async fn readiness(lab: &Lab, pod: &str) -> Result<(StatusCode, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, STATUS_PORT));
    let answer = get(&lab.pod(pod)?.namespace, address, "localhost", "/healthz/ready").await?;
    Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
}

/// Twice, so that it is not the first certificate that is exchanged only.
pub async fn certificates_renew_under_traffic(lab: &mut Lab) -> Result<()> {
    let load = Load::start(lab)?;
    for _ in 0..2 {
        for pod in PODS {
            until_renewed(lab, pod).await?;
        }
    }
    load.stop().await?;
    ensure_mtls(&request(lab, "web", "cart", 8080).await?, "web", "cart")
}

/// The certificate that was issued last proves who asks for the next one.
pub async fn a_token_that_is_gone_stops_nothing(lab: &mut Lab) -> Result<()> {
    let token = lab.agent_directory(&lab.pod("web")?.spec.name).join(TOKEN);
    let text = std::fs::read(&token)?;
    std::fs::remove_file(&token)?;
    // What was asked for before may still be under way.
    until_renewed(lab, "web").await?;
    until_renewed(lab, "web").await?;
    Ok(std::fs::write(&token, text)?)
}

/// Traffic goes on with the certificates that there are, and a proxy that was ready stays so.
pub async fn a_control_plane_that_is_away_is_waited_for(lab: &mut Lab) -> Result<()> {
    let load = Load::start(lab)?;
    lab.daemon.stop()?;
    let web = lab.pod("web")?.namespace.clone();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, STATUS_PORT));
    let failed = "istio_agent_num_failed_outgoing_requests{request_type=\"csr\"} ";
    until("the CA was asked in vain", async || {
        let answer = get(&web, address, "localhost", "/stats/prometheus").await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let count = text.lines().find_map(|line| line.strip_prefix(failed));
        Ok(count.filter(|count| *count != "0").map(|_| ()))
    })
    .await?;
    ensure!(readiness(lab, "web").await?.0 == 200, "the sidecar is not ready any more");
    lab.start_daemon().await?;
    for pod in PODS {
        until_renewed(lab, pod).await?;
    }
    load.stop().await?;
    Ok(())
}

/// A new root, told beside the old one, then alone. The file with which the agents began keeps the old one.
pub async fn a_new_root_takes_over_under_traffic(lab: &mut Lab) -> Result<()> {
    let load = Load::start(lab)?;
    let old = std::fs::read_to_string(lab.ca().join("ca-cert.pem"))?;
    let new = Authority::new()?;
    plug_in(lab, &new, &format!("{}{old}", new.root()))?;
    until("everybody knows both roots", async || Ok((known_roots(lab).await? == 2).then_some(())))
        .await?;
    until("the control plane has a certificate of the new root", async || {
        let stream = lab.hub().connect((HUB, SECURE_PORT).into()).await?;
        Ok(tls::connect(stream, SERVER, new.root()).await.ok().map(|_| ()))
    })
    .await?;
    for pod in PODS {
        until_renewed(lab, pod).await?;
        until_renewed(lab, pod).await?;
    }
    plug_in(lab, &new, new.root())?;
    until("everybody knows the new root only", async || {
        Ok((known_roots(lab).await? == 1).then_some(()))
    })
    .await?;
    load.stop().await?;
    ensure_mtls(&request(lab, "web", "cart", 8080).await?, "web", "cart")?;
    // Envoys reconnect to a control plane of which they have never seen the root in a file.
    lab.daemon.stop()?;
    lab.start_daemon().await
}

/// How many roots all pods know; those of the control plane do not count.
async fn known_roots(lab: &Lab) -> Result<usize> {
    let mut counts = BTreeSet::new();
    for pod in PODS {
        let path = "/config_dump?resource=dynamic_active_secrets";
        let text = admin(&lab.pod(pod)?.namespace, path).await?;
        let secrets: Value = serde_json::from_str(&text)?;
        let secrets = secrets["configs"].as_array().context("no secrets")?;
        let roots = secrets.iter().filter(|secret| secret["name"] == "ROOTCA");
        let pem = roots.filter_map(|secret| {
            let trusted = secret.pointer("/secret/validation_context/trusted_ca/inline_bytes")?;
            base64::Engine::decode(&base64::prelude::BASE64_STANDARD, trusted.as_str()?).ok()
        });
        counts.extend(pem.map(|pem| String::from_utf8_lossy(&pem).matches("BEGIN").count()));
    }
    ensure!(!counts.is_empty(), "nobody knows a root");
    // While they differ, it is none of what is waited for.
    Ok(if counts.len() == 1 { counts.first().copied().unwrap_or(0) } else { 0 })
}

/// Gives the daemon another CA and bundle of roots. What does not fit together meanwhile changes nothing.
fn plug_in(lab: &Lab, authority: &Authority, roots: &str) -> Result<()> {
    let files = [
        ("root-cert.pem", roots),
        ("ca-key.pem", &authority.key()),
        ("ca-cert.pem", authority.root()),
    ];
    for (name, content) in files {
        std::fs::write(lab.ca().join(name), content)?;
    }
    Ok(())
}

/// The agent ends its Envoy, and itself with it; the next one takes its place.
pub async fn an_agent_ends_and_starts_again(lab: &mut Lab) -> Result<()> {
    lab.sidecar_mut("web")?.stop()?;
    let web = lab.pod("web")?.namespace.clone();
    ensure!(admin(&web, "/ready").await.is_err(), "Envoy is left");
    lab.start_sidecar("web").await?;
    until("the window is open again", async || Ok(request(lab, "web", "cart", 8080).await.ok()))
        .await?;
    let (status, text) = readiness(lab, "web").await?;
    ensure!(status == 200, "{status}: {text}");
    Ok(())
}
