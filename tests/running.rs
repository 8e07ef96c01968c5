//! The binary from outside while it runs: what it logs, and how that is changed.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A daemon that serves the samples on free ports. Dropping it kills it.
struct Daemon {
    child: Child,
    log: Lines<BufReader<ChildStdout>>,
}

impl Daemon {
    fn start(controlz_port: u16) -> Daemon {
        let config = format!("--configDir={}/samples/shop", env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_istiod"))
            .env_clear()
            .args(["discovery", &config, "--meshConfig=", "--httpAddr=127.0.0.1:0"])
            .args(["--grpcAddr=", "--secureGRPCAddr=", "--httpsAddr=", "--monitoringAddr="])
            .arg(format!("--ctrlz_port={controlz_port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stdout.take().unwrap()).lines();
        Daemon { child, log }
    }

    /// Reads the log up to the line that has a text.
    fn until(&mut self, text: &str) -> String {
        let line = self.log.by_ref().map(Result::unwrap).find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("the daemon ended without a line that has {text:?}"))
    }

    /// Asks it to end. How it ended, and the rest of its log.
    fn stop(mut self) -> (ExitStatus, String) {
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

/// The answer to a request over a connection of its own.
fn put(address: SocketAddr, path: &str, body: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(connection, "PUT {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n").unwrap();
    write!(connection, "Content-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn log_levels_change_while_it_runs() {
    for (level, shown) in [("none", false), ("debug", true)] {
        let mut daemon = Daemon::start(0);
        let line = daemon.until("--ctrlz_port: listening on ");
        let (_, address) = line.rsplit_once(' ').unwrap();
        let body = format!("{{\"output_level\":\"{level}\"}}");
        let answer = put(address.parse().unwrap(), "/scopej/default", &body);
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        let (status, rest) = daemon.stop();
        assert!(status.success(), "{status}");
        assert_eq!(rest.contains("SIGTERM: stopping"), shown, "{level}: {rest}");
    }
}

#[test]
fn a_port_that_is_taken_does_not_stop_it() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut daemon = Daemon::start(port);
    let line = daemon.until(&format!("--ctrlz_port 127.0.0.1:{port}: cannot listen there: "));
    assert!(line.ends_with(": log levels cannot be changed while running"), "{line}");
    daemon.until("\tready");
    assert!(daemon.stop().0.success());
}
