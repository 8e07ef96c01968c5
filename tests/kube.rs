//! A real API server for tests.
//!
//! One serves all tests of a run: each test works in namespaces of its own. Who stops the server, or wants nothing
//! else in it, starts a private one. Servers are children that end when their stdin does, which is when this
//! process ends. Only `serving` and the tests know the daemon.
//!
//! Where the server comes from: `target/kube-apiserver`, which `make test` builds of `tests/kube-apiserver`; or the
//! binaries in `$KUBEBUILDER_ASSETS`; and the shared one may be any cluster, `$ISTIOD_TEST_KUBECONFIG`.

mod churn;
pub mod cluster;
mod crds;
pub mod faults;
mod faulty;
pub mod namespace;
pub mod objects;
mod scenarios;
pub mod server;
pub mod serving;
mod starting;

pub use self::cluster::Cluster;
pub use self::serving::Serving;
