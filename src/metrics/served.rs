//! What proxies are served, and what that costs: where istiod shows the sum only, or nothing.

use super::process::resident_now;
use super::text::Visit;
use super::{Counter, Family, Gauge, Histogram};

/// Buckets of the time from a change to its last acknowledgement, in seconds: what is asked of one change is
/// milliseconds, and an Envoy that warms its clusters takes seconds.
const ACKNOWLEDGED_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

metrics! {
    /// Scopes, resources, bytes and times.
    Served { idle: Idle }
    /// Groups of connected proxies that are served from the same resources.
    scopes: Gauge = "istiod_scopes", Gauge::default();
    /// Resources that exist for connected proxies, each counted once, by short type name.
    resources: Family<Gauge> = "istiod_resources", Family::gauges(&["type"]);
    /// Bytes of the resources that exist for connected proxies, by short type name.
    resource_bytes: Family<Gauge> = "istiod_resource_bytes", Family::gauges(&["type"]);
    /// Resources that connected proxies are served, counted for each of them, by short type name.
    shared: Family<Gauge> = "istiod_served_resources", Family::gauges(&["type"]);
    /// Resources that were built, by short type name.
    built: Family<Counter> = "istiod_resources_built_total", Family::counters(&["type"]);
    /// How often a resource was wanted that had been built already, by short type name.
    reused: Family<Counter> = "istiod_resources_reused_total", Family::counters(&["type"]);
    /// Memory for each connected proxy: what is resident beyond what was while nobody was connected, by their number.
    connection_memory: Gauge = "istiod_connection_memory_bytes", Gauge::default();
    /// Seconds from a change to the acknowledgement of the last proxy that was sent some of it, by what changed:
    /// endpoints or configuration.
    acknowledged: Family<Histogram> = "istiod_change_acknowledged_seconds",
        Family::histograms(&["type"], ACKNOWLEDGED_SECONDS);
    /// Proxies that were sent something that they neither accepted nor refused yet.
    unacknowledged: Gauge = "istiod_unacknowledged_proxies", Gauge::default();
    /// Seconds since the proxy that is most behind was sent what it did not answer yet.
    oldest_unacknowledged: Gauge = "istiod_oldest_unacknowledged_seconds", Gauge::default();
}

/// The memory that was resident when nobody was connected. Is no metric of its own.
#[derive(Debug)]
struct Idle(Gauge);

impl Idle {
    fn zero() -> Idle {
        Idle(Gauge::default())
    }

    fn visit(&self, _: &mut impl Visit) {}
}

impl Served {
    /// Looks at the memory, now that so many proxies are connected.
    pub fn measure_memory(&self, connections: usize) {
        let Some(resident) = resident_now() else { return };
        if connections == 0 {
            self.idle.0.set(resident);
            self.connection_memory.set(0.0);
            return;
        }
        let own = (resident - self.idle.0.get()).max(0.0);
        self.connection_memory.set(own / connections as f64);
    }
}
