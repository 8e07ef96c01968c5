//! Children: started in a namespace, logged to a file, ended by handle.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::namespace::Namespace;

/// How long a child may take to end after SIGTERM; the daemon drains its streams first.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at a child that is about to end.
const GLANCE: Duration = Duration::from_millis(20);
/// Lines of the log that a failed test shows.
const TAIL: usize = 30;

/// A running child. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` in a namespace, as group `group` if given, with its output appended to `log`. It dies
    /// with this process, however that ends.
    pub fn start(
        namespace: &Namespace,
        name: &str,
        program: &Path,
        arguments: &[String],
        group: Option<u32>,
        log: PathBuf,
    ) -> Result<Process> {
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(group) = group {
            command.args(["--regid", &group.to_string(), "--clear-groups"]);
        }
        command.arg("--").arg(program).args(arguments);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = namespace
            .run(move || command.spawn())
            .with_context(|| format!("cannot start {name} ({})", program.display()))?;
        Ok(Process { name: name.to_owned(), child, log })
    }

    /// The exit status, once it ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to end and waits; kills it when that takes too long.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(GLANCE);
        }
        self.child.kill()?;
        self.child.wait()?;
        anyhow::bail!("{} did not end within {PATIENCE:?} of SIGTERM\n{}", self.name, self.tail())
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.len().saturating_sub(TAIL);
        format!("--- {}\n{}", self.name, lines.get(last..).unwrap_or_default().join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
