//! `istiod version`.

use std::process::ExitCode;

use serde::Serialize;

use crate::version::{REVISION, STATUS, VERSION};

/// What to print.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the version alone
    #[arg(short, long)]
    short: bool,
    /// Print it as data
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Output>,
}

/// A form of data.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Output {
    Json,
    Yaml,
}

/// The form that istiod prints, less what only a Go build has.
#[derive(Serialize)]
struct Report {
    #[serde(rename = "clientVersion")]
    client_version: Build,
}

#[derive(Serialize)]
struct Build {
    version: &'static str,
    revision: &'static str,
    status: &'static str,
    tag: &'static str,
}

/// Prints the version.
pub fn run(arguments: &Args) -> anyhow::Result<ExitCode> {
    let build = Build { version: VERSION, revision: REVISION, status: STATUS, tag: VERSION };
    let report = Report { client_version: build };
    let text = match arguments.output {
        Some(Output::Json) => serde_json::to_string_pretty(&report)? + "\n",
        Some(Output::Yaml) => serde_yaml::to_string(&report)?,
        None if arguments.short => format!("{VERSION}\n"),
        None => format!("istiod {}\n", crate::version::tag()),
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
