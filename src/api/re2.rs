//! Regular expressions as Istio takes them: in RE2's dialect, with a limit of their size.
//!
//! Rust's engine has another dialect: `[[]`, `\Q…\E`, `\101` and `a{,2}` are sound to RE2 and not, or otherwise, to
//! Rust; `a**`, `\u0041`, `[a&&b]` and `\<` the other way around. So a pattern is read here, by RE2's rules, and written
//! anew for Rust's engine, which then only executes it. What RE2 has not (look-around, back-references) is refused.
//! Left out: a repetition right behind flags (`a(?i)*`), which RE2 takes. `\B` looks at letters of all scripts.

mod class;
mod escape;
mod translate;

use regex::{Regex, RegexBuilder};

/// The longest pattern, in bytes, as Istio limits it.
pub const MAX_BYTES: usize = 1024;

/// How large a compiled pattern may be: what Envoy grants it (RE2's `max_mem`).
const MAX_COMPILED_BYTES: usize = 8 << 20;

/// How deep groups may nest; RE2 has the same limit.
const MAX_DEPTH: u32 = 1000;

/// Why a pattern is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than [`MAX_BYTES`].
    #[error("the regular expression is too long: at most {MAX_BYTES} bytes are allowed")]
    TooLong,
    /// Not in RE2's dialect.
    #[error("no regular expression of RE2: {0}")]
    Syntax(String),
    /// Its repetitions make it too large.
    #[error(
        "the regular expression is too large once its repetitions are written out: repeat less"
    )]
    TooLarge,
}

/// Compiles a pattern that shall describe a text as a whole, as in all matches of Istio's API.
///
/// # Errors
/// When RE2 would not take it, or it is larger than the limits.
pub fn compile(pattern: &str) -> Result<Regex, Error> {
    build(pattern, |translated| format!("^(?:{translated})$"))
}

/// Compiles a pattern that may describe any part of a text, as in rewrites.
///
/// # Errors
/// As [`compile`].
pub fn compile_part(pattern: &str) -> Result<Regex, Error> {
    build(pattern, |translated| translated)
}

fn build(pattern: &str, wrap: impl FnOnce(String) -> String) -> Result<Regex, Error> {
    if pattern.len() > MAX_BYTES {
        return Err(Error::TooLong);
    }
    let translated = translate::translate(pattern).map_err(Error::Syntax)?;
    RegexBuilder::new(&wrap(translated))
        .size_limit(MAX_COMPILED_BYTES)
        .nest_limit(MAX_DEPTH)
        .unicode(true)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => Error::TooLarge,
            _ => Error::Syntax("a name of a class or the order of flags is not known".to_owned()),
        })
}

#[cfg(test)]
mod tests;
