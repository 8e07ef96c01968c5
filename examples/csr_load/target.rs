//! The control plane, and how it is called.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// What a call sends.
pub type Body = BoxBody<Bytes, Infallible>;

/// A connection. Clones are the same one.
pub type Connection = http2::SendRequest<Body>;

/// The control plane.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    host: String,
    connector: TlsConnector,
    authorization: HeaderValue,
}

impl Target {
    /// At an address, with a certificate for a host from one of these roots; called with this token.
    pub fn new(address: SocketAddr, host: &str, roots: &str, token: &str) -> Result<Target> {
        let mut trusted = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(roots.as_bytes()) {
            trusted.add(root?)?;
        }
        let mut config =
            ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        // Each handshake is a whole one, as those of clients that were never here.
        config.resumption = tokio_rustls::rustls::client::Resumption::disabled();
        let mut authorization: HeaderValue = format!("Bearer {token}").parse()?;
        authorization.set_sensitive(true);
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Target { address, host: host.to_owned(), connector, authorization })
    }

    /// A new connection.
    pub async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(self.host.clone())?;
        let stream = self.connector.connect(name, stream).await.context("TLS")?;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Calls a method over a connection.
    pub async fn call(
        &self,
        connection: &mut Connection,
        method: &str,
        body: Body,
    ) -> Result<Response<Incoming>> {
        let request = Request::post(format!("https://{}/{method}", self.host))
            .header(CONTENT_TYPE, "application/grpc")
            .header(AUTHORIZATION, self.authorization.clone())
            .body(body)?;
        connection.ready().await?;
        Ok(connection.send_request(request).await?)
    }
}

/// A message as gRPC writes it.
pub fn framed(message: &impl Message) -> Result<Bytes> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.encoded_len())?.to_be_bytes());
    message.encode(&mut frame)?;
    Ok(frame.into())
}
