use std::time::Duration;

use proptest::prelude::*;

use super::{MAX, ParseError, format, parse};

#[track_caller]
fn check(text: &str, want: Result<Duration, ParseError>) {
    assert_eq!(parse(text), want, "{text:?}");
}

#[test]
fn reads_what_go_reads() {
    for (text, nanos) in [
        ("0", 0),
        ("-0", 0),
        ("0s", 0),
        ("-0s", 0),
        ("1ns", 1),
        ("5us", 5_000),
        ("5µs", 5_000),
        ("5μs", 5_000),
        ("100ms", 100_000_000),
        ("30s", 30_000_000_000),
        ("+30s", 30_000_000_000),
        ("0.5s", 500_000_000),
        (".5s", 500_000_000),
        ("5.s", 5_000_000_000),
        ("1.000000001s", 1_000_000_001),
        ("0.3333333333333333333h", 1_200_000_000_000 - 1),
        ("1h30m", 5_400_000_000_000),
        ("1m1.5s", 61_500_000_000),
        ("1s1m", 61_000_000_000),
        ("2562047h47m16.854775807s", i64::MAX as u64),
    ] {
        check(text, Ok(Duration::from_nanos(nanos)));
    }
}

#[test]
fn refuses_what_go_refuses() {
    for text in ["", "-", "+", "s", ".s", "1x", "1d", " 1s", "1s ", "1 s", "--1s", "infinity", "1é"]
    {
        check(text, Err(ParseError::Syntax));
    }
    for text in ["10", "1h30", "1.", "1.5", "1.2.3s"] {
        check(text, Err(ParseError::MissingUnit));
    }
    check("-1s", Err(ParseError::Negative));
    for text in
        ["2562047h47m16.854775808s", "99999999999999999999s", "3000000h", "2000000h2000000h"]
    {
        check(text, Err(ParseError::TooLong));
    }
}

#[test]
fn writes_as_go_writes() {
    for (nanos, want) in [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (100_000_000, "100ms"),
        (3_300_000_000, "3.3s"),
        (30_000_000_000, "30s"),
        (60_000_000_000, "1m0s"),
        (305_000_000_000, "5m5s"),
        (305_001_000_000, "5m5.001s"),
        (18_000_000_000_000 + 7_001_000_000, "5h0m7.001s"),
        (i64::MAX as u64, "2562047h47m16.854775807s"),
    ] {
        assert_eq!(format(Duration::from_nanos(nanos)), want);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(nanos in 0..=i64::MAX as u64) {
        let duration = Duration::from_nanos(nanos);
        prop_assert_eq!(parse(&format(duration)), Ok(duration));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,24}") {
        if let Ok(duration) = parse(&text) {
            prop_assert!(duration <= MAX);
        }
    }
}
