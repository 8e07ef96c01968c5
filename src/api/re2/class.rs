//! Classes of characters: what stands between brackets.

use super::escape::{self, Escape};
use super::translate::Rest;

/// Names that RE2 knows between `[:` and `:]`.
const NAMES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Reads a class of which the first bracket is read, and writes it in Rust's dialect.
pub(super) fn translate(rest: &mut Rest<'_>) -> Result<String, String> {
    let mut out = String::from("[");
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    loop {
        let Some(c) = rest.next() else { return Err("a [ without its ]".to_owned()) };
        match c {
            ']' if !first => break,
            '[' if rest.peek() == Some(&':') => match named(rest)? {
                Some(name) => out.push_str(&name),
                None => range('[', rest, &mut out)?,
            },
            '\\' => match escape::escape(rest)? {
                Escape::Class(class) => out.push_str(&class),
                Escape::Char(c) => range(c, rest, &mut out)?,
            },
            c => range(c, rest, &mut out)?,
        }
        first = false;
    }
    out.push(']');
    Ok(out)
}

/// `[:alpha:]`; None when it is not closed, and so means its characters.
fn named(rest: &mut Rest<'_>) -> Result<Option<String>, String> {
    let text: String = rest.clone().skip(1).collect();
    let Some((name, _)) = text.split_once(":]") else { return Ok(None) };
    let (negative, plain) = match name.strip_prefix('^') {
        Some(plain) => ("^", plain),
        None => ("", name),
    };
    if !NAMES.contains(&plain) {
        return Err(format!("there is no class [:{name}:]"));
    }
    rest.nth(name.chars().count() + 2);
    Ok(Some(format!("[:{negative}{plain}:]")))
}

/// A character, or a range that begins with it.
fn range(from: char, rest: &mut Rest<'_>, out: &mut String) -> Result<(), String> {
    out.push_str(&escape::literal(from));
    let mut ahead = rest.clone();
    // A hyphen before the end stands for itself.
    if ahead.next() != Some('-') || matches!(ahead.next(), None | Some(']')) {
        return Ok(());
    }
    rest.next();
    let to = match rest.next() {
        Some('\\') => match escape::escape(rest)? {
            Escape::Char(c) => c,
            Escape::Class(_) => return Err("a range cannot end with a class".to_owned()),
        },
        Some(c) => c,
        None => return Err("a [ without its ]".to_owned()),
    };
    if to < from {
        return Err(format!("the range {from}-{to} counts down"));
    }
    out.push('-');
    out.push_str(&escape::literal(to));
    Ok(())
}
