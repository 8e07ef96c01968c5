//! An attribute of requests, and what values of it mean for Envoy.

use super::node::Node;
use crate::api::Str;
use crate::api::cidr::Cidr;
use crate::proto::envoy::envoy::config::core::v3::CidrRange;
use crate::translate::common::address::cidr_range;

/// An attribute of requests.
pub trait Attribute {
    /// What values of it become.
    type Node: Node;

    /// Only HTTP requests have it.
    fn is_http(&self) -> bool;

    /// What these values, any of which the attribute may have, become.
    fn alternatives(&self, values: &[Str]) -> Alternatives<Self::Node>;
}

/// What several values become. None stands for values that mean nothing; validation says why.
#[derive(Debug)]
pub enum Alternatives<N> {
    /// Each for itself.
    Each(Vec<Option<N>>),
    /// All together.
    Whole(Option<N>),
}

/// Each value for itself.
pub fn each<N>(values: &[Str], node: impl Fn(&str) -> Option<N>) -> Alternatives<N> {
    Alternatives::Each(values.iter().map(|value| node(value)).collect())
}

/// A block of addresses, or one address.
pub fn block(value: &str) -> Option<CidrRange> {
    let block = Cidr::parse(value).or_else(|| Cidr::host(value))?;
    Some(cidr_range(block.address(), block.length()))
}
