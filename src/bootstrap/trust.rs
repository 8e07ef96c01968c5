//! Whom this process trusts, and by what others trust it: the CA, how callers are recognised, and TLS of 15012.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::authority::{Ca, show_ends};
use super::bundle::{Bundling, Others};
use super::inputs::{Inputs, connect, jwks_config};
use super::provider::Provider;
use super::registration;
use super::secure::{self, Securing, Signer, Signs, Trusted};
use super::{callers, cpus};
use crate::api::Str;
use crate::authn::Authenticator;
use crate::authn::review::Clusters;
use crate::ca::authority::{Authority, State};
use crate::ca::desk::Desk;
use crate::ca::issuer::Issuer;
use crate::ca::material::{REVOKED, ROOTS};
use crate::ca::registration::Registration;
use crate::ca::signatory::Signatory;
use crate::cli::discovery::Options;
use crate::controllers::roots::{Distributed, Distribution};
use crate::metrics::Metrics;
use crate::serve::certificates::Certificates;
use crate::serve::tls;
use crate::settings::Settings;
use crate::snapshot::Snapshots;
use crate::sources::bundles::{self, BundleFetching};
use crate::sources::jwks;

/// All of it. Dropping it ends what follows it.
pub struct Trust {
    /// What recognises clients.
    pub authenticator: Authenticator,
    authority: Option<Authority>,
    registration: Option<Registration>,
    provider: Provider,
    configs: Option<watch::Receiver<Option<Arc<ServerConfig>>>>,
    bundle: watch::Receiver<Option<Str>>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Trust {
    /// Starts what flags, variables and files ask for.
    ///
    /// # Errors
    /// When a CA or a certificate is plugged in that cannot be used.
    pub async fn start(
        options: &Options,
        settings: &Settings,
        inputs: &mut Inputs,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Trust> {
        let mut tasks = JoinSet::new();
        // A client of its own: questions of strangers are not to take what the sources may ask.
        let client = connect(options).await?;
        let mesh = inputs.mesh.clone();
        let trust_domain = mesh.borrow().trust_domain.clone();
        let provider = Provider::of(&settings.cert_provider)?;
        let registration =
            registration::start(settings, client.as_ref(), mesh.clone(), &mut tasks).await?;
        let ca = match &provider {
            Provider::Signer(_) => None,
            _ => Ca::start(options, settings, client.as_ref(), &trust_domain).await?,
        };
        let clusters = client.map(|client| Clusters {
            own: options.identity.cluster_id.as_str().into(),
            client: Some(client),
            remotes: inputs.remote_clients.clone(),
            aliases: aliases(options),
        });
        let directory = ca.as_ref().and_then(|ca| ca.directory.clone());
        let authenticator = callers::authenticator(
            settings,
            clusters,
            directory.as_ref(),
            mesh.clone(),
            metrics,
            &mut tasks,
        )?;
        let authority = ca.as_ref().map(|ca| ca.authority.clone());
        let state = authority.as_ref().map(Authority::state);
        let others = settings.multi_root.then(|| others(settings, inputs, metrics, &mut tasks));
        let bundling = Bundling { ca: state.clone(), others, metrics: metrics.clone() };
        let (whole, all_roots) = watch::channel(Arc::default());
        tasks.spawn(endless(bundling.run(whole)));
        let signs = signs(&provider, state.as_ref(), registration.as_ref(), settings)?;
        let signers = registration.as_ref().map(Registration::roots);
        let trusted = Trusted { ca: state.clone(), signers, bundle: all_roots, mesh };
        let securing = Securing::new(options, settings, trusted, signs, metrics.clone());
        let securing = securing.map_err(anyhow::Error::msg)?;
        let (told, bundle) = watch::channel(None);
        let configs = securing.map(|securing| {
            let (configs, made) = watch::channel(None);
            tasks.spawn(endless(securing.run(configs, told)));
            made
        });
        if let Some(ca) = ca {
            tasks.spawn(endless(ca.follow()));
        }
        if let Some(state) = state {
            tasks.spawn(endless(show_ends(state, metrics.clone())));
        }
        Ok(Trust { authenticator, authority, registration, provider, configs, bundle, tasks })
    }

    /// The roots by which the certificate of the control plane is known, in PEM, once there is one.
    pub fn bundle(&self) -> watch::Receiver<Option<Str>> {
        self.bundle.clone()
    }

    /// What namespaces are to have, where the certificate of the control plane is signed for it.
    pub fn distributed(&mut self, settings: &Settings) -> Option<Distributed> {
        let roots = match &self.provider {
            Provider::Istiod => self.told(|ca| ca.root_pem.as_str().into())?,
            Provider::Signer(_) => self.bundle(),
            Provider::Nobody => return None,
        };
        let mut maps = Vec::new();
        let bundle = settings.cluster_trust_bundle.then(|| roots.clone());
        if bundle.is_none() {
            maps.push(Distribution {
                what: "the roots of the mesh",
                name: settings.root_config_map.as_str().into(),
                key: ROOTS,
                content: roots,
            });
        }
        let revoked = settings.revocation.then(|| self.told(|ca| ca.revoked.as_str().into()));
        if let Some(content) = revoked.flatten() {
            maps.push(Distribution {
                what: "what the CA revoked",
                name: settings.revoked_config_map.as_str().into(),
                key: REVOKED,
                content,
            });
        }
        Some(Distributed { maps, bundle })
    }

    /// A part of the CA, once there is one; it changes when that part does.
    fn told(&mut self, part: fn(&Issuer) -> Str) -> Option<watch::Receiver<Option<Str>>> {
        let mut state = self.authority.as_ref()?.state();
        let (told, content) = watch::channel(None);
        self.tasks.spawn(endless(async move {
            loop {
                let newest = state.borrow_and_update().issuer().map(|ca| part(ca));
                told.send_if_modified(|known: &mut Option<Str>| {
                    let new = newest.is_some() && *known != newest;
                    if new {
                        *known = newest.clone();
                    }
                    new
                });
                if state.changed().await.is_err() {
                    return;
                }
            }
        }));
        Some(content)
    }

    /// The certificate service, where somebody signs.
    pub fn certificates(
        &self,
        settings: &Settings,
        snapshots: &Snapshots,
        metrics: &Arc<Metrics>,
    ) -> Option<Certificates> {
        let (authenticator, accounts) = (self.authenticator.clone(), &settings.node_accounts);
        let signatory = match (self.registration.clone(), self.authority.clone()) {
            (Some(registration), _) => Signatory::Kubernetes(Box::new(registration)),
            // One processor always has time for other things than signatures, if there is more than one.
            (None, Some(authority)) => Signatory::Own(authority, Desk::new(cpus() / 2)),
            (None, None) => return None,
        };
        let (snapshots, metrics) = (snapshots.clone(), metrics.clone());
        Some(Certificates::new(authenticator, signatory, accounts, snapshots, metrics))
    }

    /// The address of the secure port and its TLS, once there is a certificate for it; None where there is to be none.
    pub async fn secured(
        &mut self,
        options: &Options,
    ) -> Option<(SocketAddr, watch::Receiver<Arc<ServerConfig>>)> {
        let address = options.listen.secure_grpc_addr?;
        Some((address, self.certified().await?))
    }

    /// The address of the webhooks and their TLS, whose certificate is that of the secure port; as [`Trust::secured`].
    ///
    /// # Errors
    /// When flags ask for a TLS that there is not.
    pub async fn webhooks(
        &mut self,
        options: &Options,
    ) -> anyhow::Result<Option<(SocketAddr, Arc<ServerConfig>)>> {
        let Some(address) = options.listen.https_addr else { return Ok(None) };
        let Some(newest) = self.certified().await else { return Ok(None) };
        let policy = secure::policy(options).map_err(anyhow::Error::msg)?;
        let tls = tls::for_anybody(&policy, newest).map_err(anyhow::Error::msg)?;
        Ok(Some((address, tls)))
    }

    /// TLS of the secure port, once there is a certificate, and as it changes.
    async fn certified(&mut self) -> Option<watch::Receiver<Arc<ServerConfig>>> {
        let mut configs = self.configs.clone()?;
        let first = configs.wait_for(Option::is_some).await.ok()?.clone()?;
        let (told, newest) = watch::channel(first);
        self.tasks.spawn(endless(async move {
            while configs.changed().await.is_ok() {
                if let Some(config) = configs.borrow_and_update().clone() {
                    told.send_replace(config);
                }
            }
        }));
        Some(newest)
    }

    /// Tells what the secure ports wait for, if they do.
    pub fn waiting(&self) -> impl Fn() -> Option<String> + Send + Sync + 'static {
        let state = self.authority.as_ref().map(Authority::state);
        let configs = self.configs.clone();
        move || {
            let waits = configs.as_ref()?.borrow().is_none();
            let state = state.as_ref().map(|state| state.borrow().clone());
            waits.then(|| match state {
                Some(State::Waiting(why)) => format!("no CA for the secure ports: {why}"),
                _ => "no certificate for the secure ports".to_owned(),
            })
        }
    }
}

/// The roots that others than the CA add.
fn others(
    settings: &Settings,
    inputs: &mut Inputs,
    metrics: &Arc<Metrics>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
) -> Others {
    let (wanted, wants) = watch::channel(BTreeSet::new());
    let (told, fetched) = watch::channel(bundles::Bundles::new());
    let (diagnostics, shown) = watch::channel(Arc::from([]));
    inputs.diagnostics.push(shown);
    let (config, metrics) = (bundle_config(settings), metrics.clone());
    tasks.spawn(bundles::run(BundleFetching { config, wanted: wants, told, metrics }));
    let (mesh, anchors) = (inputs.mesh.clone(), inputs.anchors.clone());
    Others { mesh, fetched, wanted, anchors, diagnostics }
}

/// How bundles are fetched: as key sets are, but by servers that prove who they are, whatever is said of key sets.
pub fn bundle_config(settings: &Settings) -> jwks::Config {
    jwks::Config { refresh: bundles::REFRESH, insecure: false, ..jwks_config(settings) }
}

/// Who signs the certificate of the control plane.
fn signs(
    provider: &Provider,
    ca: Option<&watch::Receiver<State>>,
    registration: Option<&Registration>,
    settings: &Settings,
) -> anyhow::Result<Option<Signs>> {
    Ok(match provider {
        Provider::Istiod => ca.cloned().map(Signs::Ca),
        Provider::Signer(name) => Some(Signs::Signer(Box::new(Signer {
            name: name.clone(),
            registration: registration.cloned().with_context(|| {
                format!(
                    "PILOT_CERT_PROVIDER=k8s.io/{name} needs EXTERNAL_CA=ISTIOD_RA_KUBERNETES_API"
                )
            })?,
            lifetime: settings.root_lifetime,
        }))),
        Provider::Nobody => None,
    })
}

/// Other names of clusters, each with the cluster's id.
pub fn aliases(options: &Options) -> Vec<(Str, Str)> {
    let aliases = options.identity.cluster_aliases.iter();
    aliases.map(|(alias, id)| (alias.as_str().into(), id.as_str().into())).collect()
}

/// A task that does not fail.
async fn endless(work: impl Future<Output = ()>) -> anyhow::Result<()> {
    work.await;
    Ok(())
}
