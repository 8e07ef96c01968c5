//! Secrets by the names that Envoy asks for, each as a feed that always has the newest good value.
//!
//! Owns the names (`default`, `ROOTCA`, `file-cert:CHAIN~KEY`, `file-root:FILE`) and the following of files. Files are
//! looked at rather than watched: mounts are exchanged in ways that events tell differently everywhere, and a look at
//! a few small files each second costs nothing. Content decides, and what cannot be used is said once and changes nothing.
//! Knows nothing of the wire.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{bail, ensure};
use tokio::sync::watch;
use tracing::{info, warn};

use super::bootstrap::WORKLOAD;
use super::material::{Identity, Material, Roots};

/// The name of the roots of the mesh.
pub const ROOTS: &str = "ROOTCA";

/// The name of the roots that Envoy verifies the control plane by, where these are the mesh's: those of a file, and those
/// that came with the certificate. Ours.
pub const CONTROL_PLANE: &str = "control-plane-roots";

/// Between two looks at a file.
pub const LOOK: Duration = Duration::from_secs(1);

/// Names of files that are followed at once; configuration names them, and that has bounds.
const MAX_FILES: usize = 1000;

/// Where systems keep the roots that they trust, the most usual first.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// The newest good value of a secret, once there is one.
pub type Feed = watch::Receiver<Option<Arc<Material>>>;

/// What a secret is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Files {
    /// A certificate chain and its key.
    Identity(PathBuf, PathBuf),
    /// Roots.
    Roots(PathBuf),
}

/// All secrets.
#[derive(Debug)]
pub struct Secrets {
    workload: Feed,
    roots: Feed,
    control_plane: Feed,
    files: Arc<Mutex<Followed>>,
    look: Duration,
}

/// Files that somebody asked for, by the name of their secret.
type Followed = BTreeMap<String, watch::Sender<Option<Arc<Material>>>>;

impl Secrets {
    /// With what answers to [`WORKLOAD`], [`ROOTS`] and [`CONTROL_PLANE`], and the time between two looks at other files.
    pub fn new(workload: Feed, roots: Feed, control_plane: Feed, look: Duration) -> Secrets {
        Secrets { workload, roots, control_plane, files: Arc::default(), look }
    }

    /// The feed of a name. An error says what is wrong with the name.
    pub fn subscribe(&self, name: &str) -> anyhow::Result<Feed> {
        match name {
            WORKLOAD => return Ok(self.workload.clone()),
            ROOTS => return Ok(self.roots.clone()),
            CONTROL_PLANE => return Ok(self.control_plane.clone()),
            _ => {}
        }
        let wanted = Files::named(name)?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = files.get(name) {
            return Ok(sender.subscribe());
        }
        ensure!(files.len() < MAX_FILES, "more than {MAX_FILES} secrets of files");
        let (sender, feed) = watch::channel(None);
        files.insert(name.to_owned(), sender.clone());
        let (name, files, look) = (name.to_owned(), self.files.clone(), self.look);
        tokio::spawn(async move {
            follow_while(&wanted, &sender, look, || {
                let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
                // Under the lock nobody can subscribe in between.
                let wanted = sender.receiver_count() > 0;
                if !wanted {
                    files.remove(&name);
                }
                wanted
            })
            .await;
        });
        Ok(feed)
    }
}

impl Files {
    /// The files that the name of a secret names.
    pub fn named(name: &str) -> anyhow::Result<Files> {
        if name == "file-root:system" {
            return Ok(Files::Roots(system_roots()?));
        }
        if let Some(file) = name.strip_prefix("file-root:").filter(|file| !file.is_empty()) {
            return Ok(Files::Roots(file.into()));
        }
        let pair = name.strip_prefix("file-cert:").and_then(|pair| pair.split_once('~'));
        match pair {
            Some((chain, key)) if !chain.is_empty() && !key.is_empty() && !key.contains('~') => {
                Ok(Files::Identity(chain.into(), key.into()))
            }
            _ => bail!(
                "default, ROOTCA, file-cert:CHAIN~KEY or file-root:FILE is needed; secrets with other names are \
                 the control plane's"
            ),
        }
    }

    /// Follows the files as long as somebody has the feed.
    pub fn follow(self, look: Duration) -> Feed {
        let (sender, feed) = watch::channel(None);
        tokio::spawn(async move {
            follow_while(&self, &sender, look, || sender.receiver_count() > 0).await;
        });
        feed
    }

    fn read(&self) -> anyhow::Result<Material> {
        match self {
            Files::Identity(chain, key) => Identity::read(chain, key).map(Material::Identity),
            Files::Roots(file) => Roots::read(file).map(Material::Roots),
        }
    }
}

/// The roots of two feeds together; those of one as long as the other has none.
pub fn together(mut one: Feed, mut other: Feed) -> Feed {
    let (sender, feed) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let newest = [&mut one, &mut other].map(|feed| feed.borrow_and_update().clone());
            let roots = newest.iter().filter_map(|material| match material.as_deref() {
                Some(Material::Roots(roots)) => Some(roots.clone()),
                _ => None,
            });
            let joined = roots.reduce(|all, more| all.and(&more).unwrap_or(all));
            sender.send_if_modified(|held: &mut Option<Arc<Material>>| {
                let joined = joined.map(Material::Roots);
                let changed = held.as_deref() != joined.as_ref();
                if changed {
                    *held = joined.map(Arc::new);
                }
                changed
            });
            tokio::select! {
                Ok(()) = one.changed() => {}
                Ok(()) = other.changed() => {}
                else => return,
            }
        }
    });
    feed
}

/// The file with the roots that this system trusts.
pub fn system_roots() -> anyhow::Result<PathBuf> {
    let found = SYSTEM_ROOTS.iter().map(Path::new).find(|file| file.exists());
    let Some(file) = found else {
        bail!("this system has its roots in none of {}", SYSTEM_ROOTS.join(", "))
    };
    Ok(file.to_owned())
}

async fn follow_while(
    files: &Files,
    sender: &watch::Sender<Option<Arc<Material>>>,
    look: Duration,
    wanted: impl Fn() -> bool,
) {
    let mut complaint = String::new();
    while wanted() {
        match files.read() {
            Ok(material) => {
                complaint.clear();
                sender.send_if_modified(|held| {
                    let changed = held.as_deref() != Some(&material);
                    if changed {
                        info!("read {files}");
                        *held = Some(Arc::new(material));
                    }
                    changed
                });
            }
            Err(error) => {
                let error = format!("{error:#}");
                if error != complaint {
                    let kept =
                        if sender.borrow().is_some() { "; the one before stays" } else { "" };
                    warn!("a secret cannot be used: {error}{kept}");
                    complaint = error;
                }
            }
        }
        tokio::time::sleep(look).await;
    }
}

impl std::fmt::Display for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Files::Identity(chain, _) => write!(f, "the certificate {}", chain.display()),
            Files::Roots(file) => write!(f, "the roots {}", file.display()),
        }
    }
}

#[cfg(test)]
mod tests;
