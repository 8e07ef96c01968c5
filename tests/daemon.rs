//! The daemon's binary on free ports of this machine, as its log tells of it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Lines of a log that wait to be read: more than any test writes.
const LOG_LINES: usize = 100_000;

/// A running daemon. Dropping it kills it.
pub struct Daemon {
    child: Child,
    log: Receiver<String>,
}

impl Daemon {
    /// `istiod discovery` with these arguments and an empty environment, its HTTP port a free one. A thread takes its
    /// log, and ends with it: a full pipe would hold the daemon up for ever.
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
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, log) = sync_channel(LOG_LINES);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Daemon { child, log }
    }

    /// Reads the log up to the line that has a text.
    pub fn until(&mut self, text: &str) -> String {
        let line = self.log.iter().find(|line| line.contains(text));
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
        let rest: Vec<_> = self.log.iter().collect();
        (self.child.wait().unwrap(), rest.join("\n"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
