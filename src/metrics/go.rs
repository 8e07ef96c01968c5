//! What Istio's dashboards read of Go's runtime, as far as it has a meaning in a process without one.

use super::Gauge;
use super::process::{kilobytes, number};
use super::text::Visit;

/// Adds what can be read of `/proc/self/status`, and of the runtime on which this is called.
pub(super) fn visit(status: &str, visitor: &mut impl Visit) {
    let mut gauge = |name, help, value: Option<f64>| {
        if let Some(value) = value {
            let gauge = Gauge::default();
            gauge.set(value);
            visitor.metric(name, help, &gauge);
        }
    };
    let runtime = tokio::runtime::Handle::try_current();
    #[allow(clippy::cast_precision_loss, reason = "there are fewer than 2^52 tasks")]
    let tasks = runtime.ok().map(|runtime| runtime.metrics().num_alive_tasks() as f64);
    gauge("go_goroutines", "Asynchronous tasks, which are goroutines to Go.", tasks);
    gauge("go_threads", "Threads of the system.", number(status, "Threads:"));
    let resident = kilobytes(status, "RssAnon:");
    gauge("go_memstats_alloc_bytes", "Memory of the heap that is resident.", resident);
    gauge("go_memstats_heap_alloc_bytes", "Memory of the heap that is resident.", resident);
    gauge("go_memstats_heap_inuse_bytes", "Memory of the heap that is resident.", resident);
    let reserved = kilobytes(status, "VmData:");
    gauge("go_memstats_heap_sys_bytes", "Address space of heap and stacks.", reserved);
    let stack = kilobytes(status, "VmStk:");
    gauge("go_memstats_stack_inuse_bytes", "The stack of the first thread.", stack);
}
