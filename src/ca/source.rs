//! Where the CA is kept, and following that by its content.
//!
//! What lies there is read again and again: content decides, so that no event that was missed, no swapped link and no
//! restored backup goes unseen. What cannot be used leaves what was there before in force, and is told once.
//!
//! A plugged-in CA is the operator's: it is read only, and what is wrong with it at the start ends the process. A
//! self-signed one is made where there is none, by whoever comes first: all others read what that one wrote.

mod directory;
mod secret;
mod succession;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{error, info, warn};

pub use self::directory::{Directory, TOKEN};
pub use self::succession::{Succession, succeed};
use super::Origin;
use super::authority::State;
use super::certificate::Certificate;
use super::issuer::Issuer;
use super::material::{self, Files, Found};
use super::self_signed::Recipe;

/// Between two looks at files.
const FILES: Duration = Duration::from_secs(1);

/// Between two looks at a Secret, which another replica may have changed.
const SECRET: Duration = Duration::from_secs(10);

/// Before the first try again of what failed; each next wait is twice as long, until [`SECRET`].
const RETRY: Duration = Duration::from_millis(500);

/// A place that a CA is kept in.
#[derive(Clone, Debug)]
pub enum Place {
    /// A directory.
    Directory(Directory),
    /// A Secret.
    Secret(Box<secret::Stored>),
}

/// What was read in a place.
#[derive(Debug)]
pub struct Kept {
    files: Files,
    /// What a write must find unchanged.
    version: String,
}

impl Kept {
    /// The files.
    pub fn files(&self) -> &Files {
        &self.files
    }
}

impl Place {
    /// A directory whose owner others are: it is only read.
    pub fn directory(path: PathBuf) -> Place {
        Place::Directory(Directory { path })
    }

    /// A Secret.
    pub fn secret(client: Client, namespace: &str, name: &str) -> Place {
        let api = Api::namespaced(client, namespace);
        let stored = secret::Stored { api, namespace: namespace.into(), name: name.into() };
        Place::Secret(Box::new(stored))
    }

    /// What is there; None for nothing.
    pub async fn read(&self) -> anyhow::Result<Option<Kept>> {
        match self {
            Place::Directory(directory) => directory.read().await,
            Place::Secret(secret) => secret.read().await,
        }
    }

    /// Puts files where nothing is. False when something was there before.
    async fn create(&self, files: &Files) -> anyhow::Result<bool> {
        match self {
            Place::Directory(directory) => directory.create(files).await,
            Place::Secret(secret) => secret.create(files).await,
        }
    }

    /// Puts files in the place of others. False when those had changed since they were read.
    async fn replace(&self, old: &Kept, files: &Files) -> anyhow::Result<bool> {
        match self {
            Place::Directory(directory) => directory.replace(files).await,
            Place::Secret(secret) => secret.replace(old, files).await,
        }
    }

    fn pause(&self) -> Duration {
        match self {
            Place::Directory(_) => FILES,
            Place::Secret(_) => SECRET,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Directory(directory) => write!(f, "{}", directory.path.display()),
            Place::Secret(secret) => write!(f, "Secret {}/{}", secret.namespace, secret.name),
        }
    }
}

/// A self-signed CA: how it is made, and when its renewal is considered.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// How.
    pub recipe: Recipe,
    /// How often (CITADEL_SELF_SIGNED_ROOT_CERT_CHECK_INTERVAL); None for never.
    pub check: Option<Duration>,
    /// The first time comes at random (CITADEL_ENABLE_JITTER_FOR_ROOT_CERT_ROTATOR).
    pub jitter: bool,
}

/// What counts beside the files of the CA.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The revocation lists of one that is plugged in (PILOT_ENABLE_CA_CRL).
    pub revocation: bool,
    /// A file with more roots, if it exists, for one that is self-signed.
    pub roots: Option<PathBuf>,
}

/// A source of the CA.
#[derive(Debug)]
pub struct Source {
    place: Place,
    made: Option<SelfSigned>,
    beside: Beside,
    hold: Duration,
    state: watch::Sender<State>,
    /// What was said last, so that it is said once.
    said: String,
    next_check: Option<Timestamp>,
    /// A CA that signs from then on.
    held: Option<(Timestamp, Arc<Issuer>)>,
}

impl Source {
    /// A source and what it tells. A CA under a root that is new to the mesh signs after `hold`: until then everybody
    /// has learnt of the root.
    pub fn new(
        place: Place,
        made: Option<SelfSigned>,
        hold: Duration,
    ) -> (Source, watch::Receiver<State>) {
        let waiting = State::Waiting(format!("the CA was not read yet from {place}"));
        let (state, receiver) = watch::channel(waiting);
        let next_check = made.as_ref().and_then(|made| made.first_check(Timestamp::now()));
        let said = String::new();
        let beside = Beside::default();
        (Source { place, made, beside, hold, state, said, next_check, held: None }, receiver)
    }

    /// The same, where this counts beside it.
    #[must_use]
    pub fn with(mut self, beside: Beside) -> Source {
        self.beside = beside;
        self
    }

    /// Reads it once. An error is one that its owner has to mend.
    pub async fn load(&mut self) -> anyhow::Result<()> {
        self.look().await.with_context(|| format!("the CA in {} cannot be used", self.place))
    }

    /// Follows it, for ever.
    pub async fn run(mut self) {
        let mut retry = RETRY;
        loop {
            match self.look().await {
                Ok(()) => {
                    retry = RETRY;
                    self.said.clear();
                    sleep(self.place.pause()).await;
                }
                Err(error) => {
                    self.complain(&format!("{error:#}"));
                    sleep(retry).await;
                    retry = (retry * 2).min(SECRET);
                }
            }
        }
    }

    fn complain(&mut self, why: &str) {
        if self.said == why {
            return;
        }
        why.clone_into(&mut self.said);
        if self.state.borrow().issuer().is_some() {
            error!(target: "ca", "the CA in {}: {why}; what was there before stays in force", self.place);
        } else {
            warn!(target: "ca", "the CA in {}: {why}", self.place);
            self.state.send_replace(State::Waiting(why.to_owned()));
        }
    }

    /// Reads the place, makes what is missing, renews what is due, and tells what is new.
    async fn look(&mut self) -> anyhow::Result<()> {
        let now = Timestamp::now();
        let mut kept = match (self.place.read().await?, &self.made) {
            (Some(kept), _) => kept,
            (None, None) => return Err(anyhow!("there is none")),
            (None, Some(made)) => {
                let recipe = made.recipe.clone();
                let files = tokio::task::spawn_blocking(move || recipe.make(now)).await?;
                if self.place.create(&files.map_err(anyhow::Error::msg)?).await? {
                    info!(target: "ca", "made a self-signed CA, kept in {}", self.place);
                }
                self.place.read().await?.context("what was written is not there")?
            }
        };
        let origin = match self.made {
            Some(_) => Origin::SelfSigned,
            None => Origin::PluggedIn,
        };
        self.add(origin, &mut kept.files).await?;
        let issuer = match material::read(origin, &kept.files) {
            Found::Issuer(issuer) => Arc::new(*issuer),
            Found::Broken(why) => return Err(anyhow!(why)),
            Found::Nothing => return Err(anyhow!("there is no CA among what is there")),
        };
        if self.renew(&kept, &issuer, now).await? {
            // What was written counts when it is read.
            return Ok(());
        }
        self.tell(issuer, now)
    }

    /// Adds what counts beside the files, and takes out what does not.
    async fn add(&self, origin: Origin, files: &mut Files) -> anyhow::Result<()> {
        if origin == Origin::PluggedIn {
            if !self.beside.revocation {
                files.remove(material::REVOKED);
            }
            return Ok(());
        }
        files.remove(material::REVOKED);
        let Some(path) = &self.beside.roots else { return Ok(()) };
        let more = match tokio::fs::read_to_string(path).await {
            Ok(more) => more,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        Certificate::all(&more)
            .map_err(|why| anyhow!("{why}"))
            .with_context(|| path.display().to_string())?;
        material::add_roots(files, &more);
        Ok(())
    }

    /// Renews a root that ends soon. True when something was written.
    async fn renew(
        &mut self,
        kept: &Kept,
        issuer: &Arc<Issuer>,
        now: Timestamp,
    ) -> anyhow::Result<bool> {
        let Some(made) = &self.made else { return Ok(false) };
        if self.next_check.is_none_or(|next| now < next) {
            return Ok(false);
        }
        self.next_check = made.check.and_then(|check| now.checked_add(check).ok());
        if !made.recipe.is_due(&issuer.certificate, now) {
            return Ok(false);
        }
        let end = issuer.certificate.not_after;
        let files = made.recipe.renew(issuer, now).map_err(anyhow::Error::msg)?;
        if self.place.replace(kept, &files).await? {
            info!(target: "ca", %end, "renewed the self-signed root, with its key");
        }
        Ok(true)
    }

    fn tell(&mut self, issuer: Arc<Issuer>, now: Timestamp) -> anyhow::Result<()> {
        let current = self.state.borrow().issuer().cloned();
        let Some(current) = current else {
            self.publish(issuer);
            return Ok(());
        };
        if let Some((until, held)) = &self.held
            && held.is_same(&issuer)
        {
            if now >= *until {
                self.held = None;
                self.publish(issuer);
            }
            return Ok(());
        }
        self.held = None;
        match succeed(&current, &issuer).map_err(anyhow::Error::msg)? {
            Succession::Same => {}
            Succession::Now => self.publish(issuer),
            Succession::RootsFirst(meanwhile) => {
                let until = now.checked_add(self.hold).unwrap_or(now);
                info!(target: "ca", %until, "a new root is told to everybody; what it leads to signs from then on");
                self.held = Some((until, issuer));
                self.publish(Arc::new(*meanwhile));
            }
        }
        Ok(())
    }

    fn publish(&self, issuer: Arc<Issuer>) {
        info!(
            target: "ca",
            from = %self.place,
            certificate = %issuer.certificate.fingerprint(),
            subject = %issuer.certificate.subject_text(),
            not_after = %issuer.certificate.not_after,
            roots = issuer.roots.len(),
            "the CA signs with this"
        );
        self.state.send_replace(State::Ready(issuer));
    }
}

impl SelfSigned {
    fn first_check(&self, now: Timestamp) -> Option<Timestamp> {
        let check = self.check?;
        let wait = if self.jitter { check.mul_f64(fastrand::f64()) } else { check };
        now.checked_add(wait).ok()
    }
}

#[cfg(test)]
mod tests;
