//! Certificates that signers of Kubernetes sign: this process only vouches for who asks.
//!
//! ```text
//!  request ─► form: asks for what was proven, and nothing else ─► kubernetes: CertificateSigningRequest
//!                                      answer ◄─ chain: leads to a root that agents are told ◄─┘
//! ```
//!
//! A signer puts into a certificate what its request says, so a request is compared to the last byte with what it may
//! say before it is registered.

mod chain;
mod form;
mod kubernetes;
mod roots;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;

pub use self::chain::{Signed, signed};
pub use self::kubernetes::{Kubernetes, Order, Purposes};
pub use self::roots::SignerRoots;
use super::Error;
use super::authority::Lifetimes;
use super::issuer::Issued;
use super::request::Request;
use super::signatory::Asked;

/// Which signer signs what.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    /// What names that clients give are below (CERT_SIGNER_DOMAIN); empty where they may give none.
    pub domain: String,
    /// Who signs where a client gives none (K8S_SIGNER).
    pub default: String,
}

/// Registers requests. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Registration {
    kubernetes: Kubernetes,
    signers: Arc<Signers>,
    lifetimes: Lifetimes,
    roots: watch::Receiver<Arc<SignerRoots>>,
}

impl Registration {
    /// With the API server of this client.
    pub fn new(
        client: Client,
        signers: Signers,
        lifetimes: Lifetimes,
        roots: watch::Receiver<Arc<SignerRoots>>,
    ) -> Registration {
        let (kubernetes, signers) = (Kubernetes::new(client), Arc::new(signers));
        Registration { kubernetes, signers, lifetimes, roots }
    }

    /// A certificate of the signer that is asked for.
    ///
    /// # Errors
    /// When the request is not what the caller may ask for, or the signer does not do his part.
    pub async fn issue(&self, asked: &Asked) -> Result<Issued, Error> {
        let signer = self.signers.named(&asked.signer)?;
        let request = Request::parse(&asked.request).map_err(Error::Request)?;
        if !form::asks_only_for(&request, &asked.names) {
            return Err(Error::Request("unable to validate SAN Identities in CSR".to_owned()));
        }
        let order = Order {
            request: &asked.request,
            signer: &signer,
            purposes: Purposes::Workload,
            lifetime: self.lifetimes.of(asked.seconds)?,
            for_whom: &asked.names.join(", "),
        };
        let text = self.kubernetes.sign(order).await.map_err(Error::Sign)?;
        let roots = self.roots.borrow().of(&signer);
        Ok(signed(&text, &request.public_key, roots.as_deref())?.issued())
    }

    /// What registers requests of others than workloads.
    pub fn kubernetes(&self) -> &Kubernetes {
        &self.kubernetes
    }

    /// The roots of signers, and tells when they change.
    pub fn roots(&self) -> watch::Receiver<Arc<SignerRoots>> {
        self.roots.clone()
    }
}

impl Signers {
    /// The full name of the signer that a client wants.
    fn named(&self, wanted: &str) -> Result<String, Error> {
        match (wanted, self.domain.as_str(), self.default.as_str()) {
            ("", _, "") => Err(Error::Sign(
                "there is no signer: K8S_SIGNER is empty, and the client names none (ISTIO_META_CERT_SIGNER)"
                    .to_owned(),
            )),
            ("", _, default) => Ok(default.to_owned()),
            (wanted, "", _) => {
                Err(Error::Sign(format!("certSignerDomain is required for signer {wanted}")))
            }
            (wanted, domain, _) => Ok(format!("{domain}/{wanted}")),
        }
    }
}

/// How long a signer may take.
const SIGNED: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
