//! Secrets for proxies: who is asked whether an account may read them, and who is told which are to be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use kube::Client;
use tokio::sync::watch;

use super::inputs::Inputs;
use crate::api::{Str, Wanted};
use crate::metrics::Metrics;
use crate::serve::secrets::review::{Answer, OwnNamespace, Reviewer, Subject};
use crate::serve::secrets::{Account, Secrets};
use crate::sources::kubernetes::access::may_list_secrets;

/// Starts to serve secrets of what the inputs give.
pub fn start(inputs: &mut Inputs, metrics: &Arc<Metrics>) -> Secrets {
    let reviewer: Arc<dyn Reviewer> = match inputs.own.clone() {
        Some(own) => Arc::new(Clusters { own, remotes: inputs.remote_clients.clone() }),
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

/// Each cluster knows the rights of its accounts.
struct Clusters {
    own: Client,
    remotes: watch::Receiver<Arc<BTreeMap<Str, Client>>>,
}

impl std::fmt::Debug for Clusters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clusters").finish_non_exhaustive()
    }
}

impl Reviewer for Clusters {
    fn may_read_secrets(&self, (cluster, account): Subject) -> BoxFuture<'static, Answer> {
        let client = match &cluster {
            None => Some(self.own.clone()),
            Some(cluster) => self.remotes.borrow().get(cluster).cloned(),
        };
        Box::pin(async move {
            let Some(client) = client else {
                let cluster = cluster.unwrap_or_default();
                return Answer::Unknown(format!("the cluster {cluster} cannot be asked").into());
            };
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
