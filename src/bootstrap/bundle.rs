//! The trust bundle of the process: what the CA, the mesh configuration and SPIFFE endpoints say, put together.
//!
//! Others than the CA count with ISTIO_MULTIROOT_MESH only. A root that cannot be one is told and left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::{info, warn};

use super::authority::seconds;
use crate::api::mesh::RootsFrom;
use crate::api::{Code, Diagnostic, MeshConfig, Severity, Str};
use crate::ca::authority::State;
use crate::ca::bundle::{Anchor, Bundle, Voucher};
use crate::ca::issuer::Issuer;
use crate::metrics::Metrics;
use crate::sources::bundles::Bundles;

/// The log scope, which is istiod's of the same part.
const SCOPE: &str = "trustBundle";

/// What makes the bundle.
pub struct Bundling {
    /// The CA, if there is one.
    pub ca: Option<watch::Receiver<State>>,
    /// The roots of others, where they count.
    pub others: Option<Others>,
    /// What shows how many roots there are, and when they end.
    pub metrics: Arc<Metrics>,
}

/// Where the roots of others are from, and who is told of all.
pub struct Others {
    /// The mesh configuration, which names them.
    pub mesh: watch::Receiver<Arc<MeshConfig>>,
    /// What was fetched from SPIFFE endpoints.
    pub fetched: watch::Receiver<Bundles>,
    /// The SPIFFE endpoints that are to be asked.
    pub wanted: watch::Sender<BTreeSet<Str>>,
    /// Who tells proxies of all roots.
    pub anchors: watch::Sender<Option<Arc<[Str]>>>,
    /// Where is shown what is wrong.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
}

impl Bundling {
    /// Keeps the bundle, for ever.
    pub async fn run(mut self, bundle: watch::Sender<Arc<Bundle>>) {
        let mut shown: Option<Arc<Bundle>> = None;
        loop {
            let new = Arc::new(self.make());
            if shown.as_ref() != Some(&new) {
                self.show(&new);
                if let Some(others) = &self.others {
                    info!(target: SCOPE, anchors = new.anchors().len(), "the roots of the mesh");
                    others.anchors.send_replace(Some(new.texts()));
                }
                bundle.send_replace(new.clone());
                shown = Some(new);
            }
            self.changed().await;
        }
    }

    fn make(&mut self) -> Bundle {
        let ca = self.ca.as_mut().and_then(|ca| ca.borrow_and_update().issuer().cloned());
        let Some(others) = &mut self.others else { return assemble(ca.as_deref(), None).0 };
        let (mesh, fetched) =
            (others.mesh.borrow_and_update().clone(), others.fetched.borrow_and_update().clone());
        others.wanted.send_if_modified(|wanted| {
            let new = endpoints(&mesh);
            let differs = *wanted != new;
            *wanted = new;
            differs
        });
        let (bundle, wrong) = assemble(ca.as_deref(), Some((&mesh, &fetched)));
        others.diagnostics.send_if_modified(|told| {
            let differs = **told != *wrong;
            if differs {
                wrong.iter().for_each(|wrong| warn!(target: SCOPE, "{wrong}"));
                *told = wrong.into();
            }
            differs
        });
        bundle
    }

    fn show(&self, bundle: &Bundle) {
        for kind in Voucher::KINDS {
            let own = bundle.anchors().iter().filter(|anchor| anchor.voucher.kind() == kind);
            let certificates = own.flat_map(|anchor| &anchor.certificates);
            #[allow(clippy::cast_precision_loss, reason = "roots are few")]
            let count = certificates.clone().count() as f64;
            self.metrics.trust_anchors.with(&[kind]).set(count);
        }
        let certificates = bundle.anchors().iter().flat_map(|anchor| &anchor.certificates);
        let end = certificates.map(|certificate| certificate.not_after).min();
        if let Some(end) = end {
            self.metrics.certificate_end.with(&["trust-bundle"]).set(seconds(end));
        }
    }

    async fn changed(&mut self) {
        let ca = async {
            match &mut self.ca {
                Some(ca) => ca.changed().await,
                None => std::future::pending().await,
            }
        };
        let others = async {
            match &mut self.others {
                Some(others) => tokio::select! {
                    changed = others.mesh.changed() => changed,
                    changed = others.fetched.changed() => changed,
                },
                None => std::future::pending().await,
            }
        };
        let changed = tokio::select! { changed = ca => changed, changed = others => changed };
        if changed.is_err() {
            // Who tells is gone: the process ends.
            std::future::pending::<()>().await;
        }
    }
}

/// The SPIFFE endpoints that a mesh configuration names.
pub fn endpoints(mesh: &MeshConfig) -> BTreeSet<Str> {
    let urls = mesh.ca_certificates.iter().filter_map(|entry| match &entry.from {
        RootsFrom::SpiffeBundle(url) => Some(url.clone()),
        RootsFrom::Pem(_) => None,
    });
    urls.collect()
}

/// The bundle, and what of it cannot be used.
pub fn assemble(
    ca: Option<&Issuer>,
    others: Option<(&MeshConfig, &Bundles)>,
) -> (Bundle, Vec<Diagnostic>) {
    let own = ca.map(|issuer| Anchor {
        text: issuer.root_pem.as_str().into(),
        certificates: issuer.roots.clone(),
        domains: Vec::new(),
        voucher: Voucher::Ca,
    });
    let mut anchors: Vec<Anchor> = own.into_iter().collect();
    let mut wrong = Vec::new();
    let entries = others.iter().flat_map(|(mesh, _)| mesh.ca_certificates.iter().enumerate());
    for (at, entry) in entries {
        let mut take = |field: &str, read: Result<Anchor, String>| match read {
            Ok(anchor) => anchors.push(anchor),
            Err(why) => wrong.push(Diagnostic {
                severity: Severity::Error,
                location: None,
                object: None,
                path: format!("caCertificates[{at}].{field}"),
                message: format!("{why}: it is left out of the roots of the mesh"),
                code: Code::Other,
            }),
        };
        let domains = &entry.trust_domains;
        match &entry.from {
            RootsFrom::Pem(text) if text.is_empty() => {}
            RootsFrom::Pem(text) => take("pem", Anchor::read(text, domains, Voucher::MeshConfig)),
            RootsFrom::SpiffeBundle(url) => {
                let fetched = others.and_then(|(_, bundles)| bundles.get(url));
                let Some(fetched) = fetched else { continue };
                for der in fetched.roots.iter() {
                    let voucher = Voucher::SpiffeBundle(url.clone());
                    take("spiffeBundleUrl", Anchor::from_der(der, domains, voucher));
                }
                if let Some(why) = &fetched.failure {
                    wrong.push(Diagnostic {
                        severity: Severity::Warning,
                        location: None,
                        object: None,
                        path: format!("caCertificates[{at}].spiffeBundleUrl"),
                        message: format!("cannot be fetched, and is tried again: {why}"),
                        code: Code::Other,
                    });
                }
            }
        }
    }
    (Bundle::new(anchors), wrong)
}

#[cfg(test)]
mod tests;
