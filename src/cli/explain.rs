//! `istiod explain`: the way of a request through a proxy of a directory of objects, and what decides it.

mod target;

use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use super::FAILED;
use super::inputs::{Whose, tell};
use crate::settings::Settings;
use crate::simulate::{self, Served, Version};
use crate::translate::Translator;

/// Whose way, and of which request.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["request", "tcp"]))]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// An HTTP request, such as 'GET http://reviews:9080/reviews/1?full=true'; https is sent in TLS
    #[arg(long, value_name = "REQUEST", value_parser = target::http)]
    request: Option<target::Url>,
    /// A connection of another protocol
    #[arg(long, value_name = "HOST:PORT", value_parser = target::tcp)]
    tcp: Option<target::Url>,
    /// A header of the request; may be given several times
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = target::header)]
    header: Vec<(String, String)>,
    /// Which way, through a sidecar: from its application, or to it. Gateways have none
    #[arg(long, value_name = "DIRECTION", default_value = "outbound")]
    direction: Direction,
    /// What the connection is in; by default plaintext, TLS for https, and mutual TLS of the mesh to a workload
    #[arg(long, value_name = "TRANSPORT")]
    transport: Option<Transport>,
    /// The server name in TLS; by default the host
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// The application protocols offered in TLS, preferred first
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    alpn: Vec<String>,
    /// The version of HTTP
    #[arg(long = "http", value_name = "VERSION", default_value = "1.1", value_parser = target::version)]
    version: Version,
    /// The address to connect to, instead of what the mesh knows of the host
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// The address of the client
    #[arg(long, value_name = "IP")]
    source: Option<IpAddr>,
    /// Whom the client's certificate names, in mutual TLS: TRUST_DOMAIN/ns/NAMESPACE/sa/NAME
    #[arg(long, value_name = "IDENTITY", value_parser = target::identity)]
    identity: Option<String>,
    /// What a token of the request claims that was verified, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = target::claims)]
    claims: Option<serde_json::Value>,
    /// The form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

/// Which way through a sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Direction {
    Outbound,
    Inbound,
}

/// What a connection is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Transport {
    /// Plaintext
    Raw,
    /// TLS without a client certificate
    Tls,
    /// TLS with a client certificate
    Mtls,
}

/// A form of output.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Output {
    Text,
    Json,
    Yaml,
}

/// Prints the way. Fails when the request goes nowhere.
pub fn run(arguments: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let (loaded, proxy) = arguments.whose.load(settings)?;
    let proxy = Arc::new(proxy);
    let view = Translator::default().view(&loaded.snapshot, &proxy);
    tell(view.diagnostics.iter().flat_map(|layer| layer.iter()));
    let served = Served::of(&view);
    let target = target::resolve(arguments, &served, &loaded.snapshot, &proxy)?;
    let explanation = simulate::explain(&served, &target.request);
    let text = match arguments.output {
        Output::Text => format!("{}\n{explanation}", target.line),
        Output::Json => serde_json::to_string_pretty(&explanation)? + "\n",
        Output::Yaml => serde_yaml::to_string(&explanation)?,
    };
    super::print(&text)?;
    Ok(if explanation.is_reached() { ExitCode::SUCCESS } else { FAILED.into() })
}
