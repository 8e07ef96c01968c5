//! TLS of 15012 and 15017: the certificate of the control plane itself, the roots of its clients, and following both.
//!
//! The certificate is that of the flags, else that which is mounted where istio-csr and others put it, else one that is
//! signed for it ([`own`]). Whatever of it changes is in force for the next handshake.

mod own;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tracing::{error, info, warn};

use self::own::Own;
pub use self::own::{Signer, Signs};
use super::authority::seconds;
use crate::api::list::items;
use crate::api::{MeshConfig, Str};
use crate::ca::authority::State;
use crate::ca::bundle::Bundle;
use crate::ca::certificate::Certificate;
use crate::ca::key::Key;
use crate::ca::registration::SignerRoots;
use crate::ca::revocation;
use crate::cli::discovery::Options;
use crate::metrics::Metrics;
use crate::serve::tls::{self, Identity, Policy, Roots, Suites, provider};
use crate::settings::Settings;

/// Between two looks at files, and at the time.
const LOOK: Duration = Duration::from_secs(1);

/// Where a certificate from elsewhere is mounted: certificate, key, and the two places of its root.
const MOUNTED: [&str; 4] = [
    "./var/run/secrets/istiod/tls/tls.crt",
    "./var/run/secrets/istiod/tls/tls.key",
    "./var/run/secrets/istiod/ca/root-cert.pem",
    "./var/run/secrets/istiod/tls/ca.crt",
];

/// Follows everything that TLS of this process is made of.
pub struct Securing {
    policy: Policy,
    files: Option<Files>,
    trusted: Trusted,
    namespace: String,
    revision: String,
    hosts: Vec<String>,
    metrics: Arc<Metrics>,
    /// What is signed for it, where there are no files.
    own: Option<Own>,
    said: String,
}

/// Whom TLS trusts, and whose names it has.
pub struct Trusted {
    /// The CA, if there is one.
    pub ca: Option<watch::Receiver<State>>,
    /// The roots of signers of Kubernetes, if there are any.
    pub signers: Option<watch::Receiver<Arc<SignerRoots>>>,
    /// All roots.
    pub bundle: watch::Receiver<Arc<Bundle>>,
    /// The mesh, for its trust domains and the name of the control plane.
    pub mesh: watch::Receiver<Arc<MeshConfig>>,
}

/// Files with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    roots: Vec<PathBuf>,
}

/// What a configuration was made of.
#[derive(PartialEq)]
struct Made {
    chain: Vec<CertificateDer<'static>>,
    trusted: tls::Trusted,
    /// By which our own certificate is known, in PEM; None where files do not tell.
    bundle: Option<Str>,
}

impl Securing {
    /// Of these flags and this CA; None where there is no certificate to be had.
    pub fn new(
        options: &Options,
        settings: &Settings,
        trusted: Trusted,
        signs: Option<Signs>,
        metrics: Arc<Metrics>,
    ) -> Result<Option<Securing>, String> {
        for suite in &Suites::parse(&options.tls.tls_cipher_suites)?.left_out {
            warn!("--tls-cipher-suites: {suite} is not offered, because it is broken");
        }
        let files = files(options);
        if files.is_none() && signs.is_none() {
            return Ok(None);
        }
        Ok(Some(Securing {
            policy: policy(options)?,
            files,
            trusted,
            namespace: options.identity.namespace.clone(),
            revision: settings.revision.clone(),
            hosts: items(&settings.custom_hosts).map(str::to_owned).collect(),
            metrics,
            own: signs.map(Own::new),
            said: String::new(),
        }))
    }

    /// Tells the configuration that counts, and the roots by which its certificate is known, for ever; None until there
    /// is one.
    pub async fn run(
        mut self,
        configs: watch::Sender<Option<Arc<ServerConfig>>>,
        bundle: watch::Sender<Option<Str>>,
    ) {
        let mut made: Option<Made> = None;
        loop {
            match self.look(made.as_ref()).await {
                Ok(Some((new, config))) => {
                    self.said.clear();
                    self.tell(&new);
                    configs.send_replace(Some(config));
                    bundle.send_if_modified(|known| {
                        let differs = new.bundle.is_some() && *known != new.bundle;
                        if differs {
                            known.clone_from(&new.bundle);
                        }
                        differs
                    });
                    made = Some(new);
                }
                Ok(None) => self.said.clear(),
                Err(why) if why == self.said => {}
                Err(why) => {
                    error!("the certificate of the secure ports: {why}");
                    self.said = why;
                }
            }
            self.changed().await;
        }
    }

    /// Waits until something may be different.
    async fn changed(&mut self) {
        // The bundle changes with the CA.
        let bundle = async {
            if self.trusted.bundle.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = bundle => {}
        }
    }

    /// A configuration, if it is another than before.
    async fn look(
        &mut self,
        made: Option<&Made>,
    ) -> Result<Option<(Made, Arc<ServerConfig>)>, String> {
        let issuer = self.trusted.ca.as_ref().and_then(|ca| ca.borrow().issuer().cloned());
        let (identity, mut always, bundle) = match self.files.clone() {
            Some(files) => read(files).await?,
            None => {
                let hosts = self.names();
                let Some(own) = &mut self.own else { return Ok(None) };
                let Some((identity, roots)) = own.identity(hosts).await? else { return Ok(None) };
                (identity, Vec::new(), Some(roots))
            }
        };
        let mesh = self.trusted.mesh.borrow().clone();
        let all = self.trusted.bundle.borrow().clone();
        always.extend(issuer.iter().flat_map(|issuer| issuer.roots.iter().map(|r| r.der.clone())));
        if let Some(signers) = &self.trusted.signers {
            // What cannot be read is told where it is used.
            let roots = signers.borrow();
            let read = roots.texts().filter_map(|text| Certificate::all(text).ok()).flatten();
            always.extend(read.map(|root| root.der));
        }
        // Whose identities are of another trust domain has another control plane.
        let roots = mesh.own_trust_domains().map(|domain| {
            let others = all.roots_of(domain).into_iter().filter(|root| !always.contains(root));
            (domain.clone(), always.iter().cloned().chain(others).collect())
        });
        let roots: Roots = roots.collect();
        let lists = issuer.as_ref().map(|issuer| revocation::lists(&issuer.revoked));
        let revoked = lists.transpose()?.unwrap_or_default();
        let trusted = tls::Trusted { roots, revoked };
        let new = Made { chain: identity.chain.clone(), trusted, bundle };
        if made == Some(&new) {
            return Ok(None);
        }
        let config = tls::config(&self.policy, identity, &new.trusted)?;
        Ok(Some((new, config)))
    }

    /// The names of the control plane.
    fn names(&self) -> Vec<String> {
        let mut names = self.hosts.clone();
        let mut add = |name: String| {
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        };
        add(self.trusted.mesh.borrow().discovery_host.to_string());
        for service in ["istiod", "istiod-remote", "istio-pilot"] {
            add(format!("{service}.{}.svc", self.namespace));
        }
        if !self.revision.is_empty() && self.revision != "default" {
            add(format!("istiod-{}.{}.svc", self.revision, self.namespace));
        }
        names
    }

    fn tell(&self, made: &Made) {
        let leaf = made.chain.first().and_then(|der| Certificate::from_der(der.clone()).ok());
        let Some(leaf) = leaf else { return };
        self.metrics.certificate_end.with(&["server"]).set(seconds(leaf.not_after));
        info!(
            certificate = %leaf.fingerprint(),
            names = ?leaf.dns_names,
            not_after = %leaf.not_after,
            "the secure ports prove with this who they are"
        );
    }
}

/// What TLS offers and accepts by these flags.
pub fn policy(options: &Options) -> Result<Policy, String> {
    let suites = Suites::parse(&options.tls.tls_cipher_suites)?;
    Ok(Policy { provider: provider(&suites), only_13: options.tls.tls_min_version == "1.3" })
}

/// The files that have a certificate for the server: those of the flags, else those that are mounted.
fn files(options: &Options) -> Option<Files> {
    let tls = &options.tls;
    match (&tls.ca_cert_file, &tls.tls_cert_file, &tls.tls_key_file) {
        (Some(roots), Some(certificate), Some(key)) => {
            let (certificate, key) = (certificate.clone(), key.clone());
            return Some(Files { certificate, key, roots: vec![roots.clone()] });
        }
        (None, None, None) => {}
        _ => warn!("--caCertFile, --tlsCertFile and --tlsKeyFile have an effect together only"),
    }
    let [certificate, key, roots, beside] = MOUNTED;
    let mounted = Path::new(certificate).exists() && Path::new(key).exists();
    mounted.then(|| Files {
        certificate: certificate.into(),
        key: key.into(),
        roots: vec![roots.into(), beside.into()],
    })
}

/// What files say: who we are, whom they trust, and the same as it is written.
type Said = (Identity, Vec<CertificateDer<'static>>, Option<Str>);

/// Reads files; of several with roots the first that is there.
async fn read(files: Files) -> Result<Said, String> {
    let read = move || {
        let text = |path: &Path| {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let within = |path: &Path, why: String| format!("{}: {why}", path.display());
        let chain = Certificate::all(&text(&files.certificate)?)
            .map_err(|why| within(&files.certificate, why))?;
        let key = Key::from_pem(&text(&files.key)?).map_err(|why| within(&files.key, why))?;
        let (roots, bundle) = match files.roots.iter().find(|path| path.exists()) {
            Some(path) => {
                let text = text(path)?;
                let roots = Certificate::all(&text).map_err(|why| within(path, why))?;
                let bundle = (!roots.is_empty()).then(|| text.as_str().into());
                (roots, bundle)
            }
            None => (Vec::new(), None),
        };
        let ders = |list: Vec<Certificate>| list.into_iter().map(|read| read.der).collect();
        Ok((Identity { chain: ders(chain), key: key.for_tls()? }, ders(roots), bundle))
    };
    tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests;
