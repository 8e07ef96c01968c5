//! `istiod translate`: what a proxy of a directory of objects would be served, without a server.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::Value;

use super::inputs::{Whose, tell};
use crate::proto::json::{Names, to_json};
use crate::settings::Settings;
use crate::translate::{ResourceType, Translator, View};

/// Whose resources, and which.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// The types of resources; all without it
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_enum)]
    types: Vec<Type>,
    /// The form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "yaml")]
    output: Output,
}

/// A type of resources, by its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Type {
    Cds,
    Eds,
    Lds,
    Rds,
    Ecds,
    Nds,
}

/// A form of data.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Output {
    Yaml,
    Json,
}

/// Prints the resources: for each type a list, sorted by name.
pub fn run(arguments: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let (loaded, proxy) = arguments.whose.load(settings)?;
    let proxy = Arc::new(proxy);
    let view = Translator::default().view(&loaded.snapshot, &proxy);
    tell(view.diagnostics.iter().flat_map(|layer| layer.iter()));
    let wanted = |kind: &ResourceType| {
        arguments.types.is_empty() || arguments.types.iter().any(|wanted| wanted.is(*kind))
    };
    let mut served = BTreeMap::new();
    for kind in ResourceType::ALL.into_iter().filter(wanted) {
        served.insert(kind.short_name(), resources(&view, kind)?);
    }
    let text = match arguments.output {
        Output::Json => serde_json::to_string_pretty(&served)? + "\n",
        Output::Yaml => serde_yaml::to_string(&served)?,
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

impl Type {
    fn is(self, kind: ResourceType) -> bool {
        match self {
            Type::Cds => kind == ResourceType::Cluster,
            Type::Eds => kind == ResourceType::Endpoint,
            Type::Lds => kind == ResourceType::Listener,
            Type::Rds => kind == ResourceType::Route,
            Type::Ecds => kind == ResourceType::Extension,
            Type::Nds => kind == ResourceType::NameTable,
        }
    }
}

fn resources(view: &View, kind: ResourceType) -> anyhow::Result<Vec<Value>> {
    let by_name: BTreeMap<&str, _> = view.items(kind).map(|r| (&*r.name, r)).collect();
    let json = by_name.into_values().map(|r| to_json(kind.type_url(), &r.body, Names::Proto));
    Ok(json.collect::<Result<_, _>>()?)
}
