//! Who signs the certificate of the control plane (PILOT_CERT_PROVIDER).

use anyhow::bail;
use tracing::warn;

/// Before the name of a signer of Kubernetes.
const SIGNER: &str = "k8s.io/";

/// Who signs it, where there is none in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The own CA.
    Istiod,
    /// A signer of Kubernetes, by his full name. Then there is no own CA.
    Signer(String),
    /// Nobody: somebody else ends TLS, or files come later.
    Nobody,
}

impl Provider {
    /// As the variable says.
    ///
    /// # Errors
    /// For what Kubernetes has not any more.
    pub fn of(text: &str) -> anyhow::Result<Provider> {
        if let Some(name) = text.strip_prefix(SIGNER) {
            return Ok(Provider::Signer(name.to_owned()));
        }
        Ok(match text {
            "istiod" => Provider::Istiod,
            "kubernetes" => bail!(
                "PILOT_CERT_PROVIDER=kubernetes is no longer supported by upstream K8S: name a signer ({SIGNER}SIGNER)"
            ),
            "none" | "custom" => Provider::Nobody,
            other => {
                warn!(
                    "PILOT_CERT_PROVIDER={other} is not implemented: the control plane has no certificate but that of files"
                );
                Provider::Nobody
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signers_are_named_and_what_is_gone_is_refused() {
        for (text, want) in [
            ("istiod", Provider::Istiod),
            (
                "k8s.io/clusterissuers.a.example/b",
                Provider::Signer("clusterissuers.a.example/b".into()),
            ),
            ("none", Provider::Nobody),
            ("custom", Provider::Nobody),
            ("other", Provider::Nobody),
        ] {
            assert_eq!(Provider::of(text).unwrap(), want, "{text}");
        }
        assert!(
            Provider::of("kubernetes").unwrap_err().to_string().contains("no longer supported")
        );
    }
}
