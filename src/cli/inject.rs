//! `istiod inject -f FILE`: the objects of a file with the sidecars that the webhook would add to their pods.
//!
//! The same library as the webhook's, over files: the injector's configuration and values, and the mesh configuration, each
//! as it is or in its ConfigMap. Objects go to standard output, what became of each to standard error.

mod yaml;

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Deserialize as _;
use serde_json::Value as Json;

use crate::webhooks::inject::{self, Config, Injector, Mesh, Values, offline};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// What to inject, with what.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file of objects in YAML or JSON; - for standard input
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    filename: PathBuf,
    /// The injector's configuration: the ConfigMap istio-sidecar-injector, or its key config alone
    #[arg(long = "inject-config", value_name = "FILE")]
    inject_config: PathBuf,
    /// The injector's values, when the configuration is not in a ConfigMap that has them
    #[arg(long = "values", value_name = "FILE")]
    values: Option<PathBuf>,
    /// The mesh configuration: the ConfigMap istio, or its key mesh alone; without it, the defaults
    #[arg(long = "mesh-config", value_name = "FILE")]
    mesh_config: Option<PathBuf>,
    /// The revision that injects
    #[arg(long = "revision", default_value = "")]
    revision: String,
    /// Whether sidecars are init containers that keep running, as where all nodes know how
    #[arg(long = "native-sidecars", default_value_t = true, action = clap::ArgAction::Set)]
    native_sidecars: bool,
    /// The namespace of objects that do not say theirs
    #[arg(short = 'n', long = "namespace", default_value = "default")]
    namespace: String,
}

/// Prints the injected objects.
pub fn run(arguments: &Args, environment: Vec<(String, String)>) -> anyhow::Result<ExitCode> {
    let injector = injector(arguments, environment)?;
    let done = injected(&injector, arguments, &read(&arguments.filename)?)?;
    super::print(&done.objects)?;
    // Without standard error there is nobody to tell; the exit code remains.
    let _ = io::stderr().write_all(done.told.as_bytes());
    Ok(if done.sound { ExitCode::SUCCESS } else { super::FAILED.into() })
}

/// What became of a file.
struct Done {
    /// Its objects.
    objects: String,
    /// A line for each object that makes pods.
    told: String,
    /// Whether all were injected that were to be.
    sound: bool,
}

fn injected(injector: &Injector, arguments: &Args, text: &str) -> anyhow::Result<Done> {
    let mut done = Done { objects: String::new(), told: String::new(), sound: true };
    for document in serde_yaml::Deserializer::from_str(text) {
        let mut object = Json::deserialize(document)
            .with_context(|| format!("{}: is no YAML", arguments.filename.display()))?;
        if object.is_null() {
            continue;
        }
        match offline::inject(injector, &mut object, &arguments.namespace) {
            Ok(all) => all.iter().for_each(|injected| done.told.push_str(&line(injected))),
            Err(message) => {
                done.sound = false;
                done.told.push_str(&format!("istiod: {message}\n"));
            }
        }
        done.objects.push_str("---\n");
        done.objects.push_str(&yaml::document(&object));
    }
    Ok(done)
}

/// What became of an object.
fn line(injected: &offline::Injected) -> String {
    let decision = &injected.decision;
    let done = if decision.injects { "injected" } else { "not injected" };
    let warning = decision.warning.as_ref().map_or(String::new(), |text| format!("; {text}"));
    format!("{}: {done}: {}{warning}\n", injected.name, decision.because)
}

fn injector(arguments: &Args, environment: Vec<(String, String)>) -> anyhow::Result<Injector> {
    let library = inject::library(environment.into_iter().collect());
    let given = read(&arguments.inject_config)?;
    let named = |path: &Path| path.display().to_string();
    let config = of_config_map(&given, "config").unwrap_or_else(|| given.clone());
    let config =
        Config::parse(&config, &library).with_context(|| named(&arguments.inject_config))?;
    let values = match (&arguments.values, of_config_map(&given, "values")) {
        (Some(path), _) => {
            let text = read(path)?;
            let text = of_config_map(&text, "values").unwrap_or(text);
            Values::parse(&text).with_context(|| named(path))?
        }
        (None, Some(text)) => {
            Values::parse(&text).with_context(|| named(&arguments.inject_config))?
        }
        (None, None) => {
            bail!("{} has no values; give them with --values", arguments.inject_config.display())
        }
    };
    let mesh = match &arguments.mesh_config {
        Some(path) => {
            let text = read(path)?;
            let text = of_config_map(&text, "mesh").unwrap_or(text);
            Mesh::parse(&text).map_err(|message| anyhow::anyhow!("{}: {message}", named(path)))?
        }
        None => Mesh::parse("{}").map_err(anyhow::Error::msg)?,
    };
    Ok(Injector {
        config: Arc::new(config),
        values: Arc::new(values),
        mesh: Arc::new(mesh),
        library: Arc::new(library),
        revision: arguments.revision.clone(),
        native_sidecars: arguments.native_sidecars,
        compliance_policy: String::new(),
    })
}

/// A key of the ConfigMap that a text is; None when it is something else.
fn of_config_map(text: &str, key: &str) -> Option<String> {
    let json: Json = serde_yaml::from_str(text).ok()?;
    match json.get("kind").and_then(Json::as_str) {
        Some("ConfigMap") => json.get("data")?.get(key)?.as_str().map(str::to_owned),
        _ => None,
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let reader: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => {
            let file = fs::File::open(path);
            Box::new(file.with_context(|| format!("{}: cannot be read", path.display()))?)
        }
    };
    let size = reader
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    if u64::try_from(size).is_ok_and(|size| size > MAX_BYTES) {
        bail!("{}: larger than {MAX_BYTES} bytes", path.display());
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
