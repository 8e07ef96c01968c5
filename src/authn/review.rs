//! Tokens that an API server knows: TokenReview.
//!
//! A token is asked about once in a while, whatever its owner does: what the API server said is remembered for a short
//! time, by a hash of the token. Few questions are under way at once, and not those of the sources: who sends
//! nonsense slows nobody down but others who do.

mod memory;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use self::memory::Memory;
use super::bearer::{Token, service_account};
use super::{Credentials, now};
use crate::api::{MeshConfig, Str};
use crate::model::Caller;
use crate::model::caller::{Method, PodClaims};
use crate::model::identity::spiffe;

/// How long a token is believed without asking again: a pod that is deleted loses its identity so much later.
const KNOWN: Duration = Duration::from_secs(60);

/// How long a refusal is remembered: a pod that was just made may be known a moment later.
const REFUSED: Duration = Duration::from_secs(5);

/// How long an API server may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Questions at once.
const AT_ONCE: usize = 32;

/// The header in which a proxy tells its cluster.
const CLUSTER: &str = "clusterid";

/// Groups that each service account is in.
const GROUP: &str = "system:serviceaccounts";

const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";

/// The API servers that may be asked.
#[derive(Clone)]
pub struct Clusters {
    /// The id of the own cluster.
    pub own: Str,
    /// Its API server; None where there is none.
    pub client: Option<Client>,
    /// Those of the others, by id.
    pub remotes: watch::Receiver<Arc<BTreeMap<Str, Client>>>,
    /// Other names of clusters, each with the cluster's id.
    pub aliases: Vec<(Str, Str)>,
}

/// Asks API servers. Clones share what is remembered.
#[derive(Clone)]
pub struct Reviewer {
    clusters: Clusters,
    audiences: Vec<String>,
    mesh: watch::Receiver<Arc<MeshConfig>>,
    memory: Arc<Memory>,
    turns: Arc<Semaphore>,
}

impl std::fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reviewer").field("audiences", &self.audiences).finish_non_exhaustive()
    }
}

impl Reviewer {
    /// Asks these clusters about tokens for one of these audiences.
    pub fn new(
        clusters: Clusters,
        audiences: Vec<String>,
        mesh: watch::Receiver<Arc<MeshConfig>>,
    ) -> Reviewer {
        let (memory, turns) = (Arc::default(), Arc::new(Semaphore::new(AT_ONCE)));
        Reviewer { clusters, audiences, mesh, memory, turns }
    }

    /// Whose token this is.
    pub(super) async fn caller(
        &self,
        token: Token<'_>,
        presented: &Credentials,
    ) -> Result<Caller, String> {
        let told = presented.headers.get(CLUSTER).and_then(|value| value.to_str().ok());
        let (cluster, client) = self.clusters.find(told.unwrap_or_default())?;
        let key = (cluster.clone(), token.hash());
        if let Some(known) = self.memory.get(&key, Instant::now()) {
            return known;
        }
        let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
        // Another request may have asked meanwhile.
        if let Some(known) = self.memory.get(&key, Instant::now()) {
            return known;
        }
        let status = self.ask(client, token).await.map_err(|why| {
            format!("the API server of the cluster {cluster} could not be asked: {why}")
        })?;
        let caller = self
            .read(&cluster, status)
            .map_err(|why| format!("failed to validate the token from cluster {cluster:?}: {why}"));
        let age = if caller.is_ok() { left(token).min(KNOWN) } else { REFUSED };
        self.memory.put(key, caller.clone(), Instant::now() + age);
        caller
    }

    async fn ask(&self, client: Client, token: Token<'_>) -> Result<TokenReviewStatus, String> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.text().to_owned(),
                audiences: Some(self.audiences.clone()),
            },
            ..TokenReview::default()
        };
        let (api, parameters) = (Api::<TokenReview>::all(client), PostParams::default());
        let answered = timeout(ANSWER, api.create(&parameters, &review)).await;
        let review = answered.map_err(|_| format!("no answer in {ANSWER:?}"))?;
        let review = review.map_err(|error| match error {
            kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
            other => other.to_string(),
        })?;
        review.status.ok_or_else(|| "the answer says nothing".to_owned())
    }

    /// What an answer says of a token's owner.
    fn read(&self, cluster: &Str, status: TokenReviewStatus) -> Result<Caller, String> {
        if let Some(error) = status.error.filter(|error| !error.is_empty()) {
            return Err(format!("the service account authentication returns an error: {error}"));
        }
        if status.authenticated != Some(true) {
            return Err("the token is not authenticated".to_owned());
        }
        let user = status.user.unwrap_or_default();
        if !user.groups.iter().flatten().any(|group| group == GROUP) {
            return Err("the token is not a service account's".to_owned());
        }
        let name = user.username.unwrap_or_default();
        let (namespace, account) = service_account(&name)
            .ok_or_else(|| format!("the user {name:?} is no service account"))?;
        let extra = user.extra.unwrap_or_default();
        let claim = |key: &str| -> Str {
            let first = extra.get(key).and_then(|values| values.first());
            first.map(|value| Str::from(value.as_str())).unwrap_or_default()
        };
        Ok(Caller {
            identities: vec![spiffe(&self.mesh.borrow().trust_domain, namespace, account)],
            method: Method::TokenReview,
            pod: PodClaims { name: claim(POD_NAME), uid: claim(POD_UID), node: claim(NODE_NAME) },
            cluster: Some(cluster.clone()),
        })
    }
}

impl Clusters {
    /// The API server of the cluster that a client says it is of; nothing stands for the own one.
    fn find(&self, told: &str) -> Result<(Str, Client), String> {
        let alias = self.aliases.iter().find(|(alias, _)| **alias == *told);
        let id = alias.map_or_else(|| Str::from(told), |(_, id)| id.clone());
        if id.is_empty() || id == self.own {
            let client = self.client.clone().ok_or("there is no API server to ask")?;
            return Ok((self.own.clone(), client));
        }
        let remotes = self.remotes.borrow();
        let client = remotes.get(&id).cloned().ok_or_else(|| {
            let known: Vec<&str> = remotes.keys().map(|id| &**id).collect();
            format!(
                "client claims to be in cluster {told:?}, but we only know about local cluster {:?} and remote clusters {known:?}",
                &*self.own
            )
        })?;
        Ok((id, client))
    }
}

/// How long a token that was verified is still valid; for ever, if it does not say.
fn left(token: Token<'_>) -> Duration {
    let expires = token.parts().and_then(|parts| parts.claims.exp);
    expires.map_or(Duration::MAX, |exp| {
        Duration::try_from_secs_f64((exp - now()).max(0.0)).unwrap_or(Duration::MAX)
    })
}

#[cfg(test)]
mod tests;
