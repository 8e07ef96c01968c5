//! Durations: protobuf's `1.5s`, and everything that Go reads, such as `24h` or `1h30m`.

use envoy_types::pb::google::protobuf::Duration;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// The most seconds that protobuf allows, about 10,000 years.
const MAX_SECONDS: i128 = 315_576_000_000;

/// Units by spelling, in nanoseconds; a spelling stands before those that it begins with.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
];

/// Reads a duration; None when it is none, or too long.
pub(super) fn read(text: &str) -> Option<Duration> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let (number, unit, after) = part(rest)?;
        nanos = nanos.checked_add(scaled(number, unit)?)?;
        rest = after;
    }
    nanos *= sign;
    let seconds = nanos / NANOS_PER_SECOND;
    (seconds.abs() <= MAX_SECONDS).then_some(Duration {
        seconds: seconds.try_into().ok()?,
        nanos: (nanos % NANOS_PER_SECOND).try_into().ok()?,
    })
}

/// The first number of a text, the size of its unit, and what follows.
fn part(text: &str) -> Option<(&str, i128, &str)> {
    let (number, rest) =
        text.split_at_checked(text.find(|c: char| c != '.' && !c.is_ascii_digit())?)?;
    UNITS.iter().find_map(|(name, size)| Some((number, *size, rest.strip_prefix(name)?)))
}

/// A decimal number of units, in whole nanoseconds.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i64>().ok() };
    // More digits than these are less than a nanosecond of any unit.
    let fraction = fraction.get(..fraction.len().min(15))?;
    let place = 10_i128.checked_pow(fraction.len().try_into().ok()?)?;
    Some(i128::from(digits(whole)?) * unit + i128::from(digits(fraction)?) * unit / place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protobuf_s_and_go_s_syntax_are_read() {
        let check = |text: &str, want: Option<(i64, i32)>| {
            assert_eq!(read(text).map(|d| (d.seconds, d.nanos)), want, "{text}");
        };
        check("5s", Some((5, 0)));
        check("0.000000001s", Some((0, 1)));
        check("-1.5s", Some((-1, -500_000_000)));
        check("24h", Some((86_400, 0)));
        check("1h30m0.5s", Some((5_400, 500_000_000)));
        check("100ms", Some((0, 100_000_000)));
        check("7µs", Some((0, 7_000)));
        check("1.00000000000000000000001s", Some((1, 0)));
        check("", None);
        check("-", None);
        check("5", None);
        check("s", None);
        check(".s", None);
        check("1.2.3s", None);
        check("1d", None);
        check("99999999999999999999h", None);
        check("999999999h", None);
    }
}
