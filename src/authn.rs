//! Who a client is: what it presents, and the methods that prove something by it.
//!
//! The methods are tried in istiod's order (client certificate, JWT, Kubernetes token, word of a trusted gateway, token
//! of the cluster's issuer) and the first that succeeds decides. Owns verification; what a verified [`Caller`] may do is decided where it would be
//! done. Nothing of a request's body is looked at here, and no error or log carries a token.

pub mod bearer;
mod forwarded;
pub mod jwt;
pub mod local;
pub mod review;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;
use tokio::sync::watch;

use self::bearer::{Claims, Token};
use self::local::TokenKey;
use self::review::Reviewer;
use crate::api::cidr::Cidr;
use crate::api::{MeshConfig, Str};
use crate::model::Caller;
use crate::model::caller::{Method, PodClaims};
use crate::model::identity::spiffe;

/// How far clocks may differ, in seconds.
const LEEWAY: f64 = 60.0;

/// What a client presents with a request.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Its address.
    pub peer: SocketAddr,
    /// The identities in its certificate, which was verified by the handshake; empty without one.
    pub certificate: Arc<[Str]>,
    /// The headers of the request.
    pub headers: HeaderMap,
}

/// The methods beside client certificates that are in force.
#[derive(Debug, Default)]
pub struct Methods {
    /// Tokens of an issuer (JWT_RULE).
    pub issuer: Option<jwt::Issuer>,
    /// Tokens of this control plane.
    pub local: Option<TokenKey>,
    /// Tokens that an API server knows.
    pub review: Option<Reviewer>,
    /// Tokens of the cluster's issuer, where the API server cannot be asked about them (TOKEN_ISSUER).
    pub outside: Option<jwt::Issuer>,
    /// Who may forward certificates (TRUSTED_GATEWAY_CIDR); without any, nobody is asked for that.
    pub gateways: Vec<Cidr>,
    /// Audiences that tokens must be for (TOKEN_AUDIENCES).
    pub audiences: Vec<String>,
    /// The mesh, for its trust domain.
    pub mesh: Option<watch::Receiver<Arc<MeshConfig>>>,
}

/// Recognises clients. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Authenticator {
    methods: Arc<Methods>,
}

/// Why nobody was recognised: what each method that was tried says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// In the order in which they were tried.
    pub reasons: Vec<(Method, String)>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (method, reason)) in self.reasons.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {reason}", method.name())?;
        }
        Ok(())
    }
}

impl Authenticator {
    /// By these methods.
    pub fn new(methods: Methods) -> Authenticator {
        Authenticator { methods: Arc::new(methods) }
    }

    /// Who presents this.
    ///
    /// # Errors
    /// When no method recognises it.
    pub async fn authenticate(&self, presented: &Credentials) -> Result<Caller, Refused> {
        let methods = &self.methods;
        let mut reasons = Vec::new();
        match certificate(presented) {
            Ok(caller) => return Ok(caller),
            Err(reason) => reasons.push((Method::Certificate, reason)),
        }
        let token = Token::of(&presented.headers);
        if methods.local.is_some() || methods.issuer.is_some() {
            match token.clone().and_then(|token| methods.jwt(token)) {
                Ok(caller) => return Ok(caller),
                Err(reason) => reasons.push((Method::Jwt, reason)),
            }
        }
        if let Some(review) = &methods.review {
            let reviewed = match token.clone() {
                Ok(token) => review.caller(token, presented).await,
                Err(reason) => Err(reason),
            };
            match reviewed {
                Ok(caller) => return Ok(caller),
                Err(reason) => reasons.push((Method::TokenReview, reason)),
            }
        }
        if !methods.gateways.is_empty() {
            let (peer, headers) = (presented.peer.ip(), &presented.headers);
            match forwarded::identities(&methods.gateways, peer, headers) {
                Ok(identities) => return Ok(of(identities, Method::ForwardedCertificate)),
                Err(reason) => reasons.push((Method::ForwardedCertificate, reason)),
            }
        }
        if let Some(issuer) = &methods.outside {
            match token.and_then(|token| methods.outside(issuer, token)) {
                Ok(caller) => return Ok(caller),
                Err(reason) => reasons.push((Method::Jwt, reason)),
            }
        }
        Err(Refused { reasons })
    }
}

impl Methods {
    /// By a token of the cluster's issuer.
    fn outside(&self, issuer: &jwt::Issuer, token: Token<'_>) -> Result<Caller, String> {
        let unknown = || format!("the token is not of the issuer {}", issuer.rule.issuer);
        let claims = issuer.claims(token).ok_or_else(unknown)??;
        self.owner(&claims, &issuer.rule.audiences)
    }

    /// By a token that is verified here.
    fn jwt(&self, token: Token<'_>) -> Result<Caller, String> {
        if let Some(issuer) = &self.issuer
            && let Some(claims) = issuer.claims(token)
        {
            return self.owner(&claims?, &issuer.rule.audiences);
        }
        let local = self.local.as_ref().and_then(|key| key.claims(token));
        let claims = local.unwrap_or_else(|| Err("the token is of no known issuer".to_owned()))?;
        self.owner(&claims, &self.audiences)
    }

    /// The owner of a token that was verified, if it is valid now and for one of these audiences, if there are any.
    fn owner(&self, claims: &Claims, audiences: &[String]) -> Result<Caller, String> {
        claims.check_times(now(), LEEWAY)?;
        if !audiences.is_empty() && !claims.aud.has_any(audiences) {
            return Err(format!("the token is for none of the audiences {audiences:?}"));
        }
        let (namespace, account) = claims.service_account()?;
        let mesh = self.mesh.as_ref().map(|mesh| mesh.borrow().clone()).unwrap_or_default();
        Ok(of(vec![spiffe(&mesh.trust_domain, namespace, account)], Method::Jwt))
    }
}

/// The time as tokens tell it, in seconds.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of this age are exact")]
fn now() -> f64 {
    Timestamp::now().as_millisecond() as f64 / 1000.0
}

/// By the certificate of the connection.
fn certificate(presented: &Credentials) -> Result<Caller, String> {
    if presented.certificate.is_empty() {
        return Err("none was presented".to_owned());
    }
    Ok(of(presented.certificate.to_vec(), Method::Certificate))
}

fn of(identities: Vec<Str>, method: Method) -> Caller {
    Caller { identities, method, pod: PodClaims::default(), cluster: None }
}

#[cfg(test)]
mod tests;
