//! Envoy as a child: started, awaited, drained and ended, and never left behind.
//!
//! Owns the process. It ends with the agent, however that ends: by dropping, and by the kernel where the agent is killed
//! ([`with_parent`]). A signal of the terminal reaches the agent only, which drains Envoy before it ends it.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::drain::Drain;

/// How long Envoy may take to end once it was told to; it has drained before.
const TERMINATION: Duration = Duration::from_secs(5);

/// What is run.
#[derive(Clone, Debug)]
pub struct Program {
    /// A command that runs the command that follows it; none if empty. It ties Envoy to the agent's life.
    pub launcher: Vec<OsString>,
    /// Envoy.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// What Envoy's keeper is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Drain, and go on: the end comes with the next order.
    Drain,
    /// Drain, then end. At once, if it has drained already.
    Stop,
    /// End at once.
    Quit,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it was told.
    Asked,
    /// By itself, with this exit code; that of a signal is 128 and its number, as shells have it.
    ByItself(u8),
}

/// Runs Envoy to its end. Without anybody who could give orders any more, it ends.
pub async fn run(
    program: &Program,
    drain: &Drain,
    mut orders: mpsc::Receiver<Order>,
) -> anyhow::Result<Ended> {
    let mut envoy = Running::start(program)?;
    let mut drained = false;
    loop {
        let order = tokio::select! {
            status = envoy.wait() => return by_itself(status?),
            order = orders.recv() => order.unwrap_or(Order::Quit),
        };
        match order {
            Order::Drain => {
                drain.begin(true).await;
                drained = true;
            }
            Order::Stop if !drained => break,
            Order::Stop | Order::Quit => return envoy.terminate().await,
        }
    }
    drain.begin(false).await;
    tokio::select! {
        status = envoy.wait() => {
            let status = status?;
            info!("Envoy ended while it drained: {status}");
            return Ok(Ended::Asked);
        }
        () = drain.done() => info!("Envoy has drained"),
        _ = orders.recv() => warn!("told again: Envoy ends at once"),
    }
    envoy.terminate().await
}

fn by_itself(status: ExitStatus) -> anyhow::Result<Ended> {
    if status.signal() == Some(Signal::SIGKILL as i32) {
        warn!("Envoy was killed; perhaps it was out of memory");
    } else {
        warn!("Envoy ended: {status}");
    }
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(Ended::ByItself(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// The process. Dropping it kills it.
struct Running {
    child: Child,
    children: tokio::signal::unix::Signal,
}

impl Running {
    fn start(program: &Program) -> anyhow::Result<Running> {
        open_as_many_files_as_allowed();
        // Before the child: its end must not be missed.
        let children = signal(SignalKind::child())?;
        let mut words = program.launcher.iter().cloned();
        let first = words.next().unwrap_or_else(|| program.path.clone().into());
        let mut command = Command::new(first);
        command.args(words);
        if !program.launcher.is_empty() {
            command.arg(&program.path);
        }
        let child = command
            .args(&program.arguments)
            .process_group(0)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.path.display()))?;
        info!(pid = child.id(), "started {}", program.path.display());
        Ok(Running { child, children })
    }

    async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if self.children.recv().await.is_none() {
                bail!("no signals arrive any more");
            }
        }
    }

    async fn terminate(&mut self) -> anyhow::Result<Ended> {
        // It was not waited for, so that the id is still its own.
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        if let Ok(status) = tokio::time::timeout(TERMINATION, self.wait()).await {
            info!("Envoy ended: {}", status?);
        } else {
            warn!("Envoy did not end within {TERMINATION:?} and is killed");
            self.child.kill()?;
            self.wait().await?;
        }
        Ok(Ended::Asked)
    }
}

/// Envoy needs a file for each connection, and has the limits of who starts it.
fn open_as_many_files_as_allowed() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        warn!("Envoy may open few files only: {error}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Becomes a command that is killed when its parent dies; does not return unless that fails. `parent` is who that is to
/// be, which may be gone already.
pub fn with_parent(parent: i32, command: &[OsString]) -> anyhow::Result<Infallible> {
    let [program, arguments @ ..] = command else { bail!("a command is needed") };
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != Pid::from_raw(parent) {
        bail!("the parent is gone");
    }
    Err(Command::new(program).args(arguments).exec()).with_context(|| program.display().to_string())
}

#[cfg(test)]
mod tests;
