//! What the process spends its time and its memory on, as profiles that `go tool pprof` opens.
//!
//! Owns the samples of CPU time ([`cpu`]), jemalloc's samples of allocations ([`heap`]) and their [`encoding`]. Functions have
//! their names, so that no binary is needed beside a profile.
//!
//! A leaf: it knows nothing of the program that it measures, nor who may ask.

mod cpu;
mod encoding;
mod heap;

pub use self::cpu::cpu;
pub use self::heap::{Allocations, heap};

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody takes one at this moment.
    #[error("another CPU profile is being taken: ask again when it ended")]
    Busy,
    /// The sampler did not start or did not give its samples.
    #[error("CPU time cannot be sampled: {0}")]
    Cpu(#[from] pprof::Error),
    /// The binary was built with other settings of jemalloc than those in .cargo/config.toml.
    #[error(
        "jemalloc does not sample allocations: was MALLOC_CONF set, or the binary built without the repository's .cargo/config.toml?"
    )]
    NotSampled,
    /// jemalloc did not write its samples.
    #[error("the heap's samples cannot be written: {0}")]
    Dump(String),
    /// The samples could not be read back.
    #[error("the heap's samples cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// What jemalloc wrote is not what it is known to write.
    #[error("line {line} of the heap's samples is not understood: {text:?}")]
    Format {
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
    },
}
