//! The daemon: what the process was given goes to [`istiod::cli`], and its exit code comes back.

use std::process::ExitCode;

/// jemalloc, whatever libc the binary is linked with: it samples what is allocated for heap profiles, and a static binary
/// would have musl's slow allocator. Its settings are in .cargo/config.toml.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    istiod::cli::main(std::env::args_os(), std::env::vars_os())
}
