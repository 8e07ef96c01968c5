//! Sprig's functions of words.

use super::{Arity, Entry, MANY, int, text};
use crate::webhooks::template::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("title", Arity(1, 1), |a| Ok(Value::text(each_word(text(a, 0)?, true)))),
    ("untitle", Arity(1, 1), |a| Ok(Value::text(each_word(text(a, 0)?, false)))),
    ("nospace", Arity(1, 1), |a| {
        Ok(Value::text(text(a, 0)?.split_whitespace().collect::<String>()))
    }),
    ("initials", Arity(1, 1), |a| {
        let words = text(a, 0)?.split_whitespace().filter_map(|word| word.chars().next());
        Ok(Value::text(words.collect::<String>()))
    }),
    ("swapcase", Arity(1, 1), |a| {
        let swapped = text(a, 0)?.chars().flat_map(|c| match c.is_uppercase() {
            true => c.to_lowercase().collect::<Vec<_>>(),
            false => c.to_uppercase().collect(),
        });
        Ok(Value::text(swapped.collect::<String>()))
    }),
    ("snakecase", Arity(1, 1), |a| Ok(Value::text(split_case(text(a, 0)?, '_')))),
    ("kebabcase", Arity(1, 1), |a| Ok(Value::text(split_case(text(a, 0)?, '-')))),
    ("camelcase", Arity(1, 1), |a| {
        let words = text(a, 0)?.split(['_', '-', ' ']).map(|word| each_word(word, true));
        Ok(Value::text(words.collect::<String>()))
    }),
    ("abbrev", Arity(2, 2), |a| {
        let (most, whole) = (usize::try_from(int(a, 0)?).unwrap_or_default(), text(a, 1)?);
        if most < 4 || whole.chars().count() <= most {
            return Ok(Value::Text(whole.clone()));
        }
        let kept: String = whole.chars().take(most - 3).collect();
        Ok(Value::text(format!("{kept}...")))
    }),
    ("wrap", Arity(2, 2), |a| Ok(Value::text(wrapped(int(a, 0)?, text(a, 1)?, "\n")))),
    ("wrapWith", Arity(3, 3), |a| Ok(Value::text(wrapped(int(a, 0)?, text(a, 2)?, text(a, 1)?)))),
    ("fail", Arity(1, MANY), |a| Err(text(a, 0)?.to_string())),
];

/// The first letter of each word in another case.
fn each_word(whole: &str, upper: bool) -> String {
    let mut starts = true;
    let mut out = String::with_capacity(whole.len());
    for c in whole.chars() {
        match (starts, upper) {
            (true, true) => out.extend(c.to_uppercase()),
            (true, false) => out.extend(c.to_lowercase()),
            (false, _) => out.push(c),
        }
        starts = c.is_whitespace();
    }
    out
}

/// Words in lower case with a sign between them.
fn split_case(whole: &str, sign: char) -> String {
    let mut out = String::with_capacity(whole.len());
    let mut before_lower = false;
    for c in whole.chars() {
        if matches!(c, '_' | '-' | ' ') {
            out.push(sign);
            before_lower = false;
            continue;
        }
        if c.is_uppercase() && before_lower {
            out.push(sign);
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
        out.extend(c.to_lowercase());
    }
    out
}

/// Lines of at most so many characters, where words allow it.
fn wrapped(width: i64, whole: &str, between: &str) -> String {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = String::with_capacity(whole.len());
    let mut used = 0;
    for word in whole.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push_str(between);
            used = 0;
        } else if !out.is_empty() {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}
