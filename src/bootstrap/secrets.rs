//! Secrets for proxies: who is asked whether an account may read them, and who is told which are to be read.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use kube::Client;
use tokio::sync::watch;

use super::inputs::Inputs;
use crate::api::Wanted;
use crate::metrics::Metrics;
use crate::serve::secrets::review::{Answer, OwnNamespace, Reviewer, Subject};
use crate::serve::secrets::{Account, Secrets};
use crate::sources::kubernetes::access::may_list_secrets;

/// Starts to serve secrets of what the inputs give.
pub fn start(inputs: &mut Inputs, metrics: &Arc<Metrics>) -> Secrets {
    let reviewer: Arc<dyn Reviewer> = match inputs.own.clone() {
        Some(client) => Arc::new(Cluster(client)),
        None => Arc::new(OwnNamespace),
    };
    let secrets = Secrets::new(inputs.snapshots.clone(), reviewer, metrics.clone());
    inputs.diagnostics.push(secrets.diagnostics());
    tokio::spawn(hand_on(secrets.wanted(), inputs.wanted.clone()));
    secrets
}

/// Tells the sources what proxies want.
async fn hand_on(mut from: watch::Receiver<Arc<Wanted>>, to: watch::Sender<Arc<Wanted>>) {
    while from.changed().await.is_ok() {
        to.send_replace(from.borrow_and_update().clone());
    }
}

/// The cluster knows the rights of its accounts.
struct Cluster(Client);

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

impl Reviewer for Cluster {
    fn may_read_secrets(&self, (cluster, account): Subject) -> BoxFuture<'static, Answer> {
        let client = self.0.clone();
        Box::pin(async move {
            if let Some(cluster) = cluster {
                let text = format!("nobody can be asked in the cluster {cluster}");
                return Answer::Unknown(text.into());
            }
            let Account { namespace, name } = account;
            match may_list_secrets(client, &namespace, &name).await {
                Ok(Ok(())) => Answer::Allowed,
                Ok(Err(said)) => {
                    let how = "allow it by a Role for `list` of `secrets`, and a RoleBinding";
                    let said = if said.is_empty() { said } else { format!(" ({said})") };
                    Answer::Denied(format!("{how}{said}").into())
                }
                Err(why) => Answer::Unknown(why.into()),
            }
        })
    }
}
