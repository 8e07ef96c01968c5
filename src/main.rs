//! The daemon: what the process was given goes to [`istiod::cli`], and its exit code comes back.

use std::process::ExitCode;

fn main() -> ExitCode {
    istiod::cli::main(std::env::args_os(), std::env::vars_os())
}
