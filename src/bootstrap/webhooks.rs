//! The webhooks: who answers reviews, on how many threads, and what configures them.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use tokio::sync::watch;

use super::cpus;
use super::inputs::Inputs;
use crate::admission::inject::{Fixed, Injection};
use crate::admission::{Reviews, Webhook, Webhooks, Workers, router};
use crate::api::Diagnostic;
use crate::cli::discovery::Options;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::sources::injector::{InjectorFiles, InjectorMap, Place, Take, Texts, Wrong};
use crate::webhooks::inject::config::Invalid;
use crate::webhooks::inject::library;

/// Where the injector's configuration is mounted, if it is.
const MOUNTED: &str = "./var/lib/istio/inject";

/// The platform whose namespaces say as which users pods run.
const OPENSHIFT: &str = "openshift";

/// The webhooks of this process.
pub struct Answering {
    /// Their paths.
    pub router: Router,
    /// Who injects pods, where somebody does.
    pub injection: Option<Arc<Injection>>,
}

impl Answering {
    /// Starts to answer, and to follow what configures that.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        options: &Options,
        settings: &Settings,
        inputs: &mut Inputs,
        validate: Arc<dyn Webhook>,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Answering> {
        let injection = injection(options, settings, inputs, metrics);
        let inject = injection.clone().map(|injection| injection as _);
        let webhooks = Webhooks { inject, validate: Some(validate) };
        // Half of the processors at most, so that pushes have the rest whatever is asked.
        let workers = Workers::start(cpus() / 2).context("no threads for webhooks")?;
        Ok(Answering { router: router(Reviews::new(webhooks, workers)), injection })
    }
}

/// Who injects pods, by mounted files, else by the ConfigMap of the cluster; None where there is neither, or it is turned off.
fn injection(
    options: &Options,
    settings: &Settings,
    inputs: &mut Inputs,
    metrics: &Arc<Metrics>,
) -> Option<Arc<Injection>> {
    if !settings.inject {
        return None;
    }
    let directory = Path::new(MOUNTED);
    let (namespace, revision) = (&options.identity.namespace, &settings.revision);
    let (place, client) = match (InjectorFiles::exist(directory), inputs.own.clone()) {
        (true, _) => (Place::Directory(directory.to_owned()), None),
        (false, Some(client)) => {
            (Place::ConfigMap(InjectorMap::key(namespace, revision)), Some(client))
        }
        (false, None) => return None,
    };
    let fixed = Fixed {
        revision: revision.clone(),
        native_sidecars: settings.native_sidecars,
        open_shift: settings.platform == OPENSHIFT,
        compliance_policy: settings.compliance.as_str().to_owned(),
        library: library(std::env::vars().collect()),
    };
    let snapshots = inputs.snapshots.clone();
    let injection = Injection::new(fixed, place.to_string(), snapshots, metrics.clone());
    let injection = Arc::new(injection);
    let take = take(&injection);
    let mut shown = || -> watch::Sender<Arc<[Diagnostic]>> {
        let (sender, receiver) = watch::channel(Arc::from([]));
        inputs.diagnostics.push(receiver);
        sender
    };
    match client {
        None => {
            let directory = directory.to_owned();
            let files = InjectorFiles { directory, take, diagnostics: shown() };
            tokio::spawn(files.run());
        }
        Some(client) => {
            let (namespace, revision) = (namespace.clone(), revision.clone());
            let (diagnostics, unread) = (shown(), shown());
            let map = InjectorMap { client, namespace, revision, take, diagnostics, unread };
            tokio::spawn(map.run());
        }
    }
    Some(injection)
}

/// Hands texts to who injects.
fn take(injection: &Arc<Injection>) -> Take {
    let injection = injection.clone();
    Arc::new(move |texts: &Texts| {
        injection.take(&texts.config, &texts.values).map_err(|invalid| Wrong {
            in_values: matches!(invalid, Invalid::Values(_)),
            message: invalid.to_string(),
        })
    })
}
