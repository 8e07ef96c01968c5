//! The roots of the mesh as a ClusterTrustBundle, in place of ConfigMaps: kubelets mount it into pods.
//!
//! Written by the leader, corrected when somebody changes it, and never written where it says what it should.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::api::{
    ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

use super::writer::Pace;
use crate::api::Str;

/// Its name, which has to begin with that of the signer.
pub const NAME: &str = "istio.io:istiod-ca:root-cert";

/// Whose roots they are. Who writes them has to be allowed to `attest` for this signer.
pub const SIGNER: &str = "istio.io/istiod-ca";

const API_VERSION: &str = "certificates.k8s.io/v1beta1";

/// How long a watch may take. What was refused meanwhile is asked for again then.
const WATCH: Duration = Duration::from_secs(300);

/// The pause between two watches, give or take half of it.
const PAUSE: Duration = Duration::from_secs(5);

/// Keeps it, for ever.
pub async fn run(client: Client, roots: watch::Receiver<Option<Str>>, pace: Arc<Pace>) {
    let resource = ApiResource {
        group: "certificates.k8s.io".to_owned(),
        version: "v1beta1".to_owned(),
        api_version: API_VERSION.to_owned(),
        kind: "ClusterTrustBundle".to_owned(),
        plural: "clustertrustbundles".to_owned(),
    };
    let mut keeping = Keeping { api: Api::all_with(client, &resource), roots, pace };
    let mut said = String::new();
    loop {
        if let Err(error) = keeping.once().await {
            let hint = match &error {
                kube::Error::Api(status) if status.code == 404 => {
                    "; its API server has none of version v1beta1: enable it, or unset ENABLE_CLUSTER_TRUST_BUNDLE_API"
                }
                _ => "",
            };
            let why = format!("the ClusterTrustBundle {NAME}: {error:#}{hint}");
            if why != said {
                warn!(target: "controllers", "{why}");
                said = why;
            }
        }
        sleep(PAUSE.mul_f64(0.5 + fastrand::f64())).await;
    }
}

struct Keeping {
    api: Api<DynamicObject>,
    roots: watch::Receiver<Option<Str>>,
    pace: Arc<Pace>,
}

impl Keeping {
    /// Reads what there is, and corrects it until the server ends the watch. What is refused ends it at once.
    async fn once(&mut self) -> kube::Result<()> {
        let field = format!("metadata.name={NAME}");
        let list = self.api.list(&ListParams::default().fields(&field)).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let mut known = list.items.first().map(said);
        let params = WatchParams::default().fields(&field);
        let mut events = pin!(self.api.watch(&params, &version).await?);
        let end = Instant::now() + WATCH;
        loop {
            let roots = self.roots.borrow_and_update().clone();
            if let Some(roots) = roots
                && known.as_deref() != Some(&*roots)
            {
                self.pace.turn().await;
                self.write(known.is_some(), &roots).await?;
                info!(target: "controllers", "wrote the roots of the mesh to the ClusterTrustBundle {NAME}");
                known = Some(roots.to_string());
            }
            tokio::select! {
                event = events.try_next() => match event? {
                    Some(WatchEvent::Added(bundle) | WatchEvent::Modified(bundle)) => {
                        known = Some(said(&bundle));
                    }
                    Some(WatchEvent::Deleted(_)) => known = None,
                    Some(WatchEvent::Bookmark(_)) => {}
                    Some(WatchEvent::Error(status)) => return Err(kube::Error::Api(status)),
                    None => return Ok(()),
                },
                _ = self.roots.changed() => {}
                () = sleep_until(end) => return Ok(()),
            }
        }
    }

    async fn write(&self, exists: bool, roots: &str) -> kube::Result<()> {
        if exists {
            let change = Patch::Merge(json!({ "spec": { "trustBundle": roots } }));
            return self.api.patch(NAME, &PatchParams::default(), &change).await.map(drop);
        }
        let bundle = json!({
            "apiVersion": API_VERSION,
            "kind": "ClusterTrustBundle",
            "metadata": { "name": NAME },
            "spec": { "signerName": SIGNER, "trustBundle": roots },
        });
        let bundle: DynamicObject =
            serde_json::from_value(bundle).map_err(kube::Error::SerdeError)?;
        self.api.create(&PostParams::default(), &bundle).await.map(drop)
    }
}

/// The roots that it has.
fn said(bundle: &DynamicObject) -> String {
    let roots = bundle.data.pointer("/spec/trustBundle").and_then(Value::as_str);
    roots.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
