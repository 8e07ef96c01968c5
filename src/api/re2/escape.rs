//! What stands behind a backslash.

use super::translate::Rest;

/// What an escape means.
pub(super) enum Escape {
    /// One character.
    Char(char),
    /// Any of several, as a class of Rust's dialect.
    Class(String),
}

/// A character as Rust's dialect writes it, inside classes and outside.
pub(super) fn literal(c: char) -> String {
    match c {
        _ if c.is_ascii_alphanumeric() => c.to_string(),
        _ => format!("\\x{{{:X}}}", u32::from(c)),
    }
}

/// Reads what stands behind a backslash.
pub(super) fn escape(rest: &mut Rest<'_>) -> Result<Escape, String> {
    let Some(c) = rest.next() else { return Err("a \\ at the end".to_owned()) };
    let class = |text: &str| Ok(Escape::Class(text.to_owned()));
    match c {
        // RE2's classes have ASCII only.
        'd' => class("[0-9]"),
        'D' => class("[^0-9]"),
        's' => class(r"[\t\n\x0C\r ]"),
        'S' => class(r"[^\t\n\x0C\r ]"),
        'w' => class("[0-9A-Za-z_]"),
        'W' => class("[^0-9A-Za-z_]"),
        'p' | 'P' => property(c == 'P', rest),
        'a' => Ok(Escape::Char('\x07')),
        'f' => Ok(Escape::Char('\x0C')),
        't' => Ok(Escape::Char('\t')),
        'n' => Ok(Escape::Char('\n')),
        'r' => Ok(Escape::Char('\r')),
        'v' => Ok(Escape::Char('\x0B')),
        'x' => hexadecimal(rest),
        '0' => octal(c, rest),
        '1'..='7' if rest.peek().is_some_and(|next| next.is_digit(8)) => octal(c, rest),
        '1'..='9' => Err(format!("RE2 has no back-references such as \\{c}")),
        _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(Escape::Char(c)),
        _ => Err(format!("\\{c} means nothing")),
    }
}

/// Up to three octal digits, of which the first is known.
fn octal(first: char, rest: &mut Rest<'_>) -> Result<Escape, String> {
    let mut code = first.to_digit(8).unwrap_or_default();
    for _ in 0..2 {
        let Some(digit) = rest.peek().and_then(|c| c.to_digit(8)) else { break };
        rest.next();
        code = code * 8 + digit;
    }
    char::from_u32(code).map(Escape::Char).ok_or_else(|| "no such character".to_owned())
}

/// `\x7F` or `\x{10FFFF}`.
fn hexadecimal(rest: &mut Rest<'_>) -> Result<Escape, String> {
    let mut digits = String::new();
    if rest.next_if_eq(&'{').is_some() {
        while let Some(c) = rest.next_if(char::is_ascii_hexdigit) {
            digits.push(c);
        }
        if rest.next() != Some('}') {
            digits.clear();
        }
    } else {
        digits.extend(rest.next_if(char::is_ascii_hexdigit));
        digits.extend(rest.next_if(char::is_ascii_hexdigit));
        if digits.len() < 2 {
            digits.clear();
        }
    }
    let code = u32::from_str_radix(&digits, 16).ok();
    let c = code.and_then(char::from_u32);
    c.map(Escape::Char)
        .ok_or_else(|| "\\x needs two digits, or {…} with a character's number".to_owned())
}

/// `\pL`, `\p{Greek}`, `\p{^Greek}`: categories by their short names, and scripts.
fn property(mut negative: bool, rest: &mut Rest<'_>) -> Result<Escape, String> {
    let mut name = String::new();
    match rest.next() {
        Some('{') => {
            negative ^= rest.next_if_eq(&'^').is_some();
            loop {
                match rest.next() {
                    Some('}') => break,
                    Some(c) if c.is_ascii_alphabetic() || c == '_' => name.push(c),
                    _ => return Err("\\p{ needs a name and }".to_owned()),
                }
            }
        }
        Some(c) if c.is_ascii_uppercase() => name.push(c),
        _ => return Err("\\p needs the name of a class of characters".to_owned()),
    }
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Err(format!("there is no class {name:?} of characters"));
    }
    let p = if negative { 'P' } else { 'p' };
    let text = match name.as_str() {
        "Any" => format!("\\{p}{{Any}}"),
        category if category.len() <= 2 && category != "Yi" => format!("\\{p}{{gc={category}}}"),
        script => format!("\\{p}{{sc={script}}}"),
    };
    Ok(Escape::Class(format!("[{text}]")))
}
