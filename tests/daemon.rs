//! The daemon's binary on free ports of this machine, as its log tells of it.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running daemon. Dropping it kills it.
pub struct Daemon {
    child: Child,
    log: Lines<BufReader<ChildStdout>>,
}

impl Daemon {
    /// `istiod discovery` with these arguments and an empty environment, its HTTP port a free one. Its log waits
    /// to be read, and what does not fit into a pipe holds it up: log little of what nobody reads.
    pub fn start(arguments: &[&str]) -> Daemon {
        Daemon::start_with(&[], arguments)
    }

    /// The same with these variables.
    pub fn start_with(environment: &[(&str, &str)], arguments: &[&str]) -> Daemon {
        let mut child = Command::new(env!("CARGO_BIN_EXE_istiod"))
            .env_clear()
            .envs(environment.iter().copied())
            .args(["discovery", "--httpAddr=127.0.0.1:0", "--secureGRPCAddr=", "--httpsAddr="])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap()).lines();
        Daemon { child, log }
    }

    /// Reads the log up to the line that has a text.
    pub fn until(&mut self, text: &str) -> String {
        let line = self.log.by_ref().map(Result::unwrap).find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("the daemon ended without a line that has {text:?}"))
    }

    /// Reads the log up to the address on which a flag made it listen.
    pub fn address(&mut self, flag: &str) -> SocketAddr {
        let line = self.until(&format!("{flag}: listening on "));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }

    /// Asks it to end. How it ended, and the rest of its log.
    pub fn stop(mut self) -> (ExitStatus, String) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        let rest: Vec<_> = self.log.by_ref().map(Result::unwrap).collect();
        (self.child.wait().unwrap(), rest.join("\n"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
