//! Sprig's functions of regular expressions, which are RE2's.

use super::{Arity, Entry, int, limited, text};
use crate::api::re2;
use crate::webhooks::template::value::Value;

/// The longest pattern that is compiled, in bytes.
const MAX_PATTERN_BYTES: usize = 1024;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("regexMatch", Arity(2, 2), matches),
    ("mustRegexMatch", Arity(2, 2), matches),
    ("regexFind", Arity(2, 2), |a| {
        let found = compiled(a)?;
        Ok(Value::text(found.find(text(a, 1)?).map_or("", |found| found.as_str())))
    }),
    ("regexFindAll", Arity(3, 3), |a| {
        let most = usize::try_from(int(a, 2)?).unwrap_or(usize::MAX);
        let pattern = compiled(a)?;
        let found = pattern.find_iter(text(a, 1)?).take(most);
        Ok(Value::list(found.map(|found| Value::text(found.as_str()))))
    }),
    ("regexReplaceAll", Arity(3, 3), replace_all),
    ("mustRegexReplaceAll", Arity(3, 3), replace_all),
    ("regexReplaceAllLiteral", Arity(3, 3), |a| {
        let (whole, with) = (text(a, 1)?, text(a, 2)?);
        limited(whole.len().saturating_add(1).saturating_mul(with.len().max(1)))?;
        Ok(Value::text(compiled(a)?.replace_all(whole, regex::NoExpand(with))))
    }),
    ("regexSplit", Arity(3, 3), |a| {
        let most = int(a, 2)?;
        let (pattern, whole) = (compiled(a)?, text(a, 1)?);
        Ok(match usize::try_from(most) {
            Ok(most) => Value::list(pattern.splitn(whole, most).map(Value::text)),
            Err(_) => Value::list(pattern.split(whole).map(Value::text)),
        })
    }),
    ("regexQuoteMeta", Arity(1, 1), |a| {
        let mut out = String::new();
        for c in text(a, 0)?.chars() {
            if r"\.+*?()|[]{}^$".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        Ok(Value::text(out))
    }),
];

/// The pattern that is the first argument, found anywhere.
fn compiled(arguments: &[Value]) -> Result<regex::Regex, String> {
    let pattern = text(arguments, 0)?;
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("a pattern of more than {MAX_PATTERN_BYTES} bytes"));
    }
    re2::compile_part(pattern).map_err(|error| error.to_string())
}

fn matches(arguments: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(compiled(arguments)?.is_match(text(arguments, 1)?)))
}

/// Go writes groups as `$1` and `${1}`, as Rust does.
fn replace_all(arguments: &[Value]) -> Result<Value, String> {
    let (whole, with) = (text(arguments, 1)?, text(arguments, 2)?);
    limited(whole.len().saturating_add(1).saturating_mul(with.len().max(1)))?;
    Ok(Value::text(compiled(arguments)?.replace_all(whole, &**with)))
}
