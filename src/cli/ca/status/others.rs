//! The roots that others than the CA add: those of the mesh configuration, asked for as the control plane does.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::{Args, certificate_line};
use crate::api::{Diagnostic, MeshConfig};
use crate::bootstrap::bundle::{assemble, endpoints};
use crate::bootstrap::bundle_config;
use crate::ca::bundle::Bundle;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::sources::bundles;
use crate::sources::kubernetes::client::{self, Limits};
use crate::sources::mesh;
use crate::version;

/// The roots, and what of them cannot be used.
pub(super) type Others = (Bundle, Vec<Diagnostic>);

/// Asks for them.
pub(super) async fn find(arguments: &Args, settings: &Settings) -> anyhow::Result<Others> {
    let Some(text) = text(arguments, settings).await? else { return Ok(Others::default()) };
    let parsed = mesh::parse(&text).map_err(|invalid| anyhow!("{}", invalid.issue.message));
    let mesh: MeshConfig = parsed.context("the mesh configuration")?.mesh;
    let metrics = Arc::new(Metrics::new(version::VERSION));
    let wanted = endpoints(&mesh);
    let fetched = match wanted.is_empty() {
        true => bundles::Bundles::new(),
        false => bundles::once(bundle_config(settings), &wanted, metrics).await?,
    };
    Ok(assemble(None, Some((&mesh, &fetched))))
}

/// The mesh configuration, where there is one.
async fn text(arguments: &Args, settings: &Settings) -> anyhow::Result<Option<String>> {
    if let Some(file) = &arguments.mesh_config {
        let text = std::fs::read_to_string(file);
        return text.map(Some).with_context(|| file.display().to_string());
    }
    if arguments.ca_dir.is_some() {
        return Ok(None);
    }
    let limits = Limits { rate: 0.0, burst: 0 };
    let client = client::connect(arguments.kubeconfig.as_deref(), limits).await?;
    let name = match &*settings.revision {
        "" | "default" => "istio".to_owned(),
        revision => format!("istio-{revision}"),
    };
    let maps: Api<ConfigMap> = Api::namespaced(client, &arguments.namespace);
    let map = maps.get_opt(&name).await.with_context(|| format!("ConfigMap {name}"))?;
    Ok(map.and_then(|map| map.data).and_then(|mut data| data.remove("mesh")))
}

/// What there is to say of them.
pub(super) fn describe((bundle, wrong): &Others, now: Timestamp) -> String {
    let mut text = String::new();
    for anchor in bundle.anchors() {
        let domains = match anchor.domains.join(", ") {
            none if none.is_empty() => "the trust domain of the mesh".to_owned(),
            domains => domains,
        };
        for certificate in &anchor.certificates {
            let line = certificate_line("trusts", certificate, now);
            // Writing to a text does not fail.
            let _ = writeln!(text, "{line}, for {domains}, by {}", anchor.voucher);
        }
    }
    for wrong in wrong {
        let _ = writeln!(text, "{wrong}");
    }
    if !bundle.anchors().is_empty() {
        text.push_str(
            "             (what is trusted beside the roots counts with ISTIO_MULTIROOT_MESH)\n",
        );
    }
    text
}

#[cfg(test)]
mod tests;
