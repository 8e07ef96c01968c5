//! A look by HTTP, over TLS too.

use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::{HOST, LOCATION};
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::Target;

/// How much of a body is read, as by the kubelet.
const BODY: usize = 10 * 1024;

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// Headers of a connection, which are not those of the request that goes on.
const OF_CONNECTION: [&str; 5] =
    ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCheck {
    /// To whom.
    pub target: Target,
    /// Over TLS.
    pub tls: bool,
    /// The path, with a query.
    pub path: String,
    /// Headers; `Host` among them says for whom.
    pub headers: Vec<(String, String)>,
}

/// What was answered, after all redirects that are followed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The beginning of the body.
    pub body: Bytes,
}

impl HttpCheck {
    /// Asks once.
    ///
    /// # Errors
    /// When there is no answer, or no end of redirects.
    pub async fn get(&self) -> anyhow::Result<Answer> {
        let mut check = self.clone();
        for _ in 0..=REDIRECTS {
            let (answer, location) = check.ask().await?;
            let next = location.filter(|_| answer.status.is_redirection());
            match next.and_then(|location| check.redirected(&location)) {
                Some(next) => check = next,
                None => return Ok(answer),
            }
        }
        bail!("stopped after {REDIRECTS} redirects")
    }

    /// The request to which a redirect leads; None where it leads to another host, or nowhere.
    fn redirected(&self, location: &str) -> Option<HttpCheck> {
        let uri: Uri = location.parse().ok()?;
        let path = uri.path_and_query()?.to_string();
        let mut next = HttpCheck { path, ..self.clone() };
        if let Some(host) = uri.host() {
            if host.trim_matches(['[', ']']) != self.target.host {
                return None;
            }
            next.tls = uri.scheme_str() == Some("https");
            next.target.port = uri.port_u16().unwrap_or(if next.tls { 443 } else { 80 });
        } else if !location.starts_with('/') {
            return None;
        }
        Some(next)
    }

    async fn ask(&self) -> anyhow::Result<(Answer, Option<String>)> {
        let stream = self.target.connect().await?;
        if !self.tls {
            return self.over_http1(stream).await;
        }
        let name = ServerName::try_from(self.target.host.clone())
            .with_context(|| format!("{:?} is no name of a server", self.target.host))?;
        let connector = TlsConnector::from(Arc::new(unverified()?));
        let stream = connector.connect(name, stream).await.context("TLS")?;
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => {
                let io = TokioIo::new(stream);
                let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                let request = self.request(&format!("https://{}", self.target.authority()))?;
                driven(connection, sender.send_request(request)).await
            }
            _ => self.over_http1(stream).await,
        }
    }

    async fn over_http1<S>(&self, stream: S) -> anyhow::Result<(Answer, Option<String>)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = self.request("")?;
        driven(connection, sender.send_request(request)).await
    }

    fn request(&self, base: &str) -> anyhow::Result<Request<Empty<Bytes>>> {
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        let mut request = Request::get(format!("{base}{slash}{}", self.path));
        let mut host = None;
        for (name, value) in &self.headers {
            let lower = name.to_ascii_lowercase();
            if lower == "host" {
                host = Some(value.clone());
            } else if !OF_CONNECTION.contains(&lower.as_str()) {
                let name = HeaderName::try_from(lower).with_context(|| name.clone())?;
                let value = HeaderValue::try_from(value).with_context(|| name.to_string())?;
                request = request.header(name, value);
            }
        }
        if base.is_empty() {
            request = request.header(HOST, host.unwrap_or_else(|| self.target.authority()));
        }
        Ok(request.body(Empty::new())?)
    }
}

/// Waits for an answer and the beginning of its body, while the connection is driven.
async fn driven<C, R>(connection: C, response: R) -> anyhow::Result<(Answer, Option<String>)>
where
    C: Future<Output = hyper::Result<()>> + Send + 'static,
    R: Future<Output = hyper::Result<http::Response<Incoming>>>,
{
    let connection = tokio::spawn(connection);
    let answered = async {
        let response = response.await?;
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status();
        let body = beginning(response.into_body()).await;
        anyhow::Ok((Answer { status, body }, location))
    };
    let answered = answered.await;
    connection.abort();
    answered
}

/// What comes of a body; one that breaks off is as good as its beginning.
async fn beginning(mut body: Incoming) -> Bytes {
    let mut read = Vec::new();
    while read.len() < BODY && !body.is_end_stream() {
        let Some(Ok(frame)) = body.frame().await else { break };
        read.extend(frame.into_data().unwrap_or_default());
    }
    read.truncate(BODY);
    read.into()
}

/// TLS with whoever answers.
fn unverified() -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Takes every certificate: what is looked at is on this machine, and often has one that nobody vouches for.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
