//! The one test binary: everything that is tested through the public interface or a running daemon.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says why it skips"
)]

mod certificates;
mod command_line;
mod controllers;
mod daemon;
mod debug;
mod e2e;
mod explained;
mod gateway_certificates;
mod golden;
mod injection;
#[allow(dead_code, reason = "tests of the daemon against a cluster use the rest")]
mod kube;
mod kube_secrets;
#[allow(dead_code, reason = "the demo uses the rest")]
mod lab;
mod layering;
mod manifests;
mod metrics;
mod parity;
mod profiles;
mod recorded;
mod registration;
mod registry;
mod remote;
mod running;
#[path = "../src/skip.rs"]
mod skip;
mod trust;
mod xds;
