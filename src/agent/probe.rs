//! One look at an application: by a request, by a connection, by a command, or by gRPC's health service.
//!
//! As the kubelet looks: a certificate is not verified, redirects are followed on the same host only, and each look is a
//! connection of its own. It comes from 127.0.0.6 where the application is near, which the rules that lead to Envoy
//! leave alone.

mod grpc;
mod http;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

pub use self::http::{Answer, HttpCheck};
use crate::api::networking::workload_group::ReadinessProbe;

/// Where looks come from.
const SOURCE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6)), 0);

/// What looks call themselves, as istio-agent's do.
const AGENT: &str = "istio-probe/1.0";

/// Between two looks at whether a command has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// A port of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host: an address, or a name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// It is on this machine.
    pub near: bool,
}

/// How it is looked.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// By a request, which is answered with a status from 200 to 399.
    Http(HttpCheck),
    /// By a connection, which is taken.
    Tcp(Target),
    /// By a command and its arguments, which succeeds.
    Exec(Vec<String>),
    /// By gRPC's health service, which says that this service is serving.
    Grpc(Target, String),
}

impl Check {
    /// What a probe says; None for one that says nothing. What it leaves open is at `host`, which is here.
    pub fn read(probe: &ReadinessProbe, host: &str) -> Option<Check> {
        let target = |named: &str, port: u32| {
            let near = named.is_empty();
            let host = if near { host } else { named };
            Some(Target { host: host.to_owned(), port: u16::try_from(port).ok()?, near })
        };
        if let Some(get) = &probe.http_get {
            let headers = get.http_headers.iter();
            let mut headers: Vec<_> =
                headers.map(|header| (header.name.to_string(), header.value.to_string())).collect();
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
                headers.push(("user-agent".to_owned(), AGENT.to_owned()));
            }
            return Some(Check::Http(HttpCheck {
                target: target(&get.host, get.port)?,
                tls: get.scheme.eq_ignore_ascii_case("https"),
                path: get.path.to_string(),
                headers,
            }));
        }
        if let Some(tcp) = &probe.tcp_socket {
            return Some(Check::Tcp(target(&tcp.host, tcp.port)?));
        }
        if let Some(grpc) = &probe.grpc {
            return Some(Check::Grpc(target("", grpc.port)?, grpc.service.to_string()));
        }
        let command = &probe.exec.as_ref()?.command;
        Some(Check::Exec(command.iter().map(|word| word.to_string()).collect()))
    }

    /// Looks once. An error says what is wrong with the application.
    pub async fn look(&self, within: Duration) -> Result<(), String> {
        let looked = tokio::time::timeout(within, self.look_at_leisure(within)).await;
        looked.unwrap_or_else(|_| Err(format!("no answer within {within:?}")))
    }

    async fn look_at_leisure(&self, within: Duration) -> Result<(), String> {
        match self {
            Check::Http(check) => {
                let answer = check.get().await.map_err(|error| format!("{error:#}"))?;
                let status = answer.status;
                match status.is_success() || status.is_redirection() {
                    true => Ok(()),
                    false => Err(format!("it answers with status {}", status.as_u16())),
                }
            }
            Check::Tcp(target) => {
                target.connect().await.map(drop).map_err(|error| error.to_string())
            }
            Check::Exec(command) => run(command, within).await,
            Check::Grpc(target, service) => {
                grpc::serving(target, service, AGENT).await.map_err(|error| format!("{error:#}"))
            }
        }
    }
}

impl Target {
    /// Opens a connection.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let addresses = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        let mut last = io::Error::other("the host has no address");
        for address in addresses {
            let connected = match address.is_ipv4() && self.near {
                true => from_source(address).await,
                false => TcpStream::connect(address).await,
            };
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// As URLs and Host headers spell it.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

async fn from_source(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SOURCE)?;
    socket.connect(address).await
}

/// Runs a command to its end, and ends it when its time is over.
async fn run(command: &[String], within: Duration) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("there is no command".to_owned());
    };
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = Running(started.map_err(|error| format!("{program}: {error}"))?);
    let end = tokio::time::Instant::now() + within;
    while tokio::time::Instant::now() < end {
        match child.0.try_wait() {
            Ok(None) => tokio::time::sleep(GLANCE).await,
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program}: {status}")),
            Err(error) => return Err(format!("{program}: {error}")),
        }
    }
    Err(format!("{program}: it did not end within {within:?}"))
}

/// A command, which does not outlive the look.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is told nothing. One that was killed ends at once.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
pub(super) mod tests;
