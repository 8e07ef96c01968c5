//! Policies of `security.istio.io`, resolved: which of them apply to a workload or a gateway.

pub mod attach;
pub mod authorization;
pub mod identity;
pub mod peer;
pub mod plaintext;
pub mod ports;
pub mod request;

pub use self::authorization::AuthorizationPolicies;
