//! An API server as a child: started, and ended by closing its stdin. Knows how to find one, and no objects.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// A running API server. Dropping it ends it at once, without a word to its clients.
pub struct Server {
    child: Child,
    /// The administrator's access.
    pub kubeconfig: PathBuf,
}

/// Where people put etcd, kube-apiserver and kubectl.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// What can be started.
#[derive(Clone)]
pub enum Program {
    /// That of this repository.
    Ours(PathBuf),
    /// A script that starts etcd and kube-apiserver.
    Script(PathBuf),
}

impl Program {
    /// What there is; else why there is none.
    pub fn find() -> Result<Program, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        if assets().is_some() {
            return Ok(Program::Script(root.join("tests/kube-apiserver/binaries.sh")));
        }
        let ours = root.join("target/kube-apiserver/kube-apiserver");
        if ours.exists() {
            return Ok(Program::Ours(ours));
        }
        Err(format!("{} is missing; `make test` builds it where Go is installed", ours.display()))
    }

    /// What does `kubectl apply`.
    pub fn kubectl() -> PathBuf {
        match (Program::find(), assets()) {
            (Ok(Program::Ours(binary)), _) => binary,
            (_, Some(assets)) => assets.join("kubectl"),
            _ => "kubectl".into(),
        }
    }
}

impl Server {
    /// Starts one on a port. Its state is in a directory, or goes with it.
    pub fn start(program: &Program, directory: Option<&Path>, port: u16) -> Result<Server> {
        let mut command = match program {
            Program::Ours(binary) => {
                let mut command = Command::new(binary);
                command.args(["serve", "--port", &port.to_string()]);
                command.args(directory.is_some().then_some("--data-dir"));
                command
            }
            Program::Script(script) => {
                let mut command = Command::new("sh");
                command.arg(script).arg(port.to_string());
                command
            }
        };
        command.args(directory);
        let logs = directory.unwrap_or(Path::new(env!("CARGO_TARGET_TMPDIR")));
        std::fs::create_dir_all(logs)?;
        let log = logs.join("kube-apiserver.log");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut said)?;
        let Some(kubeconfig) = said.trim().strip_prefix("ready ") else {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("the API server ended before it was ready:\n{}", tail(&log));
        };
        Ok(Server { kubeconfig: kubeconfig.into(), child })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// The folder with the binaries of others, where there is one.
fn assets() -> Option<PathBuf> {
    std::env::var_os(ASSETS).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// A port of 127.0.0.1 that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The last lines of a log.
fn tail(log: &str) -> &str {
    let start = log.rmatch_indices('\n').nth(20).map_or(0, |(at, _)| at + 1);
    log.get(start..).unwrap_or(log)
}
