//! The kinds of `security.istio.io`: what users write to say who may talk to whom.
//!
//! One file a kind, as in [`networking`](super::networking): its types as the CRD spells them, and in a module below it
//! what its objects must satisfy.
//! Fields are named and defaulted as in Istio's reference (<https://istio.io/latest/docs/reference/config/security/>).

pub mod authorization_policy;
pub mod peer_authentication;
pub mod request_authentication;

pub use self::authorization_policy::AuthorizationPolicy;
pub use self::peer_authentication::PeerAuthentication;
pub use self::request_authentication::RequestAuthentication;
