//! Connections to servers of documents: the address that is connected to is the one that was judged.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tower::Service;

use super::address::Addresses;

/// How long one address may take. A server with several is not given up for one that does not answer.
const CONNECT: Duration = Duration::from_secs(2);

/// Connects to the host of a URL.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    /// Where it may connect to.
    pub addresses: Addresses,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let addresses = self.addresses.clone();
        Box::pin(async move { connect(&uri, &addresses).await.map(TokioIo::new) })
    }
}

async fn connect(uri: &Uri, addresses: &Addresses) -> io::Result<TcpStream> {
    let host = uri.host().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let by_scheme = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(by_scheme);
    let found = lookup_host((host, port)).await?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in found {
        match try_one(address, addresses).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn try_one(address: SocketAddr, addresses: &Addresses) -> io::Result<TcpStream> {
    let ip: IpAddr = address.ip();
    addresses.check(ip).map_err(|why| io::Error::new(io::ErrorKind::PermissionDenied, why))?;
    match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(connected) => {
            connected.map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
        }
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("{address} did not answer within {CONNECT:?}"),
        )),
    }
}
