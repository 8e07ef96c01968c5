//! Certificates from 15012, asked for by a client in another language and judged by openssl.

mod accounts;
mod client;
mod embedded;
mod flood;
mod istio_agent;
mod mesh;
mod nodes;
mod signer;
mod signers;
