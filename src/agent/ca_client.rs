//! The CA: `istio.v1.auth.IstioCertificateService/CreateCertificate`.
//!
//! A connection for each request. Requests are rare, and so the roots by which the CA is verified and the
//! credentials are always those of now. Owns deadlines; trying again is `renewal`'s.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail, ensure};
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::client::Grpc;
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::bootstrap::Address;
use super::credentials::{Credentials, Presented};
use super::material::Roots;
use super::renewal::{Authority, Issued};
use crate::proto::certificates::{IstioCertificateRequest, IstioCertificateResponse};
use crate::proto::envoy::google::protobuf::{Struct, Value, value};

const METHOD: &str = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

/// From the look-up of the address to the answer. The CA may have to ask others: Kubernetes of a token, or a signer.
const DEADLINE: Duration = Duration::from_secs(20);

/// Of an answer: a chain and a bundle of roots are some kilobytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Where the CA is, and how it is asked.
#[derive(Clone, Debug)]
pub struct CaClient {
    /// Its address.
    pub address: Address,
    /// How it is reached over TLS; in plaintext without.
    pub tls: Option<Tls>,
    /// What is presented to it.
    pub credentials: Credentials,
    /// The cluster whose tokens these are.
    pub cluster: String,
    /// The signer that is asked for; the CA's own if empty.
    pub signer: String,
    /// What is said with each request: names and values.
    pub headers: Vec<(String, String)>,
    /// How long certificates shall live.
    pub ttl: Duration,
}

/// How the CA is verified.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The name that its certificate must have.
    pub server_name: String,
    /// The file with the roots.
    pub roots: PathBuf,
    /// Whether these are the roots of the mesh, of which those that come with certificates are newer.
    pub of_mesh: bool,
}

impl Authority for CaClient {
    async fn sign(&self, csr: String, issued: Option<Arc<Issued>>) -> anyhow::Result<Vec<String>> {
        let what = format!("the CA at {}", self.address);
        let asked = tokio::time::timeout(DEADLINE, self.ask(csr, issued)).await;
        asked.with_context(|| format!("{what}: no answer within {DEADLINE:?}"))?.context(what)
    }
}

impl CaClient {
    async fn ask(&self, csr: String, issued: Option<Arc<Issued>>) -> anyhow::Result<Vec<String>> {
        let (channel, presented) = self.open(issued.as_deref()).await?;
        let mut client = Grpc::new(channel).max_decoding_message_size(MAX_ANSWER);
        client.ready().await.context("the connection was lost")?;
        let path = PathAndQuery::from_static(METHOD);
        let request = self.request(csr, &presented)?;
        let answer = client.unary(request, path, ProstCodec::default()).await.map_err(refused)?;
        let IstioCertificateResponse { cert_chain } = answer.into_inner();
        ensure!(
            cert_chain.len() >= 2,
            "the answer has {} certificates: a leaf and a root are needed",
            cert_chain.len()
        );
        Ok(cert_chain)
    }

    fn request(
        &self,
        csr: String,
        presented: &Presented,
    ) -> anyhow::Result<Request<IstioCertificateRequest>> {
        let signer = Value { kind: Some(value::Kind::StringValue(self.signer.clone())) };
        let metadata = Struct { fields: [("CertSigner".to_owned(), signer)].into() };
        let mut request = Request::new(IstioCertificateRequest {
            csr,
            validity_duration: i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX),
            metadata: Some(metadata),
        });
        self.introduce(presented, request.metadata_mut())?;
        Ok(request)
    }

    /// Opens a connection. What is presented by it is returned, for [`CaClient::introduce`].
    pub(super) async fn open(
        &self,
        issued: Option<&Issued>,
    ) -> anyhow::Result<(Channel, Presented)> {
        let identity = issued.map(|issued| &issued.identity);
        let presented = self.credentials.present(identity, SystemTime::now())?;
        let channel = self.connect(&presented, issued.map(|issued| &issued.roots)).await?;
        Ok((channel, presented))
    }

    /// Says with a request who asks.
    pub(super) fn introduce(
        &self,
        presented: &Presented,
        headers: &mut MetadataMap,
    ) -> anyhow::Result<()> {
        let own = ("ClusterID".to_owned(), self.cluster.clone());
        for (name, value) in self.headers.iter().chain([&own]) {
            let what = || format!("the header {name}");
            let key = MetadataKey::from_bytes(name.to_lowercase().as_bytes());
            headers.insert(key.with_context(what)?, value.parse().with_context(what)?);
        }
        if let Some(token) = &presented.token {
            let value = format!("Bearer {}", token.expose());
            // The cause is left out: it could tell of the token.
            let mut value: MetadataValue<_> =
                value.parse().ok().context("the token has characters that no header can have")?;
            value.set_sensitive(true);
            headers.insert("authorization", value);
        }
        Ok(())
    }

    async fn connect(
        &self,
        presented: &Presented,
        issued: Option<&Roots>,
    ) -> anyhow::Result<Channel> {
        let tls = self.tls.as_ref().map(|tls| tls.connector(presented, issued)).transpose()?;
        let Address::Tcp(host, port) = self.address.clone() else {
            bail!("HOST:PORT is needed");
        };
        // The scheme would ask for TLS of tonic's own; the connector has done it.
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?;
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        stream.set_nodelay(true)?;
        match tls {
            None => over(&endpoint, stream).await,
            Some((connector, name)) => {
                let stream: TlsStream<_> = connector.connect(name, stream).await.context("TLS")?;
                over(&endpoint, stream).await
            }
        }
    }
}

impl Tls {
    fn connector(
        &self,
        presented: &Presented,
        issued: Option<&Roots>,
    ) -> anyhow::Result<(TlsConnector, ServerName<'static>)> {
        let read = Roots::read(&self.roots).context("the roots that the CA is verified by");
        let roots = match (read, issued.filter(|_| self.of_mesh)) {
            (Ok(read), Some(issued)) => read.and(issued)?,
            (Err(_), Some(issued)) => issued.clone(),
            (read, None) => read?,
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.store());
        let mut config = match &presented.certificate {
            Some(identity) => {
                let (chain, key) = identity.presentable()?;
                builder.with_client_auth_cert(chain, key)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from(self.server_name.clone())
            .with_context(|| format!("{:?} is no name of a server", self.server_name))?;
        Ok((TlsConnector::from(Arc::new(config)), name))
    }
}

/// A channel over a connection that is open already. It is not opened again: a request that failed comes with new
/// credentials.
async fn over<S>(endpoint: &Endpoint, stream: S) -> anyhow::Result<Channel>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_| {
        let stream = stream.take().ok_or_else(|| std::io::Error::other("the connection was lost"));
        std::future::ready(stream)
    });
    endpoint.connect_with_connector(connector).await.context("HTTP/2")
}

pub(super) fn refused(status: Status) -> anyhow::Error {
    anyhow::anyhow!("{:?}: {}", status.code(), status.message())
}

#[cfg(test)]
mod tests;
