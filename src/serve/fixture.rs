//! Views and requests for the tests of this band.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use prost::encoding::string;

use super::envelope::{Protocol, Request};
use crate::model::Proxy;
use crate::proto::discovery::{
    DeltaDiscoveryRequest, DiscoveryRequest, ErrorDetail, InitialVersion,
};
use crate::proto::envoy::envoy::config::core::v3::Node;
use crate::snapshot::Snapshot;
use crate::translate::{Resource, ResourceSet, ResourceType, Resources, Translator, View};

/// The field in which the resources of these tests have their content. Their name is field 1, as in Envoy's.
const CONTENT: u32 = 99;

/// A resource of this name and content.
pub fn resource(name: &str, content: &str) -> Arc<Resource> {
    let mut body = Vec::new();
    string::encode(1, &name.to_owned(), &mut body);
    string::encode(CONTENT, &content.to_owned(), &mut body);
    Arc::new(Resource::new(name.into(), body.into(), []))
}

/// The name and content of an encoded resource; empty content is that of `View::absent`.
pub fn read(body: &[u8]) -> (String, String) {
    #[derive(prost::Message)]
    struct Both {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "99")]
        content: String,
    }
    let both = Both::decode(body).unwrap();
    (both.name, both.content)
}

/// A set of resources of one type.
pub type Items<'a> = (ResourceType, &'a [(&'a str, &'a str)]);

/// A layer of sets.
pub fn layer(items: &[Items<'_>]) -> Arc<Resources> {
    let sets = items.iter().map(|(kind, items)| {
        let items = items.iter().map(|(name, content)| resource(name, content)).collect();
        Arc::new(ResourceSet::new(*kind, items))
    });
    Arc::new(Resources::new(sets))
}

/// A view of one layer.
pub fn view(items: &[Items<'_>]) -> Arc<View> {
    view_of(vec![layer(items)])
}

/// A view of these layers.
pub fn view_of(layers: Vec<Arc<Resources>>) -> Arc<View> {
    let blank = Translator::default().view(&Snapshot::default(), &Arc::new(proxy("web-1")));
    Arc::new(View { layers, ..blank })
}

/// The node of a sidecar of the pod `name` in the namespace `shop`.
pub fn node(name: &str) -> Bytes {
    let id = format!("sidecar~10.0.0.1~{name}.shop~shop.svc.cluster.local");
    Node { id, ..Node::default() }.encode_to_vec().into()
}

/// The proxy of that node.
pub fn proxy(name: &str) -> Proxy {
    super::node::Nodes::default().proxy(Some(&node(name))).unwrap()
}

/// What a test asks for.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    /// The type's URL; that of `kind` where it is empty.
    pub url: &'a str,
    /// All names of SotW, the added ones of delta.
    pub names: &'a [&'a str],
    /// Those given up.
    pub unsubscribe: &'a [&'a str],
    /// Names and versions of before.
    pub initial: &'a [(&'a str, &'a str)],
    /// The response that is answered.
    pub nonce: &'a str,
    /// Why it is refused.
    pub error: Option<&'a str>,
    /// The encoded node.
    pub node: &'a [u8],
}

impl Ask<'_> {
    /// The encoded request.
    pub fn encode(&self, protocol: Protocol, kind: ResourceType) -> Bytes {
        let bytes = |names: &[&str]| {
            names.iter().map(|name| Bytes::copy_from_slice(name.as_bytes())).collect()
        };
        let type_url = if self.url.is_empty() { kind.type_url() } else { self.url }.to_owned();
        let response_nonce = self.nonce.to_owned();
        let error_detail =
            self.error.map(|message| ErrorDetail { code: 13, message: message.into() });
        match protocol {
            Protocol::Sotw => DiscoveryRequest {
                node: Bytes::copy_from_slice(self.node),
                resource_names: bytes(self.names),
                type_url,
                response_nonce,
                error_detail,
                ..DiscoveryRequest::default()
            }
            .encode_to_vec(),
            Protocol::Delta => DeltaDiscoveryRequest {
                node: Bytes::copy_from_slice(self.node),
                resource_names_subscribe: bytes(self.names),
                resource_names_unsubscribe: bytes(self.unsubscribe),
                initial_resource_versions: self
                    .initial
                    .iter()
                    .map(|(name, version)| InitialVersion {
                        key: Bytes::copy_from_slice(name.as_bytes()),
                        value: Bytes::copy_from_slice(version.as_bytes()),
                    })
                    .collect(),
                type_url,
                response_nonce,
                error_detail,
            }
            .encode_to_vec(),
        }
        .into()
    }

    /// The request.
    pub fn request(&self, protocol: Protocol, kind: ResourceType) -> Request {
        Request::decode(protocol, self.encode(protocol, kind)).unwrap()
    }
}
