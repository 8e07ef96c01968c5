//! A load for the certificate service: so many requests a second for a while, beside proxies that are told of changes.
//! Prints how long certificates took, what was refused, and how long changes took to all proxies.
//!
//! ```text
//! mkdir /tmp/objects
//! istiod discovery --configDir /tmp/objects --caDir /tmp/ca --meshConfig= --secureGRPCAddr 127.0.0.1:15012 &
//! istiod ca token --caDir /tmp/ca -n shop --service-account web --ttl 24h > /tmp/token
//! cargo run --release --example csr_load -- --address 127.0.0.1:15012 --roots /tmp/ca/root-cert.pem \
//!     --token /tmp/token --rate 200 --seconds 60 --proxies 400 --objects /tmp/objects
//! ```
//!
//! Requests are sent when their time has come, however many are still without an answer, and their time counts from
//! then: a server that falls behind is seen. `--rate 0` measures the pushes alone; `taskset -c 0` before the daemon gives
//! it one core, and `pidstat` says how much of it is used. With `--reconnect` each request has a connection of its own, as
//! those of agents have; else there are `--connections`.

mod proxies;
mod requests;
mod target;
mod times;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use self::proxies::Proxies;
use self::requests::Load;
use self::target::Target;

/// Sends requests for certificates to a control plane and measures the answers.
#[derive(Parser)]
struct Arguments {
    /// Where --secureGRPCAddr listens.
    #[arg(long)]
    address: SocketAddr,
    /// The name in its certificate.
    #[arg(long, default_value = "istiod.istio-system.svc")]
    host: String,
    /// The file with the roots of the mesh.
    #[arg(long)]
    roots: PathBuf,
    /// The file with a token of a service account.
    #[arg(long)]
    token: PathBuf,
    /// Requests a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// For so many seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Over so many connections.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Over a new connection for each request.
    #[arg(long)]
    reconnect: bool,
    /// So many proxies are connected meanwhile.
    #[arg(long, default_value_t = 0)]
    proxies: usize,
    /// The namespace and the service account that the token is of, which are those of the proxies.
    #[arg(long, default_value = "shop/web")]
    account: String,
    /// The directory of objects of the control plane, in which a service is added each second.
    #[arg(long)]
    objects: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let measured = measure(Arguments::parse()).await;
    let (text, code) = match &measured {
        Ok(text) => (text.clone(), ExitCode::SUCCESS),
        Err(error) => (format!("csr_load: {error:#}\n"), ExitCode::FAILURE),
    };
    // Without standard output there is nobody to tell; the exit code remains.
    let _ = std::io::stdout().write_all(text.as_bytes());
    code
}

async fn measure(arguments: Arguments) -> Result<String> {
    let read =
        |path: &PathBuf| std::fs::read_to_string(path).with_context(|| path.display().to_string());
    let target = Target::new(
        arguments.address,
        &arguments.host,
        &read(&arguments.roots)?,
        read(&arguments.token)?.trim(),
    )?;
    let changes = arguments.objects.as_ref().filter(|_| arguments.proxies > 0);
    ensure!(
        arguments.proxies == 0 || changes.is_some(),
        "--proxies: without --objects there is nothing that they could be told"
    );
    let proxies = match changes {
        Some(objects) => {
            Some(Proxies::connect(&target, arguments.proxies, &arguments.account, objects).await?)
        }
        None => None,
    };
    let load = Load {
        rate: arguments.rate,
        duration: Duration::from_secs(arguments.seconds),
        connections: arguments.connections,
        reconnect: arguments.reconnect,
    };
    let (requests, pushes) = tokio::join!(load.run(&target), async {
        match proxies {
            Some(proxies) => Some(proxies.measure(load.duration).await),
            None => None,
        }
    });
    let mut text = requests?.to_string();
    if let Some(pushes) = pushes.transpose()? {
        text.push_str(&format!(
            "changes, until each of {} proxies has them: {pushes}\n",
            arguments.proxies
        ));
    }
    Ok(text)
}
