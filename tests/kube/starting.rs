//! A daemon that starts while the API server is away, or fails half way through: it says what it waits for, and serves
//! nothing before it has read everything.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Cluster;
use super::faults::{Fault, Faults};
use super::server::free_port;
use crate::daemon::Daemon;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(50);

/// A daemon that follows a cluster, and may have to wait for it.
struct Starting {
    daemon: Daemon,
    http: SocketAddr,
    xds: SocketAddr,
}

impl Starting {
    fn new(kubeconfig: &Path) -> Starting {
        let xds = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let mut daemon = Daemon::start(&[
            &format!("--kubeconfig={}", kubeconfig.display()),
            &format!("--grpcAddr={xds}"),
            "--meshConfig=",
            "--monitoringAddr=",
            "--ctrlz_port=0",
        ]);
        let http = daemon.address("--httpAddr");
        Starting { daemon, http, xds }
    }

    /// Status and text of `/ready`.
    fn ready(&self) -> (u16, String) {
        let mut connection = TcpStream::connect(self.http).unwrap();
        connection
            .write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// Waits, ready for nobody, until `/ready` tells of something.
    async fn waits_for(&self, what: &str) {
        let begun = Instant::now();
        loop {
            let (status, text) = self.is_closed();
            if text.contains(what) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{status} {text}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Nobody is served. Returns what `/ready` says of it.
    fn is_closed(&self) -> (u16, String) {
        // First the port: it opens before readiness is told.
        let open = TcpStream::connect(self.xds).is_ok();
        let (status, text) = self.ready();
        assert!(!open, "xDS is served: {status} {text}");
        assert_eq!(status, 503, "{text}");
        (status, text)
    }

    async fn becomes_ready(mut self) {
        let begun = Instant::now();
        while self.ready().0 != 200 {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.ready());
            tokio::time::sleep(GLANCE).await;
        }
        TcpStream::connect(self.xds).unwrap();
        self.daemon.until("\tready");
        let (status, log) = self.daemon.stop();
        assert!(status.success(), "{status}\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let Some(mut cluster) = Cluster::private().await else { return };
    cluster.stop();
    let starting = Starting::new(cluster.kubeconfig());
    starting.waits_for("pods (").await;
    starting.waits_for("virtualservices").await;
    cluster.start().await;
    starting.becomes_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_of_a_cluster_that_is_half_read() {
    let Some(cluster) = Cluster::shared().await else { return };
    let faults = Faults::start(cluster.kubeconfig()).await.unwrap();
    // Within the first service.
    faults.inject("/services", Fault::Torn(300));
    let starting = Starting::new(&faults.kubeconfig());
    starting.waits_for("services (").await;
    let mut attempts = 0;
    let begun = Instant::now();
    while attempts < 3 {
        assert!(begun.elapsed() < PATIENCE, "only {attempts} attempts");
        starting.is_closed();
        attempts += faults.requests().iter().filter(|line| line.contains("/services")).count();
        tokio::time::sleep(GLANCE).await;
    }
    let (_, text) = starting.is_closed();
    assert!(!text.contains("pods"), "only what is missing is named: {text}");
    faults.heal();
    starting.becomes_ready().await;
}
