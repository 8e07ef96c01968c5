//! The sample shop as a small mesh on one machine: real Envoys, configured by the daemon, with toy applications
//! behind them, each run by `istiod agent` with an identity that the daemon's CA issued. Prints what to try, waits for Ctrl-C
//! and leaves nothing behind. Needs root; see `make demo`.

mod names;

#[path = "../../tests"]
#[allow(dead_code, reason = "the lab is the tests'; the demo needs a part of it")]
mod shared {
    pub mod lab;
}

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use self::names::Names;
use self::shared::lab::{Lab, OUTSIDE, SHOP, Settings, installed_envoy, obstacle};

/// Runs the sample shop on this machine.
#[derive(Parser)]
struct Arguments {
    /// The daemon's binary; by default the one beside this program.
    #[arg(long)]
    istiod: Option<PathBuf>,
    /// Envoy; by default the one that `make deps` installed.
    #[arg(long)]
    envoy: Option<PathBuf>,
    /// Envoys ask for incremental updates.
    #[arg(long)]
    delta: bool,
    /// Try everything that is printed, once, and end.
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = mesh(Arguments::parse()).await else { return ExitCode::SUCCESS };
    // Without standard error there is nobody to tell; the exit code remains.
    let _ = writeln!(std::io::stderr(), "demo: {error:#}");
    ExitCode::FAILURE
}

async fn mesh(arguments: Arguments) -> Result<()> {
    let envoy = arguments.envoy.unwrap_or_else(installed_envoy);
    if let Some(obstacle) = obstacle(&envoy) {
        bail!("{obstacle}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let settings = Settings {
        istiod: arguments.istiod.map_or_else(beside_this_program, Ok)?,
        envoy,
        objects: root.join("samples/shop"),
        kubeconfig: None,
        mesh: root.join("samples/mesh.yaml"),
        delta: arguments.delta,
    };
    let lab = Lab::start_secured(settings, &[]);
    let lab = tokio::select! {
        lab = lab => lab?,
        ended = interrupted() => return ended,
    };
    let names = Names::give(&lab)?;
    let tries = tries(&lab, &names)?;
    say(&introduction(&lab, &names, &tries))?;
    if arguments.once {
        tries.iter().try_for_each(|(_, line)| attempt(line))
    } else {
        interrupted().await
    }
}

fn beside_this_program() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().and_then(Path::parent).context("this program has no folder")?;
    Ok(folder.join("istiod"))
}

/// What to try, and the command for it.
fn tries(lab: &Lab, names: &Names) -> Result<Vec<(&'static str, String)>> {
    let exec = |pod: &str, command: &str| format!("ip netns exec {} {command}", names.of(pod));
    let gateway = lab.pod("gateway")?.spec.ip;
    let root = lab.trusted_root_file();
    let from_outside = |port: u16, rest: &str| {
        exec("hub", &format!("curl -s --resolve {SHOP}:{port}:{gateway} {rest}"))
    };
    let outside = format!("curl -s http://{OUTSIDE}:8000/");
    let database = "bash -c 'exec 3<>/dev/tcp/orders-db/5432; echo select 1 >&3; head -n 1 <&3'";
    Ok(vec![
        (
            "HTTP over mTLS; each version answers in turn",
            exec("web", "curl -s http://catalog:8080/"),
        ),
        ("endpoints that come from pods", exec("web", "curl -s http://cart:8080/")),
        (
            "HTTP/2, as gRPC uses it",
            exec("web", "curl -s --http2-prior-knowledge http://payment:9000/"),
        ),
        ("plain TCP, over mTLS too", exec("web", database)),
        ("one pod of a headless service", exec("web", "curl -s http://sessions-1.sessions:8080/")),
        ("out of the mesh, in plaintext", exec("web", "curl -s http://mail.legacy:8025/")),
        ("into the mesh, in plaintext", exec("mail", "curl -s http://web.shop:8080/")),
        ("a destination that nobody knows", exec("web", &outside)),
        (
            "from outside, through the gateway",
            from_outside(8080, &format!("http://{SHOP}:8080/catalog/7")),
        ),
        (
            "the same with TLS, which the gateway ends",
            from_outside(8443, &format!("--cacert {} https://{SHOP}:8443/", root.display())),
        ),
        (
            "the certificate of a sidecar, and the root that it knows",
            exec("web", "curl -s http://localhost:15000/certs"),
        ),
        (
            "what its agent says of it",
            exec("web", "curl -s http://localhost:15020/stats/prometheus | grep ^istio_agent"),
        ),
        ("what Envoy has", exec("web", "curl -s http://localhost:15000/listeners")),
        (
            "who is connected to the daemon",
            exec("hub", "curl -s http://localhost:8080/debug/syncz"),
        ),
    ])
}

fn introduction(lab: &Lab, names: &Names, tries: &[(&'static str, String)]) -> String {
    let mut text = String::from("The shop is open. Each pod is a network namespace:\n\n");
    for pod in lab.pods() {
        let sidecar = match &pod.spec {
            spec if spec.gateway => "the gateway",
            spec if spec.sidecar => "with a sidecar",
            _ => "without a sidecar",
        };
        text += &format!("  {:<24} {:<12} {sidecar}\n", names.of(&pod.spec.workload), pod.spec.ip);
    }
    text += &format!("  {:<24} {:<12} the daemon\n", names.of("hub"), "");
    text += "\nThe applications answer with their pod's name and what they were asked; a request that came over\n\
             mTLS has the caller's identity in x-forwarded-client-cert. To try:\n\n";
    for (what, line) in tries {
        text += &format!("  # {what}\n  {line}\n");
    }
    let config = lab.config();
    text + &format!(
        "\nThe daemon watches {}: change a file there.\nCtrl-C ends it.\n",
        config.display()
    )
}

/// Runs a line as a user would, and shows what it says.
fn attempt(line: &str) -> Result<()> {
    let output = Command::new("sh").args(["-c", line]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    say(&format!("\n$ {line}\n{}\n", said.trim_end()))?;
    if !output.status.success() || said.is_empty() {
        bail!("{line}: {} {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => Ok(ended?),
        _ = terminated.recv() => Ok(()),
    }
}

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
