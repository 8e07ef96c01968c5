//! Signers of Kubernetes in the place of a CA (EXTERNAL_CA), and their roots: of a file, and of the mesh configuration.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::authority::lifetimes;
use crate::api::mesh::RootsFrom;
use crate::api::{MeshConfig, Str};
use crate::ca::certificate::Certificate;
use crate::ca::registration::{Registration, SignerRoots, Signers};
use crate::settings::Settings;

/// The one kind of EXTERNAL_CA that there is.
const KUBERNETES: &str = "ISTIOD_RA_KUBERNETES_API";

/// Where the roots of all signers are mounted.
const MOUNTED: &str = "./etc/external-ca-cert/root-cert.pem";

/// Where a pod has the root of the cluster, which counts where no domain of other signers is given.
const CLUSTER: &str = "./var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// What EXTERNAL_CA asks for; None for nothing. `tasks` follow the roots.
///
/// # Errors
/// When it asks for what there is not.
pub async fn start(
    settings: &Settings,
    client: Option<&Client>,
    mesh: watch::Receiver<Arc<MeshConfig>>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Option<Registration>> {
    if !settings.ca_server || settings.external_ca.is_empty() {
        return Ok(None);
    }
    if settings.external_ca != KUBERNETES {
        bail!(
            "EXTERNAL_CA: invalid CA Name {}; {KUBERNETES} is the only one",
            settings.external_ca
        );
    }
    let client = client.context("EXTERNAL_CA: signers of Kubernetes need a cluster")?;
    let signers = Signers {
        domain: settings.cert_signer_domain.clone(),
        default: settings.k8s_signer.clone(),
    };
    let mut followed = Followed { domain: !signers.domain.is_empty(), file: None, said: None };
    followed.look().await;
    let first = Arc::new(roots(followed.file.clone(), &mesh.borrow()));
    info!(target: "pkira", signer = %signers.default, domain = %signers.domain, "signers of Kubernetes sign for workloads");
    let (told, newest) = watch::channel(first);
    tasks.spawn(async move {
        followed.run(mesh, told).await;
        Ok(())
    });
    Ok(Some(Registration::new(client.clone(), signers, lifetimes(settings), newest)))
}

/// The file with the roots of all signers.
struct Followed {
    domain: bool,
    file: Option<Str>,
    /// What was said of it last.
    said: Option<String>,
}

impl Followed {
    async fn run(
        mut self,
        mut mesh: watch::Receiver<Arc<MeshConfig>>,
        told: watch::Sender<Arc<SignerRoots>>,
    ) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                changed = mesh.changed() => if changed.is_err() {
                    return;
                }
            }
            self.look().await;
            let newest = roots(self.file.clone(), &mesh.borrow_and_update());
            told.send_if_modified(|known| {
                let new = **known != newest;
                if new {
                    *known = Arc::new(newest);
                }
                new
            });
        }
    }

    /// Reads it. What cannot be read leaves what was there before in force.
    async fn look(&mut self) {
        let place = [(MOUNTED, true), (CLUSTER, !self.domain)];
        let path = place.into_iter().find(|(path, counts)| *counts && Path::new(path).exists());
        let Some((path, _)) = path else { return };
        let read = match tokio::fs::read_to_string(path).await {
            Ok(text) => Certificate::all(&text).map(|all| (text, all.len())),
            Err(error) => Err(error.to_string()),
        };
        let problem = match read {
            Ok((_, 0)) => "there is no certificate in it".to_owned(),
            Ok((text, _)) => {
                self.file = Some(text.into());
                self.said = None;
                return;
            }
            Err(why) => why,
        };
        if self.said.as_ref() != Some(&problem) {
            warn!(target: "pkira", "the roots of signers in {path}: {problem}; what was there before stays in force");
            self.said = Some(problem);
        }
    }
}

/// The roots that a file and `caCertificates` of the mesh configuration say. Entries that name no signer are of none.
fn roots(file: Option<Str>, mesh: &MeshConfig) -> SignerRoots {
    let each = mesh.ca_certificates.iter().flat_map(|entry| {
        let text = match &entry.from {
            RootsFrom::Pem(text) => text.clone(),
            RootsFrom::SpiffeBundle(_) => Str::default(),
        };
        let signers = entry.cert_signers.iter().filter(|_| !text.is_empty()).cloned();
        signers.map(|signer| (signer, text.clone())).collect::<Vec<_>>()
    });
    SignerRoots { file, each: each.collect() }
}

#[cfg(test)]
mod tests;
