//! What the CA of the mesh revoked (`ca-crl.pem`): it goes to Envoy with the roots of the mesh.
//!
//! A file that is missing or empty is no list. One that cannot be read leaves what was there before in force.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::watch;
use tracing::{info, warn};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::material::Material;
use super::secrets::Feed;

/// Where it is mounted.
pub const FILE: &str = "./var/run/secrets/istio/crl/ca-crl.pem";

/// Of a file with lists: beyond this an API server would not keep it.
const MAX_BYTES: u64 = 1024 * 1024;

/// The roots of a feed with the lists of a file, which is looked at so often.
pub fn beside(mut roots: Feed, file: PathBuf, look: Duration) -> Feed {
    let (sender, feed) = watch::channel(None);
    tokio::spawn(async move {
        let (mut lists, mut said) = (Vec::new(), String::new());
        loop {
            match read(&file) {
                Ok(new) => {
                    if new != lists {
                        info!(file = %file.display(), "read what was revoked");
                    }
                    lists = new;
                    said.clear();
                }
                Err(error) => {
                    let why = format!("{error:#}");
                    if why != said {
                        warn!("what was revoked cannot be used: {why}; what was before stays");
                        said = why;
                    }
                }
            }
            let joined = match roots.borrow_and_update().as_deref() {
                Some(Material::Roots(roots)) => {
                    Some(Material::Roots(roots.clone().revoking(lists.clone())))
                }
                other => other.cloned(),
            };
            sender.send_if_modified(|held: &mut Option<Arc<Material>>| {
                let changed = held.as_deref() != joined.as_ref();
                if changed {
                    *held = joined.map(Arc::new);
                }
                changed
            });
            tokio::select! {
                Ok(()) = roots.changed() => {}
                () = tokio::time::sleep(look) => {}
                () = sender.closed() => return,
            }
        }
    });
    feed
}

/// The lists in a file, in PEM.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let what = || file.display().to_string();
    let length = match std::fs::metadata(file) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(what),
    };
    ensure!(length <= MAX_BYTES, "{}: {length} bytes are too many", what());
    let text = std::fs::read(file).with_context(what)?;
    if text.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
    let lists = lists.with_context(what)?;
    ensure!(!lists.is_empty(), "{}: there is no list in PEM in it", what());
    for list in &lists {
        let parsed = CertificateRevocationList::from_der(list);
        ensure!(parsed.is_ok(), "{}: a list cannot be parsed", what());
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
