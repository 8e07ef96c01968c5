//! The certificate service: from a caller and a request to a certificate, or to a reason.
//!
//! The caller is recognised before a byte of the request is read. The names in the certificate are the caller's
//! own, or, for an account that is trusted to speak for the pods of its node, those of such a pod.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use tonic::{Code, Status};
use tracing::{debug, warn};

use super::grpc::{self, Call};
use super::transport::Transport;
use super::wire::{Messages, Outgoing};
use crate::api::list::items;
use crate::authn::{Authenticator, Credentials};
use crate::ca;
use crate::ca::signatory::{Asked, Signatory};
use crate::metrics::Metrics;
use crate::model::Caller;
use crate::model::identity::Spiffe;
use crate::proto::certificates::{IstioCertificateRequest, IstioCertificateResponse};
use crate::proto::envoy::google::protobuf::Struct;
use crate::proto::envoy::google::protobuf::value::Kind;
use crate::snapshot::Snapshots;

const METHOD: &str = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

/// The longest request, in bytes: a signing request, and a few words about it.
const MAX_REQUEST: usize = 64 * 1024;

/// How long a client that was recognised may take for its request.
const REQUEST: Duration = Duration::from_secs(10);

/// The key of a request's metadata under which a trusted account names whom it asks for.
const IMPERSONATED: &str = "ImpersonatedIdentity";

/// The key under which a client names the signer that it wants.
const SIGNER: &str = "CertSigner";

/// The service. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Certificates {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    authenticator: Authenticator,
    signatory: Signatory,
    /// The accounts that may ask for the pods of their node (CA_TRUSTED_NODE_ACCOUNTS): namespace and name.
    node_accounts: Vec<(String, String)>,
    snapshots: Snapshots,
    metrics: Arc<Metrics>,
}

impl Certificates {
    /// Signed by this one, for callers that the authenticator recognises. `node_accounts` is a list such as
    /// `istio-system/ztunnel,…`.
    pub fn new(
        authenticator: Authenticator,
        signatory: Signatory,
        node_accounts: &str,
        snapshots: Snapshots,
        metrics: Arc<Metrics>,
    ) -> Certificates {
        let accounts = items(node_accounts).filter_map(|account| {
            let (namespace, name) = account.split_once('/')?;
            Some((namespace.to_owned(), name.to_owned()))
        });
        let node_accounts = accounts.collect();
        let shared = Shared { authenticator, signatory, node_accounts, snapshots, metrics };
        Certificates { shared: Arc::new(shared) }
    }

    /// Its route.
    pub fn router(&self) -> Router {
        Router::new().route(METHOD, post(create)).with_state(self.clone())
    }
}

async fn create(State(service): State<Certificates>, request: Request) -> Response {
    let (response, call) = grpc::open(request);
    let Some(Call { transport, presented, body, sender }) = call else { return response };
    let opened = Instant::now();
    tokio::spawn(async move {
        let shared = &service.shared;
        let status = match shared.answer(&transport, &presented, body).await {
            Ok(message) => {
                // A client that is gone needs no certificate.
                let _ = sender.send(Outgoing::Message(vec![message])).await;
                Status::ok("")
            }
            Err(status) => status,
        };
        shared.count(status.code(), opened.elapsed());
        let _ = sender.send(Outgoing::End(status)).await;
    });
    response
}

impl Shared {
    async fn answer(
        &self,
        transport: &Transport,
        presented: &Credentials,
        body: Body,
    ) -> Result<Bytes, Status> {
        self.metrics.grpc_started.with(&GRPC).inc();
        self.metrics.ca_requests.inc();
        let caller = self.authenticator.authenticate(presented).await.map_err(|refused| {
            self.metrics.ca_unauthenticated.inc();
            warn!(target: "serverca", peer = %presented.peer, %refused, "a caller was not recognised");
            Status::unauthenticated(format!("request authenticate failure: {refused}"))
        })?;
        transport.prove();
        let mut messages = Messages::new(body, MAX_REQUEST);
        let message = tokio::time::timeout(REQUEST, messages.next()).await;
        let message = message.map_err(|_| Status::deadline_exceeded("no request came"))??;
        let message = message.ok_or_else(|| Status::internal("no request came"))?;
        self.metrics.grpc_received.with(&GRPC).inc();
        let request = IstioCertificateRequest::decode(message)
            .map_err(|error| Status::invalid_argument(format!("the request is broken: {error}")))?;
        let names = self.names(&caller, request.metadata.as_ref()).map_err(|why| {
            self.metrics.ca_unidentified.inc();
            warn!(target: "serverca", peer = %presented.peer, caller = ?caller.identities, why, "refused to speak for another");
            Status::unauthenticated(format!("request impersonation authentication failure: {why}"))
        })?;
        let signer = request.metadata.as_ref().and_then(|metadata| text(metadata, SIGNER));
        let asked = Asked {
            names: names.clone(),
            seconds: request.validity_duration,
            signer: signer.unwrap_or_default().to_owned(),
            request: request.csr,
        };
        let issued = self.signatory.issue(asked).await;
        let issued = issued.map_err(|error| self.refusal(&error, &names))?;
        self.metrics.ca_issued.inc();
        debug!(
            target: "serverca",
            peer = %presented.peer,
            method = caller.method.name(),
            ?names,
            not_after = %issued.not_after,
            "issued a certificate"
        );
        let answer = IstioCertificateResponse { cert_chain: issued.chain };
        self.metrics.grpc_sent.with(&GRPC).inc();
        framed(&answer)
    }

    /// The identities to be certified.
    fn names(&self, caller: &Caller, metadata: Option<&Struct>) -> Result<Vec<String>, String> {
        let Some(wanted) = metadata.and_then(|metadata| text(metadata, IMPERSONATED)) else {
            return Ok(caller.identities.iter().map(|id| id.to_string()).collect());
        };
        let trusted = caller.workloads().find(|id| {
            self.node_accounts.iter().any(|(namespace, account)| {
                *id.namespace == **namespace && *id.service_account == **account
            })
        });
        let trusted = trusted
            .ok_or("the caller is none of the trusted node accounts (CA_TRUSTED_NODE_ACCOUNTS)")?;
        let identity = Spiffe::parse(wanted)
            .ok_or_else(|| format!("{wanted:?} is no identity of a workload"))?;
        // Nothing that runs on a node of this mesh is of another trust domain.
        if identity.trust_domain != trusted.trust_domain {
            return Err(format!("{identity} is not of the caller's trust domain"));
        }
        let snapshot = self.snapshots.load();
        let cluster = caller.cluster.clone().unwrap_or_default();
        let pod = &caller.pod;
        let own = caller.workloads().find_map(|id| {
            let state = snapshot.workload(&cluster, &id.namespace, &pod.name)?;
            Some(state.workload.node_name.clone())
        });
        let node = if pod.node.is_empty() { own.unwrap_or_default() } else { pod.node.clone() };
        if node.is_empty() {
            return Err("nothing tells on which node the caller is".to_owned());
        }
        if snapshot.runs_on(&cluster, &node, &identity.namespace, &identity.service_account) {
            return Ok(vec![identity.to_string()]);
        }
        Err(format!("no pod of {identity} runs on the node {node} of the caller"))
    }

    fn refusal(&self, error: &ca::Error, names: &[String]) -> Status {
        let code = match error {
            ca::Error::Request(_) => {
                self.metrics.ca_unparsable.inc();
                Code::InvalidArgument
            }
            ca::Error::Lifetime { .. } => Code::InvalidArgument,
            ca::Error::NotReady(_) | ca::Error::Sign(_) => Code::Internal,
            ca::Error::Busy => Code::ResourceExhausted,
        };
        self.metrics.ca_unsigned.with(&[error.kind()]).inc();
        warn!(target: "serverca", ?names, %error, "no certificate was issued");
        Status::new(code, format!("CSR signing error ({error})"))
    }

    fn count(&self, code: Code, took: Duration) {
        self.metrics.grpc_handling.with(&GRPC).observe_time(took);
        let [method, service, kind] = GRPC;
        let code = super::ads::code_name(code);
        self.metrics.grpc_handled.with(&[&code, method, service, kind]).inc();
    }
}

const GRPC: [&str; 3] = ["CreateCertificate", "istio.v1.auth.IstioCertificateService", "unary"];

/// A text of a request's metadata.
fn text<'a>(metadata: &'a Struct, key: &str) -> Option<&'a str> {
    match metadata.fields.get(key)?.kind.as_ref()? {
        Kind::StringValue(text) => Some(text).filter(|text| !text.is_empty()).map(String::as_str),
        _ => None,
    }
}

/// A message as gRPC writes it.
fn framed(message: &impl Message) -> Result<Bytes, Status> {
    let length = u32::try_from(message.encoded_len())
        .map_err(|_| Status::internal("the answer is too long"))?;
    let mut out = BytesMut::with_capacity(message.encoded_len() + 5);
    out.put_u8(0);
    out.put_u32(length);
    message.encode(&mut out).map_err(|error| Status::internal(error.to_string()))?;
    Ok(out.freeze())
}

#[cfg(test)]
mod tests;
