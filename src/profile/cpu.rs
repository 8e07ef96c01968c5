//! CPU time: while somebody asks, a signal for each hundredth of a second of it notes the stack of the thread that it hits.

use std::time::{Duration, Instant};

use pprof::{Frames, ProfilerGuardBuilder, Symbol};

use super::Error;
use super::encoding::{Builder, Frame};

/// Samples of one second of CPU time: what Go takes.
const FREQUENCY: i32 = 100;

/// Code of which stacks cannot be read reliably.
const UNREADABLE: [&str; 1] = ["vdso"];

/// Samples for a time. When the future is dropped, sampling ends.
pub async fn cpu(duration: Duration) -> Result<Vec<u8>, Error> {
    let started = Instant::now();
    let sampler =
        ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&UNREADABLE).build();
    let sampler = sampler.map_err(|error| match error {
        pprof::Error::Running => Error::Busy,
        error => Error::Cpu(error),
    })?;
    tokio::time::sleep(duration).await;
    let encode = move || {
        let report = sampler.report().build()?;
        drop(sampler);
        Ok(encode(report.data, started.elapsed()))
    };
    // Names of functions are looked up in the binary, which takes its time.
    tokio::task::spawn_blocking(encode).await.map_err(|_| Error::Cpu(pprof::Error::NotRunning))?
}

fn encode(stacks: impl IntoIterator<Item = (Frames, isize)>, lasted: Duration) -> Vec<u8> {
    let period = 1_000_000_000 / i64::from(FREQUENCY);
    let kinds = [("samples", "count"), ("cpu", "nanoseconds")];
    let mut profile = Builder::new(&kinds, ("cpu", "nanoseconds"), period);
    profile.lasted(lasted);
    for (stack, count) in stacks {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        // The sampler tells symbols, not places: each function and line is a place of its own.
        let places = stack
            .frames
            .iter()
            .skip_while(|place| is_sampler(place))
            .map(|place| profile.place(place.iter().map(frame).collect()));
        let places = places.collect();
        profile.sample(places, vec![count, count.saturating_mul(period)], &stack.thread_name);
    }
    profile.finish()
}

/// Whether a place belongs to the sampler itself, which is what each stack begins with.
fn is_sampler(place: &[Symbol]) -> bool {
    place.iter().any(|symbol| {
        let name = symbol.name();
        name.starts_with("backtrace::")
            || name.starts_with("pprof::")
            || name.contains(" as pprof::")
    })
}

fn frame(symbol: &Symbol) -> Frame {
    Frame { function: symbol.name(), file: symbol.filename().into_owned(), line: symbol.lineno() }
}
