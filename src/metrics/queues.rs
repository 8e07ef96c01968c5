//! Queues of the controllers, under the names that istiod gives its own (ISTIO_ENABLE_CONTROLLER_QUEUE_METRICS).

use super::{Family, Gauge, Histogram};

/// Buckets of the times of an item, in seconds.
const SECONDS: &[f64] = &[0.01, 0.1, 0.2, 0.5, 1.0, 3.0, 5.0];

metrics! {
    /// Nothing is counted unless the operator wants it.
    Queues {}
    /// Items that wait in the queue of a controller.
    depth: Family<Gauge> = "pilot_worker_queue_depth", Family::gauges(&["queueID"]);
    /// Seconds that an item waited for its turn.
    latency: Family<Histogram> = "pilot_worker_queue_latency", Family::histograms(&["queueID"], SECONDS);
    /// Seconds that it took to deal with an item.
    duration: Family<Histogram> = "pilot_worker_queue_duration", Family::histograms(&["queueID"], SECONDS);
}
