//! The certificate of the control plane where it has none in files: signed by the own CA, or by a signer of Kubernetes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use crate::api::Str;
use crate::backoff::Backoff;
use crate::ca::authority::State;
use crate::ca::certificate::Certificate;
use crate::ca::issuer::Issuer;
use crate::ca::key::Key;
use crate::ca::registration::{Order, Purposes, Registration, signed};
use crate::serve::tls::Identity;

/// How long a certificate of the own CA is valid, unless the CA ends before. It is renewed after half of that.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// Before a signer is asked again that did not sign; each next wait is twice as long, up to the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Who signs it.
pub enum Signs {
    /// The own CA.
    Ca(watch::Receiver<State>),
    /// A signer of Kubernetes (PILOT_CERT_PROVIDER=k8s.io/…).
    Signer(Box<Signer>),
}

/// A signer of Kubernetes.
pub struct Signer {
    /// His full name.
    pub name: String,
    /// Where requests are registered, and his roots are known.
    pub registration: Registration,
    /// How long the certificate shall be valid.
    pub lifetime: Duration,
}

/// The certificate, while it fits.
pub struct Own {
    signs: Signs,
    current: Option<Current>,
    backoff: Backoff,
    /// Until when nobody is asked again, and why.
    failed: Option<(Instant, String)>,
}

/// A certificate, and what it was made for.
struct Current {
    by: By,
    hosts: Vec<String>,
    key: Key,
    chain: Vec<CertificateDer<'static>>,
    renew: Timestamp,
}

/// By what it was signed: with another one it is made anew.
#[derive(Clone)]
enum By {
    Ca(Arc<Issuer>),
    Roots(Str),
}

impl PartialEq for By {
    fn eq(&self, other: &By) -> bool {
        match (self, other) {
            (By::Ca(a), By::Ca(b)) => Arc::ptr_eq(a, b),
            (By::Roots(a), By::Roots(b)) => a == b,
            _ => false,
        }
    }
}

impl Own {
    /// Signed by this one.
    pub fn new(signs: Signs) -> Own {
        let (first, longest) = RETRY;
        Own { signs, current: None, backoff: Backoff::new(first, longest), failed: None }
    }

    /// The certificate for these hosts, and the roots by which it is known, in PEM; None as long as there is nobody to
    /// sign it.
    ///
    /// # Errors
    /// When it is not signed, and the one before does not do any more.
    pub async fn identity(
        &mut self,
        hosts: Vec<String>,
    ) -> Result<Option<(Identity, Str)>, String> {
        let Some(by) = self.by()? else { return Ok(None) };
        let now = Timestamp::now();
        let fits = |own: &&Current| own.by == by && own.hosts == hosts && now < own.renew;
        if self.current.as_ref().filter(fits).is_none()
            && let Err(why) = self.renew(by, hosts, now).await
            && self.current.is_none()
        {
            return Err(why);
        }
        let own = self.current.as_ref().ok_or("there is no certificate")?;
        let roots = match &own.by {
            By::Ca(issuer) => issuer.root_pem.as_str().into(),
            By::Roots(roots) => roots.clone(),
        };
        Ok(Some((Identity { chain: own.chain.clone(), key: own.key.for_tls()? }, roots)))
    }

    fn by(&self) -> Result<Option<By>, String> {
        match &self.signs {
            // It is told elsewhere why there is no CA yet.
            Signs::Ca(ca) => Ok(ca.borrow().issuer().cloned().map(By::Ca)),
            Signs::Signer(signer) => {
                let roots = signer.registration.roots().borrow().configured(&signer.name);
                let roots = roots.ok_or_else(|| {
                    format!(
                        "caCertificates of the mesh configuration has no roots of the signer {}",
                        signer.name
                    )
                })?;
                Ok(Some(By::Roots(roots)))
            }
        }
    }

    /// A new one. What fails is told, and not tried again at once.
    async fn renew(&mut self, by: By, hosts: Vec<String>, now: Timestamp) -> Result<(), String> {
        if let Some((until, why)) = &self.failed
            && Instant::now() < *until
        {
            return Err(why.clone());
        }
        match self.sign(by, hosts, now).await {
            Ok(current) => {
                self.current = Some(current);
                self.failed = None;
                self.backoff.reset();
                Ok(())
            }
            Err(why) => {
                if self.current.is_some() {
                    warn!("the certificate of the control plane is not renewed: {why}");
                }
                self.failed = Some((Instant::now() + self.backoff.wait(), why.clone()));
                Err(why)
            }
        }
    }

    async fn sign(&self, by: By, hosts: Vec<String>, now: Timestamp) -> Result<Current, String> {
        let key = Key::p256()?;
        let (chain, end) = match (&self.signs, &by) {
            (Signs::Signer(signer), By::Roots(roots)) => {
                let request = key.request(&hosts)?;
                let order = Order {
                    request: &request,
                    signer: &signer.name,
                    purposes: Purposes::Server,
                    lifetime: signer.lifetime,
                    for_whom: &hosts.join(","),
                };
                let text = signer.registration.kubernetes().sign(order).await?;
                let signed = signed(&text, &key.public(), Some(roots));
                let signed = signed.map_err(|error| error.to_string())?;
                let end = signed.leaf.not_after;
                ([signed.leaf].into_iter().chain(signed.between).collect(), end)
            }
            (_, By::Ca(issuer)) => {
                let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
                let issued = issuer.issue(&key.public(), &names, LIFETIME, now);
                let issued = issued.map_err(|error| error.to_string())?;
                // Clients have the roots, which come last.
                let sent = issued.chain.split_last().map_or(&[][..], |(_, sent)| sent);
                (Certificate::all(&sent.concat())?, issued.not_after)
            }
            (Signs::Ca(_), By::Roots(_)) => return Err("there is no signer".to_owned()),
        };
        let half = end.duration_since(now) / 2;
        let renew = now.checked_add(half).map_err(|error| error.to_string())?;
        let chain = chain.into_iter().map(|certificate| certificate.der).collect();
        Ok(Current { by, hosts, key, chain, renew })
    }
}
