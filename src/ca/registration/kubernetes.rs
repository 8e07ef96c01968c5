//! CertificateSigningRequests: made, approved, waited for, and deleted again, whatever came of them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, ObjectMeta, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::SIGNED;

/// What the names of requests begin with, as with istiod.
const PREFIX: &str = "csr-workload-";

/// Requests that are under way at once: each is four writes and a watch for the API server.
const AT_ONCE: usize = 64;

/// How long one watch may take.
const WATCH: u32 = 30;

/// Before another look at a request after one that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Registers requests. Clones are the same one.
#[derive(Clone)]
pub struct Kubernetes {
    requests: Api<CertificateSigningRequest>,
    turns: Arc<Semaphore>,
}

/// A request to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The request, in PEM.
    pub request: &'a str,
    /// The signer, by its full name.
    pub signer: &'a str,
    /// What the certificate is for.
    pub purposes: Purposes,
    /// How long it shall be valid. Signers may know better.
    pub lifetime: Duration,
    /// Whom it is for, for who reads about the approval.
    pub for_whom: &'a str,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purposes {
    /// To be both ends of connections.
    Workload,
    /// To be a server.
    Server,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes").finish_non_exhaustive()
    }
}

impl Purposes {
    fn usages(self) -> Vec<String> {
        let all = ["digital signature", "key encipherment", "server auth", "client auth"];
        let wanted = match self {
            Purposes::Workload => &all[..],
            Purposes::Server => &all[..3],
        };
        wanted.iter().map(|usage| (*usage).to_owned()).collect()
    }
}

impl Kubernetes {
    /// With the API server of this client.
    pub fn new(client: Client) -> Kubernetes {
        Kubernetes { requests: Api::all(client), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Has a request signed. What the signer returned, in PEM.
    ///
    /// # Errors
    /// When the API server refuses a part of it, or nobody signs.
    pub async fn sign(&self, order: Order<'_>) -> Result<String, String> {
        let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
        let made = self.requests.create(&PostParams::default(), &object(order)).await;
        let made = made.map_err(|error| format!("failed to create CSR: {error}"))?;
        let name = made.name_any();
        let _kept = Kept { requests: self.requests.clone(), name: name.clone() };
        debug!(target: "pkira", csr = %name, signer = order.signer, "registered a request");
        self.approve(made, order).await?;
        let signed = timeout(SIGNED, self.signed(&name)).await;
        signed.map_err(|_| {
            format!("timeout when watching CSR {name}: {} did not sign", order.signer)
        })?
    }

    /// Says that we know who asks. Signers sign nothing before.
    async fn approve(
        &self,
        mut request: CertificateSigningRequest,
        order: Order<'_>,
    ) -> Result<(), String> {
        let name = request.name_any();
        let now = Some(Time(Timestamp::now()));
        request.status.get_or_insert_default().conditions.get_or_insert_default().push(
            CertificateSigningRequestCondition {
                type_: "Approved".to_owned(),
                status: "True".to_owned(),
                reason: Some("ApprovedByIstiod".to_owned()),
                message: Some(format!(
                    "CSR ({name}) for the certificate ({}) is approved",
                    order.for_whom
                )),
                last_update_time: now.clone(),
                last_transition_time: now,
            },
        );
        let parameters = PostParams::default();
        let approved =
            self.requests.replace_subresource("approval", &name, &parameters, &request).await;
        approved.map(drop).map_err(|error| format!("failed to approve CSR request: {error}"))
    }

    /// Waits until it is signed or refused, for ever.
    async fn signed(&self, name: &str) -> Result<String, String> {
        loop {
            match self.look(name).await {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => {}
                Err(kube::Error::Api(status)) if status.is_not_found() => {
                    return Err(format!("the CSR {name} was deleted before it was signed"));
                }
                Err(error) => {
                    debug!(target: "pkira", csr = name, %error, "looking at a request failed");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Reads a request, and follows it for a while. What came of it, if anything did.
    async fn look(&self, name: &str) -> kube::Result<Option<Result<String, String>>> {
        let read = self.requests.get(name).await?;
        if let Some(outcome) = outcome(&read) {
            return Ok(Some(outcome));
        }
        let version = read.resource_version().unwrap_or_default();
        let parameters =
            WatchParams::default().fields(&format!("metadata.name={name}")).timeout(WATCH);
        let mut events = pin!(self.requests.watch(&parameters, &version).await?);
        while let Some(event) = events.try_next().await? {
            let found = match event {
                WatchEvent::Added(request) | WatchEvent::Modified(request) => outcome(&request),
                WatchEvent::Deleted(_) | WatchEvent::Error(_) => break,
                WatchEvent::Bookmark(_) => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// What came of a request: its certificate, or who does not want to sign it, and why.
fn outcome(request: &CertificateSigningRequest) -> Option<Result<String, String>> {
    let name = request.name_any();
    let status = request.status.as_ref()?;
    if let Some(certificate) = status.certificate.as_ref().filter(|bytes| !bytes.0.is_empty()) {
        let text = String::from_utf8(certificate.0.clone());
        return Some(text.map_err(|_| format!("decoding certificate failed: CSR {name}")));
    }
    let refused = status.conditions.iter().flatten().find(|condition| {
        matches!(condition.type_.as_str(), "Denied" | "Failed") && condition.status == "True"
    })?;
    let reason = refused.reason.as_deref().unwrap_or_default();
    let message = refused.message.as_deref().unwrap_or_default();
    Some(Err(format!("the CSR {name} is {}: {reason}: {message}", refused.type_)))
}

fn object(order: Order<'_>) -> CertificateSigningRequest {
    // The API counts in 32 bits; who asks for more wants as much as there is.
    let seconds = i32::try_from(order.lifetime.as_secs()).unwrap_or(i32::MAX);
    CertificateSigningRequest {
        metadata: ObjectMeta { generate_name: Some(PREFIX.to_owned()), ..ObjectMeta::default() },
        spec: CertificateSigningRequestSpec {
            request: ByteString(order.request.as_bytes().to_vec()),
            signer_name: order.signer.to_owned(),
            usages: Some(order.purposes.usages()),
            expiration_seconds: Some(seconds),
            ..CertificateSigningRequestSpec::default()
        },
        status: None,
    }
}

/// A request at the API server. Dropping it deletes it.
struct Kept {
    requests: Api<CertificateSigningRequest>,
    name: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let (requests, name) = (self.requests.clone(), std::mem::take(&mut self.name));
        tokio::spawn(async move {
            match requests.delete(&name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                Err(error) => {
                    warn!(target: "pkira", csr = %name, %error, "failed to delete CSR; the cluster deletes it in an hour");
                }
                Ok(_) => {}
            }
        });
    }
}

#[cfg(test)]
mod tests;
