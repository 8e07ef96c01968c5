//! Who may open a stream: the client is recognised, and must be the proxy that it says it is.
//!
//! Three sorts of clients are told apart: a verified [`Caller`]; one that nobody asked, because it came in plaintext
//! or the operator switched asking off, which has no identity; and one that was asked and could not prove anything,
//! which gets no further.

use std::sync::Arc;

use tonic::Status;

use super::transport::Transport;
use crate::authn::{Authenticator, Credentials};
use crate::model::identity::Spiffe;
use crate::model::{Caller, Proxy};

/// The rules for streams.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// How clients are recognised.
    pub authenticator: Authenticator,
    /// Those that come over TLS must be recognised (XDS_AUTH).
    pub tls: bool,
    /// Those that come in plaintext must be recognised (XDS_AUTH_PLAINTEXT).
    pub plaintext: bool,
    /// A recognised client must be who its node says (PILOT_ENABLE_XDS_IDENTITY_CHECK).
    pub identity: bool,
}

impl Access {
    /// Who comes. None for a client that nobody asks.
    pub async fn caller(
        &self,
        transport: &Transport,
        presented: &Credentials,
    ) -> Result<Option<Arc<Caller>>, Status> {
        let asked = if transport.is_tls() { self.tls } else { self.plaintext };
        if !asked {
            transport.prove();
            return Ok(None);
        }
        let verified = self.authenticator.authenticate(presented).await;
        let caller = verified.map_err(|refused| {
            Status::unauthenticated(format!("authentication failure: {refused}"))
        })?;
        transport.prove();
        Ok(Some(Arc::new(caller)))
    }

    /// The identity with which a client is this proxy. None where nothing was verified: then it has none.
    pub fn identity(
        &self,
        caller: Option<&Caller>,
        proxy: &Proxy,
    ) -> Result<Option<Spiffe>, Status> {
        let Some(caller) = caller.filter(|_| self.identity) else { return Ok(None) };
        let identity = caller.identity_of(proxy).ok_or_else(|| {
            let (namespace, account) = (&proxy.namespace, &proxy.service_account);
            let told = caller.identities.join(", ");
            Status::permission_denied(format!(
                "authorization failed: no identities ([{told}]) matched {namespace}/{account}"
            ))
        })?;
        Ok(Some(identity))
    }
}

#[cfg(test)]
mod tests;
