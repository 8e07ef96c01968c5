//! How a cluster's connections are secured: what a rule says, else mTLS to those who take it.

use std::borrow::Cow;

use super::origination::{Origination, from_request};
use super::policy::Policy;
use super::protocol::{HttpOptions, HttpVersion};
use super::tls::MutualTls;
use crate::api::Str;
use crate::api::networking::destination_rule::{ClientTls, ClientTlsMode, ProxyProtocol};
use crate::model::destination_rule::EffectivePolicy;
use crate::model::{ProxyKind, Registry, Service};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::core::v3::{
    ProxyProtocolConfig, TransportSocket, proxy_protocol_config::Version,
};
use crate::proto::envoy::envoy::extensions::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport;
use crate::translate::cluster::outbound::Client;
use crate::translate::cluster::tls::plain_text;
use crate::translate::common::credential::CONFIG_MAP;
use crate::translate::common::extension::transport_socket;

/// Who is spoken to, by whom.
#[derive(Clone, Debug)]
pub struct Peer<'a> {
    /// The service.
    pub service: &'a Service,
    /// The client.
    pub client: &'a Client,
    /// What the mesh decides.
    pub policy: &'a Policy,
    /// The server name by which the mesh knows the cluster.
    pub sni: String,
    /// The identities that the server may have, sorted; any when empty.
    pub identities: Vec<Str>,
    /// mTLS is spoken to those who take it.
    pub auto_mtls: bool,
    /// Endpoints cannot be told apart: the client chose the address.
    pub original_dst: bool,
    /// The rule is for selected workloads.
    pub selected: bool,
}

/// How connections are secured.
enum Means<'a> {
    Not,
    /// By mTLS, with those who say that they take it.
    Choice(MutualTls),
    /// By mTLS with the certificates of the mesh.
    Mesh(MutualTls),
    /// By TLS with other certificates.
    Other(Cow<'a, ClientTls>),
}

/// Secures a cluster. What is asked of HTTP for that goes to its options, whose version is decided.
pub fn secure(
    cluster: &mut Cluster,
    http: &mut HttpOptions,
    peer: &Peer<'_>,
    settings: EffectivePolicy<'_>,
) {
    let http2 = http.version == HttpVersion::Two;
    match peer.means(settings.tls, http2, &cluster.name) {
        Means::Not => {}
        Means::Choice(tls) => cluster.transport_socket_matches = tls.transport_socket_matches(),
        Means::Mesh(tls) => cluster.transport_socket = Some(tls.transport_socket()),
        Means::Other(settings) => {
            http.upstream = from_request(&settings);
            let own = &settings.subject_alt_names;
            let by_service = own.is_empty() && peer.service.registry == Registry::External;
            let origination = Origination {
                settings: &settings,
                names: if by_service { &peer.identities } else { own },
                http2,
                defaults: &peer.policy.tls,
                compliance: peer.policy.compliance,
                secrets: &peer.client.secrets,
            };
            cluster.transport_socket = origination.transport_socket();
        }
    }
    if let Some(protocol) = settings.proxy_protocol {
        announce(cluster, protocol);
    }
}

impl Peer<'_> {
    fn means<'a>(&self, rule: Option<&'a ClientTls>, http2: bool, cluster: &str) -> Means<'a> {
        let Some(rule) = rule else { return self.automatic(http2) };
        let own = self.client.secrets.client_files.as_ref();
        let by_rule = self.policy.external_tls_by_rule && self.service.mesh_external;
        match rule.mode {
            ClientTlsMode::Disable => return Means::Not,
            ClientTlsMode::Simple => return self.other(rule),
            ClientTlsMode::Mutual | ClientTlsMode::IstioMutual => {}
        }
        if own.is_some() && !by_rule {
            return Means::Other(Cow::Owned(self.with_own_files(
                rule.subject_alt_names.clone(),
                &rule.sni,
                rule.insecure_skip_verify,
            )));
        }
        if rule.mode == ClientTlsMode::Mutual {
            return self.other(rule);
        }
        // A client with certificates of its own has none of the mesh's identities to expect.
        let (sni, identities) = match own {
            Some(_) => (cluster, &[][..]),
            None => (&*self.sni, &*self.identities),
        };
        let names = &rule.subject_alt_names;
        Means::Mesh(MutualTls {
            sni: if rule.sni.is_empty() { sni } else { &rule.sni }.to_owned(),
            identities: if names.is_empty() { identities } else { names }.to_vec(),
            http2,
            peer_alpn: self.client.peer_alpn,
            compliance: self.policy.compliance,
        })
    }

    fn automatic<'a>(&self, http2: bool) -> Means<'a> {
        if !self.auto_mtls {
            return Means::Not;
        }
        if self.client.secrets.client_files.is_some() {
            let settings = self.with_own_files(self.identities.clone(), &self.sni, None);
            return Means::Other(Cow::Owned(settings));
        }
        let tls = MutualTls {
            sni: self.sni.clone(),
            identities: self.identities.clone(),
            http2,
            peer_alpn: self.client.peer_alpn,
            compliance: self.policy.compliance,
        };
        if self.original_dst { Means::Mesh(tls) } else { Means::Choice(tls) }
    }

    /// As a rule says. Sidecars have no part in a credential of a rule that does not select them: most of them could not
    /// read it, and would wait for it.
    fn other<'a>(&self, rule: &'a ClientTls) -> Means<'a> {
        let name = &rule.credential_name;
        let secret = !name.is_empty() && !name.starts_with(CONFIG_MAP);
        if secret && self.client.kind == ProxyKind::Sidecar && !self.selected {
            return Means::Not;
        }
        Means::Other(Cow::Borrowed(rule))
    }

    /// Mutual TLS with the files that the client has instead of the mesh's certificates.
    fn with_own_files(&self, names: Vec<Str>, sni: &str, insecure: Option<bool>) -> ClientTls {
        let files = self.client.secrets.client_files.as_deref().cloned().unwrap_or_default();
        ClientTls {
            mode: ClientTlsMode::Mutual,
            client_certificate: files.certificate,
            private_key: files.key,
            ca_certificates: files.roots,
            subject_alt_names: names,
            sni: sni.into(),
            insecure_skip_verify: insecure,
            ..ClientTls::default()
        }
    }
}

/// Tells the client's address before everything else.
fn announce(cluster: &mut Cluster, protocol: &ProxyProtocol) {
    use crate::api::networking::destination_rule::ProxyProtocolVersion;
    let version = match protocol.version {
        ProxyProtocolVersion::V1 => Version::V1,
        ProxyProtocolVersion::V2 => Version::V2,
    };
    let wrap = |inner: TransportSocket| {
        let transport = ProxyProtocolUpstreamTransport {
            config: Some(ProxyProtocolConfig {
                version: version.into(),
                ..ProxyProtocolConfig::default()
            }),
            transport_socket: Some(inner),
            ..ProxyProtocolUpstreamTransport::default()
        };
        transport_socket("envoy.transport_sockets.upstream_proxy_protocol", encode::any(&transport))
    };
    if cluster.transport_socket.is_none() && cluster.transport_socket_matches.is_empty() {
        cluster.transport_socket = Some(plain_text());
    }
    cluster.transport_socket = cluster.transport_socket.take().map(wrap);
    for choice in &mut cluster.transport_socket_matches {
        choice.transport_socket = choice.transport_socket.take().map(wrap);
    }
}
