//! Durations as Go writes them: `1h30m`, `0.5s`, `100ms`.
//!
//! Flags, environment variables and mesh configuration all carry them, so there is one parser and one
//! formatter. The JSON form of protobuf durations (`1.5s`) is a part of this syntax. Invariant:
//! `parse(&format(d))` is `d` for every duration up to [`MAX`].

use std::time::Duration;

/// The longest duration that Go can hold (2^63 - 1 nanoseconds, about 292 years); its flags use it as "for ever".
pub const MAX: Duration = Duration::from_nanos(i64::MAX as u64);

/// More digits behind the point than this cannot change a nanosecond of an hour.
const MAX_FRACTION_DIGITS: usize = 18;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Units by spelling, in nanoseconds. Both spellings of micro (U+00B5 and U+03BC) are Go's.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
];

/// Why a text is no duration. The message continues a sentence such as `--shutdownDuration "10": …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not numbers with units.
    #[error(
        "not a duration: write numbers with units (ns, us, ms, s, m, h), such as 30s, 1h30m or 0.5s"
    )]
    Syntax,
    /// A number without a unit, the most frequent mistake.
    #[error("a unit is missing: write it behind the number (ns, us, ms, s, m, h), such as 30s")]
    MissingUnit,
    /// Below zero.
    #[error("negative: a duration of zero or more is needed")]
    Negative,
    /// Beyond [`MAX`].
    #[error("too long: the longest duration is about 292 years")]
    TooLong,
}

/// Reads a duration. `0` needs no unit; a sign is allowed, but only zero may be negative.
pub fn parse(text: &str) -> Result<Duration, ParseError> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(ParseError::Syntax);
    }
    let mut total: u128 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (nanos, after) = parse_part(rest)?;
        total += nanos;
        if total > MAX.as_nanos() {
            return Err(ParseError::TooLong);
        }
        rest = after;
    }
    if negative && total > 0 {
        return Err(ParseError::Negative);
    }
    let nanos = u64::try_from(total).map_err(|_| ParseError::TooLong)?;
    Ok(Duration::from_nanos(nanos))
}

/// One number with its unit, in nanoseconds, and what follows it.
fn parse_part(text: &str) -> Result<(u128, &str), ParseError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after_point) => split_digits(after_point),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(ParseError::Syntax);
    }
    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(unit_end).ok_or(ParseError::Syntax)?;
    if unit.is_empty() {
        return Err(ParseError::MissingUnit);
    }
    let scale = UNITS.iter().find(|(name, _)| *name == unit).ok_or(ParseError::Syntax)?.1;
    let nanos = decimal(whole)?.checked_mul(scale).ok_or(ParseError::TooLong)?;
    Ok((nanos.checked_add(fraction_of(fraction, scale)).ok_or(ParseError::TooLong)?, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn decimal(digits: &str) -> Result<u128, ParseError> {
    if digits.is_empty() {
        return Ok(0);
    }
    // Digits only, so the one possible failure is the size; u64 leaves room for the multiplication.
    digits.parse::<u64>().map(u128::from).map_err(|_| ParseError::TooLong)
}

/// `0.digits` of a unit, in whole nanoseconds, rounded down. Digits that cannot matter are not read.
fn fraction_of(digits: &str, scale: u128) -> u128 {
    let (mut value, mut place) = (0, 1);
    for digit in digits.bytes().take(MAX_FRACTION_DIGITS) {
        value = value * 10 + u128::from(digit - b'0');
        place *= 10;
    }
    value * scale / place
}

/// Writes a duration as Go does: `1h30m0s`, `1.5s`, `100ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < NANOS_PER_SECOND {
        return match nanos {
            0..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => format!("{}µs", with_fraction(nanos, 1_000)),
            _ => format!("{}ms", with_fraction(nanos, 1_000_000)),
        };
    }
    let (minutes, in_minute) = (nanos / (60 * NANOS_PER_SECOND), nanos % (60 * NANOS_PER_SECOND));
    let seconds = with_fraction(in_minute, NANOS_PER_SECOND);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `nanos / unit` as a decimal without trailing zeros. `unit` is a power of ten.
fn with_fraction(nanos: u128, unit: u128) -> String {
    let (whole, fraction) = (nanos / unit, nanos % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// A duration in an object: read in Go's syntax, written in protobuf's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(pub Duration);

impl<'de> serde::Deserialize<'de> for GoDuration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        parse(&text)
            .map(GoDuration)
            .map_err(|error| serde::de::Error::custom(format_args!("{text:?}: {error}")))
    }
}

impl schemars::JsonSchema for GoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let rule = serde_json::json!({
            "rule": "duration(self) >= duration('1ms')",
            "message": "must be a duration of at least 1ms, such as 10s",
        });
        schemars::json_schema!({ "type": "string", "x-kubernetes-validations": [rule] })
    }
}

impl serde::Serialize for GoDuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_str(&format_args!("{}s", with_fraction(self.0.as_nanos(), NANOS_PER_SECOND)))
    }
}

#[cfg(test)]
mod tests;
