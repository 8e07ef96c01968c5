//! Who signs for workloads: the CA of this process, or a signer that it registers requests with.

use super::Error;
use super::authority::Authority;
use super::desk::Desk;
use super::issuer::Issued;
use super::registration::Registration;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The request, in PEM.
    pub request: String,
    /// Whom the certificate is for: names that were proven.
    pub names: Vec<String>,
    /// For how many seconds; 0 or less stands for the default.
    pub seconds: i64,
    /// Which signer the client wants; empty for none. A CA of our own has no others.
    pub signer: String,
}

/// Who signs. Clones are the same one.
#[derive(Clone, Debug)]
pub enum Signatory {
    /// The CA of this process, and where it works.
    Own(Authority, Desk),
    /// Signers of Kubernetes.
    Kubernetes(Box<Registration>),
}

impl Signatory {
    /// A certificate.
    ///
    /// # Errors
    /// When the request is wrong or asks for too much, or nobody signs it.
    pub async fn issue(&self, asked: Asked) -> Result<Issued, Error> {
        match self {
            Signatory::Own(authority, desk) => {
                let authority = authority.clone();
                let issue = move || {
                    let names: Vec<&str> = asked.names.iter().map(String::as_str).collect();
                    authority.issue(&asked.request, &names, asked.seconds)
                };
                desk.work(issue).await?
            }
            Signatory::Kubernetes(registration) => registration.issue(&asked).await,
        }
    }
}
