use std::net::{Ipv4Addr, SocketAddr};

use super::bind;

#[tokio::test]
async fn all_addresses_include_those_of_ipv4() {
    let listener = bind("--grpcAddr", "[::]:0".parse().unwrap()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    let (accepted, connected) = tokio::join!(listener.accept(), client);
    assert!(accepted.is_ok() && connected.is_ok());
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_flag() {
    let first = bind("--httpAddr", SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = bind("--grpcAddr", address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("--grpcAddr {address}: cannot listen there"));
}
