//! What a test says that cannot run here.

use std::fmt::Display;
use std::io::Write;

/// Says in one line why the calling test does nothing. Past the test harness, which keeps what a passing test
/// prints to itself: a test that did not run must not look like one that passed.
pub fn skipped(why: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "skipped: {why}");
}
