//! Questions about the control plane that come over streams (`istio.io/debug…`): who asks what, and how the answer is
//! written. What it says is found by whoever was set to answer, who decides by the verified identity.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use prost::Message as _;
use tonic::Status;

use crate::api::Str;
use crate::model::identity::Spiffe;
use crate::proto::Any;
use crate::proto::discovery::{ControlPlane, DeltaDiscoveryResponse, DiscoveryResponse, Resource};
use crate::serve::envelope::{Protocol, Request};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// Its type, such as `istio.io/debug/syncz`.
    pub type_url: Str,
    /// The resources that it names: one or none of those that make sense, and never more than two are told.
    pub names: Vec<String>,
    /// Who the stream's client was proved to be.
    pub identity: Option<Spiffe>,
}

/// The answer to one.
#[derive(Clone, Default)]
pub struct Told {
    /// Its resources, each with its name.
    pub resources: Vec<(String, Any)>,
    /// Which control plane answers; empty where nobody wants to know.
    pub identifier: String,
}

/// Who answers. An error ends the stream.
#[derive(Clone)]
pub struct Inquiries(Arc<Answering>);

type Answering = dyn Fn(Inquiry) -> BoxFuture<'static, Result<Told, Status>> + Send + Sync;

impl Inquiries {
    /// Those that a function answers.
    pub fn new<A>(answer: impl Fn(Inquiry) -> A + Send + Sync + 'static) -> Inquiries
    where
        A: Future<Output = Result<Told, Status>> + Send + 'static,
    {
        Inquiries(Arc::new(move |inquiry| Box::pin(answer(inquiry))))
    }

    /// The answer to one.
    pub async fn answer(&self, inquiry: Inquiry) -> Result<Told, Status> {
        (self.0)(inquiry).await
    }
}

impl fmt::Debug for Inquiries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inquiries")
    }
}

impl Inquiry {
    /// What a request asks.
    pub(super) fn of(request: &Request, identity: Option<Spiffe>) -> Inquiry {
        let type_url = request.type_url.as_str().into();
        Inquiry { type_url, names: request.names().take(2).map(str::to_owned).collect(), identity }
    }
}

impl Told {
    /// As a part of an encoded response.
    pub(super) fn encode(self, protocol: Protocol) -> Bytes {
        let Told { resources, identifier } = self;
        let control_plane = (!identifier.is_empty()).then_some(ControlPlane { identifier });
        let any = |any: Any| -> Bytes { any.encode_to_vec().into() };
        match protocol {
            Protocol::Sotw => {
                let resources = resources.into_iter().map(|(_, resource)| any(resource)).collect();
                DiscoveryResponse { resources, control_plane, ..DiscoveryResponse::default() }
                    .encode_to_vec()
            }
            Protocol::Delta => {
                let entry = |(name, resource)| {
                    let resource = any(resource);
                    Resource { name, resource, ..Resource::default() }.encode_to_vec().into()
                };
                let resources = resources.into_iter().map(entry).collect();
                let whole = DeltaDiscoveryResponse {
                    resources,
                    control_plane,
                    ..DeltaDiscoveryResponse::default()
                };
                whole.encode_to_vec()
            }
        }
        .into()
    }
}
