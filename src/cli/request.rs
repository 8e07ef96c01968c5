//! `istiod request METHOD PATH [BODY]`: asks the control plane of this machine.
//!
//! What older `istioctl`s run inside the pod. Speaks HTTP/1.0, whose answers end where the connection ends:
//! that is all it takes, without an HTTP client. The answer is copied as it comes, whatever its size.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Where the control plane answers (`--monitoringAddr`).
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 15014);

/// For the whole exchange, as istiod has it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Longest status line or header that is read.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// What to ask.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The method, such as GET
    method: String,
    /// The path, such as /debug/syncz
    path: String,
    /// The body
    #[arg(default_value = "", hide_default_value = true)]
    body: String,
}

/// Asks, prints the body, and fails unless the status is one of success.
pub fn run(arguments: &Args) -> anyhow::Result<ExitCode> {
    let status = exchange(ADDRESS, arguments, &mut io::stdout().lock())?;
    if !(200..300).contains(&status) {
        bail!("{} {}: HTTP status {status}", arguments.method, arguments.path);
    }
    Ok(ExitCode::SUCCESS)
}

/// One request; the body of the answer goes to `out`, its status comes back.
fn exchange(address: SocketAddr, arguments: &Args, out: &mut impl Write) -> anyhow::Result<u16> {
    let Args { method, path, body } = arguments;
    if [method, path]
        .iter()
        .any(|text| text.contains(|c: char| c.is_whitespace() || c.is_control()))
    {
        bail!(
            "{method:?} {path:?}: a method and a path without blanks are needed, such as GET /debug/syncz"
        );
    }
    let deadline = Instant::now() + TIMEOUT;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)
        .with_context(|| format!("no control plane answers on {address}"))?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let head = format!(
        "{method} {slash}{path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = BufReader::new(Timed { stream, deadline });
    let status = read_line(&mut answer)?;
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("{address} does not speak HTTP"))?;
    while !read_line(&mut answer)?.is_empty() {}
    io::copy(&mut answer, out)?;
    out.flush()?;
    Ok(status)
}

/// A line of the head, without its end.
fn read_line(answer: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    answer.take(MAX_LINE_BYTES).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// A stream whose reads all end at one deadline.
struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no complete answer within {} s", TIMEOUT.as_secs()),
            ));
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

#[cfg(test)]
mod tests;
