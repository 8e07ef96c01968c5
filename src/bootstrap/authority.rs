//! Which CA this process is: plugged in, made by itself, or none.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use kube::Client;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::ca::Origin;
use crate::ca::authority::{Authority, Lifetimes, State};
use crate::ca::material::{self, Found};
use crate::ca::self_signed::Recipe;
use crate::ca::source::{Beside, Directory, Place, SelfSigned, Source};
use crate::cli::discovery::Options;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// The Secret of a self-signed CA.
const SECRET: &str = "istio-ca-secret";

/// The Secret by which a CA is plugged in.
const PLUGGED_IN: &str = "cacerts";

/// The CA, and what follows it.
pub struct Ca {
    /// What signs.
    pub authority: Authority,
    /// The directory of a CA of our own, whose owner may make tokens.
    pub directory: Option<Directory>,
    source: Source,
}

impl Ca {
    /// The CA that flags, files and variables ask for; None for none.
    ///
    /// # Errors
    /// When one is plugged in that cannot be used, or a directory of our own cannot.
    pub async fn start(
        options: &Options,
        settings: &Settings,
        client: Option<&Client>,
        trust_domain: &str,
    ) -> anyhow::Result<Option<Ca>> {
        let Some(place) = choose(options, settings, client).await? else { return Ok(None) };
        let Chosen { place, own, directory } = place;
        let made = own.then(|| self_signed(settings, trust_domain));
        let (source, state) = Source::new(place.clone(), made, settings.workload_lifetime);
        let mut source = source.with(Beside {
            revocation: settings.revocation,
            roots: Some(Path::new(&settings.root_ca_dir).join(material::ROOTS)),
        });
        // What is on this machine is there or not; an API server may be slow, and come later.
        if matches!(place, Place::Directory(_)) {
            source.load().await?;
        }
        Ok(Some(Ca { authority: Authority::new(state, lifetimes(settings)), directory, source }))
    }

    /// Follows the CA for ever.
    pub fn follow(self) -> impl Future<Output = ()> + Send {
        self.source.run()
    }
}

/// How long certificates of workloads are valid.
pub fn lifetimes(settings: &Settings) -> Lifetimes {
    Lifetimes { default: settings.workload_lifetime, max: settings.workload_max_lifetime }
}

/// Where the CA is.
struct Chosen {
    place: Place,
    /// It is made where it is missing.
    own: bool,
    directory: Option<Directory>,
}

async fn choose(
    options: &Options,
    settings: &Settings,
    client: Option<&Client>,
) -> anyhow::Result<Option<Chosen>> {
    if !settings.ca_server {
        return Ok(None);
    }
    let namespace = &options.identity.namespace;
    if is_plugged_in(Path::new(&settings.root_ca_dir)).await? {
        let place = Place::directory(settings.root_ca_dir.as_str().into());
        return Ok(Some(Chosen { place, own: false, directory: None }));
    }
    if let Some(path) = &options.tls.ca_dir {
        let place = Place::directory(path.clone());
        let directory = Some(Directory { path: path.clone() });
        return Ok(Some(Chosen { place, own: true, directory }));
    }
    let Some(client) = client else {
        info!(
            "no certificates are signed: there is no CA in ROOT_CA_DIR, and neither --caDir nor a cluster to keep one in"
        );
        return Ok(None);
    };
    let secret = |name, own| {
        let place = Place::secret(client.clone(), namespace, name);
        Some(Chosen { place, own, directory: None })
    };
    Ok(match (settings.plugged_in_secret, settings.self_signed_in_cacerts) {
        (true, _) => secret(PLUGGED_IN, false),
        (false, true) => secret(PLUGGED_IN, true),
        (false, false) => secret(SECRET, true),
    })
}

/// Whether there is a CA in a directory, be it a broken one.
async fn is_plugged_in(path: &Path) -> anyhow::Result<bool> {
    let place = Place::directory(PathBuf::from(path));
    let kept = place.read().await.with_context(|| format!("the CA in {}", path.display()))?;
    Ok(kept.is_some_and(|kept| {
        !matches!(material::read(Origin::PluggedIn, kept.files()), Found::Nothing)
    }))
}

fn self_signed(settings: &Settings, trust_domain: &str) -> SelfSigned {
    SelfSigned {
        recipe: Recipe {
            organization: trust_domain.to_owned(),
            lifetime: settings.root_lifetime,
            bits: settings.root_bits,
            grace_percent: settings.root_grace_percent,
        },
        check: Some(settings.root_check).filter(|check| !check.is_zero()),
        jitter: settings.root_jitter,
    }
}

/// Shows when the CA ends, for ever.
pub async fn show_ends(mut state: watch::Receiver<State>, metrics: std::sync::Arc<Metrics>) {
    loop {
        if let Some(issuer) = state.borrow_and_update().issuer() {
            metrics.root_end.set(seconds(issuer.root_end()));
            metrics.chain_end.set(seconds(issuer.chain_end()));
            let end = seconds(issuer.certificate.not_after);
            metrics.certificate_end.with(&["ca"]).set(end);
            for root in issuer.roots.iter().filter(|root| root.not_after <= Timestamp::now()) {
                warn!(target: "ca", root = %root.fingerprint(), "a root has expired");
            }
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// As metrics tell times.
#[allow(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
pub fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}
