use super::*;

const OLD: &str = r#"{"keys":[{"kid":"a"},{"kid":"b"}]}"#;
const SAME: &str = r#"{"keys":[{"kid":"b"},  {"kid":"a"}]}"#;
const NEW: &str = r#"{"keys":[{"kid":"c"}]}"#;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(hours * 3_600).unwrap()
}

fn good(text: &str) -> Result<Str, String> {
    Ok(text.into())
}

fn bad(why: &str) -> Result<Str, String> {
    Err(why.to_owned())
}

#[test]
fn the_last_good_keys_hold() {
    let mut known = Known::default();
    known.take(bad("down"), at(1));
    let down = Failure { since: at(1), why: "down".into(), fetched: None };
    assert_eq!(known.shown(), KeySet { text: None, failure: Some(down) });
    known.take(good(OLD), at(2));
    assert_eq!(known.shown(), KeySet { text: Some(OLD.into()), failure: None });
    known.take(bad("down"), at(3));
    known.take(bad("slow"), at(4));
    let slow = Failure { since: at(3), why: "slow".into(), fetched: Some(at(2)) };
    assert_eq!(known.shown(), KeySet { text: Some(OLD.into()), failure: Some(slow) });
    known.take(good(NEW), at(5));
    assert_eq!(known.shown(), KeySet { text: Some(NEW.into()), failure: None });
}

#[test]
fn keys_in_another_order_are_no_news() {
    let mut known = Known::default();
    known.take(good(OLD), at(1));
    let before = known.shown();
    known.take(good(SAME), at(2));
    assert_eq!(known.shown(), before);
    known.take(bad("down"), at(3));
    let failure = known.shown().failure.unwrap();
    assert_eq!(failure.fetched, Some(at(2)), "they were confirmed then");
}

/// An issuer that gave a key up must not be believed for ever because it cannot be asked.
#[test]
fn keys_that_are_too_old_do_not_hold() {
    let mut known = Known::default();
    known.take(good(OLD), at(0));
    known.take(bad("down"), at(7 * 24 - 1));
    assert!(known.has_keys());
    known.take(bad("down"), at(7 * 24));
    assert!(!known.has_keys());
    assert_eq!(known.shown().text, None);
}
