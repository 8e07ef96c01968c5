//! Opening the sockets that flags ask for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use tokio::net::TcpListener;

/// Listens on an address of a flag such as `--grpcAddr`, which is named where that fails. `[::]` means all
/// addresses of both families; where the system has no IPv6, those of IPv4.
pub async fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = match TcpListener::bind(address).await {
        Err(error) if address.ip().is_unspecified() && lacks_family(&error) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        listener => listener,
    };
    listener.with_context(|| format!("{flag} {address}: cannot listen there"))
}

/// Whether the system does not know the address family, or has no address of it.
fn lacks_family(error: &io::Error) -> bool {
    /// EAFNOSUPPORT of Linux, for which the standard library has no name.
    const ADDRESS_FAMILY_NOT_SUPPORTED: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(ADDRESS_FAMILY_NOT_SUPPORTED)
}

#[cfg(test)]
mod tests;
