//! Network namespaces: one machine that is many.
//!
//! A [`Namespace`] is a thread that lives in a network namespace of its own and runs what it is given there. A
//! socket keeps the namespace in which it was made and a child that of the thread that started it, so only
//! making them needs the thread. It sees the machine's files; what it mounts over them nobody else sees. A namespace
//! has no name in the file system: it ends with its thread and
//! its last socket, and nothing is left even if the process is killed.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;
use tokio::net::{TcpSocket, TcpStream};

type Job = Box<dyn FnOnce() + Send>;

/// A network namespace and the thread that lives in it.
pub struct Namespace {
    name: String,
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    tid: i32,
}

impl Namespace {
    /// Makes a namespace in which only the loopback interface is up. The name serves messages only. Needs root.
    pub fn new(name: &str) -> Result<Namespace> {
        let (jobs, queue) = sync_channel::<Job>(1);
        let (born, birth) = sync_channel(1);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let own = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
            let made = unshare(own).map(|()| gettid().as_raw());
            let failed = made.is_err();
            if born.send(made).is_ok() && !failed {
                queue.into_iter().for_each(|job| job());
            }
        })?;
        let tid = birth.recv()?.with_context(|| {
            format!("cannot make a network namespace for {name}: is this root?")
        })?;
        let made = Namespace { name: name.to_owned(), jobs: Some(jobs), thread: Some(thread), tid };
        made.command("ip", &["link", "set", "lo", "up"], "")?;
        made.command("mount", &["--make-rprivate", "/"], "")?;
        Ok(made)
    }

    /// Has programs that are started here from now on know the hosts of a file in the form of `/etc/hosts`, and no
    /// others by file.
    pub fn know_hosts(&self, file: &Path) -> Result<()> {
        self.command("mount", &["--bind", &file.display().to_string(), "/etc/hosts"], "")
    }

    /// Where others find the namespace, in the form that `ip` and `nsenter` take.
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/task/{}/ns/net", std::process::id(), self.tid).into()
    }

    /// Its thread, for tools that take a process id.
    pub fn tid(&self) -> i32 {
        self.tid
    }

    /// Runs something in the namespace and waits for it.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (done, result) = sync_channel(1);
        let job: Job = Box::new(move || drop(done.send(work())));
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).context("the namespace is gone")?;
        Ok(result.recv()??)
    }

    /// Runs a command to its end in the namespace and gives it `input`. An error carries what it said.
    pub fn command(&self, program: &str, arguments: &[&str], input: &str) -> Result<()> {
        let what = format!("{program} {} (in {})", arguments.join(" "), self.name);
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let input = input.to_owned();
        let output = self
            .run(move || {
                let mut child = command.spawn()?;
                child.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(input.as_bytes()))?;
                child.wait_with_output()
            })
            .with_context(|| format!("cannot run {what}"))?;
        if !output.status.success() {
            bail!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Opens a connection from the namespace.
    pub async fn connect(&self, address: SocketAddr) -> Result<TcpStream> {
        let socket = self.run(TcpSocket::new_v4)?;
        socket.connect(address).await.with_context(|| format!("{} -> {address}", self.name))
    }

    /// Listens in the namespace.
    pub fn listen(&self, address: SocketAddr) -> Result<tokio::net::TcpListener> {
        let listener = self
            .run(move || {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Ok(listener)
            })
            .with_context(|| format!("cannot listen on {address} in {}", self.name))?;
        Ok(tokio::net::TcpListener::from_std(listener)?)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
