//! Who the agent is to the CA: a token, or a certificate that it has already.
//!
//! Files are read anew for each request, because the kubelet exchanges tokens. Like istio-agent, the agent presents
//! everything that it has, and the CA takes what it trusts. A token never shows itself in logs.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, bail};
use tracing::warn;

use super::material::Identity;

/// Where credentials are.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// A file with a token.
    pub token: PathBuf,
    /// Files with a certificate chain and its key (of PROV_CERT).
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// What is presented to the CA: one of both at least.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The token.
    pub token: Option<Token>,
    /// The certificate.
    pub certificate: Option<Identity>,
}

/// A bearer token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Its text, for those who may have it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

impl Credentials {
    /// What there is to present now. A machine whose token is gone, such as one that booted again, goes on with the
    /// certificate that it was issued last.
    pub fn present(&self, issued: Option<&Identity>, now: SystemTime) -> anyhow::Result<Presented> {
        let token = self.read_token()?;
        let provided = self.certificate.as_ref().and_then(|(chain, key)| {
            let read = Identity::read(chain, key);
            let usable = read.and_then(|identity| match identity.has_ended(now) {
                true => bail!("{}: the certificate has ended", chain.display()),
                false => Ok(identity),
            });
            usable.inspect_err(|error| warn!("no certificate for the CA: {error:#}")).ok()
        });
        let current = || issued.filter(|identity| !identity.has_ended(now)).cloned();
        let certificate = match &token {
            Some(_) => provided,
            None => provided.or_else(current),
        };
        if token.is_none() && certificate.is_none() {
            let also = match &self.certificate {
                Some((chain, _)) => format!(", nor a certificate in {}", chain.display()),
                None => ", and PROV_CERT names no directory with a certificate".to_owned(),
            };
            bail!(
                "nothing to present to the CA: there is no token in {}{also}",
                self.token.display()
            );
        }
        Ok(Presented { token, certificate })
    }

    fn read_token(&self) -> anyhow::Result<Option<Token>> {
        match std::fs::read_to_string(&self.token) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(Token(text.trim().to_owned()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| self.token.display().to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
