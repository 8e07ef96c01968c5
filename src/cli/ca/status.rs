//! `istiod ca status`.

mod others;

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args as Clap;
use jiff::{SignedDuration, Timestamp};

use crate::ca::Origin;
use crate::ca::certificate::Certificate;
use crate::ca::issuer::Issuer;
use crate::ca::material::{self, Found};
use crate::ca::self_signed::Recipe;
use crate::ca::source::Place;
use crate::cli::print;
use crate::cli::values::path;
use crate::settings::Settings;
use crate::sources::kubernetes::client::{self, Limits};

/// In this last part of its life, in percent, a certificate that nobody renews by itself is due.
const DUE_PERCENT: i32 = 20;

/// The Secrets that a CA may be in, the one that is plugged in first.
const SECRETS: [&str; 2] = ["cacerts", "istio-ca-secret"];

/// Its flags.
#[derive(Debug, Clap)]
#[command(rename_all = "camelCase")]
pub struct Args {
    /// The directory of the CA (--caDir of the control plane, or ROOT_CA_DIR); without, the cluster is asked
    #[arg(long, value_name = "DIR", default_value = "", value_parser = path)]
    ca_dir: OptionalPath,
    /// How to reach the API server; without, the cluster that this runs in
    #[arg(long = "kubeconfig", value_name = "FILE", default_value = "", value_parser = path)]
    kubeconfig: OptionalPath,
    /// A file with the mesh configuration, whose caCertificates add roots; without, that of the cluster
    #[arg(long, value_name = "FILE", default_value = "", value_parser = path)]
    mesh_config: OptionalPath,
    /// The namespace of the control plane
    #[arg(short, long, default_value = "istio-system")]
    namespace: String,
}

/// clap reads `Option` as "may be absent".
type OptionalPath = Option<PathBuf>;

pub(super) fn run(arguments: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (text, others) = runtime.block_on(async {
        let (place, issuer) = find(arguments).await?;
        let own = settings.root_grace_percent;
        let text = describe(&place, &issuer, own, Timestamp::now());
        anyhow::Ok((text, others::find(arguments, settings).await?))
    })?;
    print(&format!("{text}{}", others::describe(&others, Timestamp::now())))?;
    Ok(ExitCode::SUCCESS)
}

/// The CA, and where it is.
async fn find(arguments: &Args) -> anyhow::Result<(String, Issuer)> {
    let places = match &arguments.ca_dir {
        Some(directory) => vec![Place::directory(directory.clone())],
        None => {
            // A person asks, once.
            let limits = Limits { rate: 0.0, burst: 0 };
            let client = client::connect(arguments.kubeconfig.as_deref(), limits).await?;
            let secret = |name: &&str| Place::secret(client.clone(), &arguments.namespace, name);
            SECRETS.iter().map(secret).collect()
        }
    };
    for place in &places {
        let kept = place.read().await.with_context(|| place.to_string())?;
        let Some(kept) = kept else { continue };
        let files = kept.files();
        let origin =
            if files.contains_key(material::MADE) { Origin::SelfSigned } else { Origin::PluggedIn };
        match material::read(origin, files) {
            Found::Issuer(issuer) => return Ok((place.to_string(), *issuer)),
            Found::Broken(why) => bail!("{place}: {why}"),
            Found::Nothing => {}
        }
    }
    let asked: Vec<String> = places.iter().map(Place::to_string).collect();
    bail!("there is no CA in {}", asked.join(" or "))
}

/// What there is to say of a CA.
fn describe(place: &str, issuer: &Issuer, grace_percent: u32, now: Timestamp) -> String {
    let mut text = String::new();
    let made = match issuer.origin {
        Origin::PluggedIn => "plugged in",
        Origin::SelfSigned => "self-signed",
    };
    // Writing to a text does not fail.
    let _ = writeln!(text, "{place} ({made})");
    let mut line = |what: &str, certificate: &Certificate| {
        let _ = writeln!(text, "{}", certificate_line(what, certificate, now));
    };
    line("signs", &issuer.certificate);
    let between = issuer.chain.iter().filter(|certificate| **certificate != issuer.certificate);
    between.for_each(|certificate| line("chain", certificate));
    issuer.roots.iter().for_each(|root| line("root", root));
    if !issuer.revoked.is_empty() {
        text.push_str("revoked      there is a list\n");
    }
    for due in due(issuer, grace_percent, now) {
        let _ = writeln!(text, "due          {due}");
    }
    text
}

fn certificate_line(what: &str, certificate: &Certificate, now: Timestamp) -> String {
    let left = certificate.not_after.duration_since(now);
    let left = match left.is_negative() {
        true => "expired".to_owned(),
        false => format!("{} days left", days(left)),
    };
    let (name, subject) = (certificate.fingerprint(), certificate.subject_text());
    format!("{what:<13}{name} {subject}, until {} ({left})", certificate.not_after)
}

/// What somebody, or the control plane, has to do.
fn due(issuer: &Issuer, grace_percent: u32, now: Timestamp) -> Vec<String> {
    if issuer.origin == Origin::SelfSigned {
        let recipe = Recipe {
            organization: String::new(),
            lifetime: std::time::Duration::ZERO,
            bits: 0,
            grace_percent,
        };
        let at = recipe.due(&issuer.certificate);
        return vec![format!("the control plane renews the root, with its key, from {at} on")];
    }
    let certificates = [&issuer.certificate].into_iter().chain(&issuer.chain).chain(&issuer.roots);
    let mut due: Vec<String> = Vec::new();
    for certificate in certificates {
        let life = certificate.not_after.duration_since(certificate.not_before);
        let left = certificate.not_after.duration_since(now);
        let (name, end) = (certificate.fingerprint(), certificate.not_after);
        let what = if left.is_negative() {
            format!("{name} has expired: replace it now")
        } else if left < life * DUE_PERCENT / 100 {
            format!("replace {name} before {end}")
        } else {
            continue;
        };
        if !due.contains(&what) {
            due.push(what);
        }
    }
    due
}

fn days(span: SignedDuration) -> i64 {
    span.as_hours() / 24
}

#[cfg(test)]
mod tests;
