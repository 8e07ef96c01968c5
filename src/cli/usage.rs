//! What is said of a command line that was not understood: one line.

use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// `--flag "value": what is allowed` for a wrong value; for anything else the first line of clap's own words.
pub(super) fn line(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    // clap adds the placeholder of the value, as in `--domain <DOMAIN>` or `--profile[=<BOOL>]`.
    let flag = context(ContextKind::InvalidArg)
        .map(|flag| flag.split([' ', '[']).next().filter(|name| !name.is_empty()).unwrap_or(flag));
    let value = context(ContextKind::InvalidValue);
    match (error.kind(), flag, value) {
        (ErrorKind::ValueValidation, Some(flag), Some(value)) => match error.source() {
            Some(allowed) => format!("{flag} {value:?}: {allowed}"),
            None => format!("{flag} {value:?} is not understood"),
        },
        (ErrorKind::InvalidValue, Some(flag), Some("")) => format!("{flag} needs a value"),
        (ErrorKind::InvalidValue, Some(flag), Some(value)) => {
            format!("{flag} {value:?}: {} is needed", one_of(error))
        }
        (ErrorKind::MissingRequiredArgument, ..) => match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::Strings(missing)) => format!("missing: {}", missing.join(", ")),
            _ => first_line(error),
        },
        // A check of our own over several flags, which says all there is to say.
        (ErrorKind::ValueValidation, None, None) => first_line(error),
        _ => format!("{} (istiod --help lists commands and flags)", first_line(error)),
    }
}

fn one_of(error: &clap::Error) -> String {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(allowed)) if !allowed.is_empty() => allowed.join(" or "),
        _ => "another value".to_owned(),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
