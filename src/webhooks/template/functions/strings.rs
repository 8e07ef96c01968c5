//! Sprig's functions of one string.

use super::{Arity, Entry, MANY, any, int, limited, print, text, textual};
use crate::webhooks::template::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("trim", Arity(1, 1), |a| Ok(Value::text(text(a, 0)?.trim()))),
    ("trimAll", Arity(2, 2), trim_all),
    ("trimall", Arity(2, 2), trim_all),
    ("trimPrefix", Arity(2, 2), |a| {
        let (part, whole) = (text(a, 0)?, text(a, 1)?);
        Ok(Value::text(whole.strip_prefix(&**part).unwrap_or(whole)))
    }),
    ("trimSuffix", Arity(2, 2), |a| {
        let (part, whole) = (text(a, 0)?, text(a, 1)?);
        Ok(Value::text(whole.strip_suffix(&**part).unwrap_or(whole)))
    }),
    ("trunc", Arity(2, 2), |a| truncated(int(a, 0)?, text(a, 1)?)),
    ("substr", Arity(3, 3), |a| substring(int(a, 0)?, int(a, 1)?, text(a, 2)?)),
    ("upper", Arity(1, 1), |a| Ok(Value::text(text(a, 0)?.to_uppercase()))),
    ("lower", Arity(1, 1), |a| Ok(Value::text(text(a, 0)?.to_lowercase()))),
    ("repeat", Arity(2, 2), |a| {
        let (count, part) = (usize::try_from(int(a, 0)?).unwrap_or_default(), text(a, 1)?);
        limited(part.len().saturating_mul(count))?;
        Ok(Value::text(part.repeat(count)))
    }),
    ("contains", Arity(2, 2), |a| Ok(Value::Bool(text(a, 1)?.contains(&**text(a, 0)?)))),
    ("hasPrefix", Arity(2, 2), |a| Ok(Value::Bool(text(a, 1)?.starts_with(&**text(a, 0)?)))),
    ("hasSuffix", Arity(2, 2), |a| Ok(Value::Bool(text(a, 1)?.ends_with(&**text(a, 0)?)))),
    ("replace", Arity(3, 3), |a| {
        let (from, to, whole) = (text(a, 0)?, text(a, 1)?, text(a, 2)?);
        limited(whole.len().saturating_add(1).saturating_mul(to.len().max(1)))?;
        Ok(Value::text(whole.replace(&**from, to)))
    }),
    ("quote", Arity(0, MANY), |a| {
        let quoted: Vec<String> = given(a).map(|text| print::quoted(&text)).collect();
        Ok(Value::text(quoted.join(" ")))
    }),
    ("squote", Arity(0, MANY), |a| {
        let quoted: Vec<String> = given(a).map(|text| format!("'{text}'")).collect();
        Ok(Value::text(quoted.join(" ")))
    }),
    ("cat", Arity(0, MANY), |a| {
        let texts: Vec<String> = a.iter().filter(|v| !v.is_nil()).map(print::plain).collect();
        Ok(Value::text(texts.join(" ")))
    }),
    ("indent", Arity(2, 2), |a| indented(int(a, 0)?, text(a, 1)?).map(Value::text)),
    ("nindent", Arity(2, 2), |a| {
        indented(int(a, 0)?, text(a, 1)?).map(|text| Value::text(format!("\n{text}")))
    }),
    ("plural", Arity(3, 3), |a| {
        let form = if int(a, 2)? == 1 { text(a, 0)? } else { text(a, 1)? };
        Ok(Value::Text(form.clone()))
    }),
    ("toString", Arity(1, 1), |a| Ok(Value::text(textual(any(a, 0))))),
    ("base", Arity(1, 1), |a| {
        let path = text(a, 0)?.trim_end_matches('/');
        let whole = text(a, 0)?;
        let base = path.rsplit('/').next().unwrap_or_default();
        Ok(Value::text(match (whole.is_empty(), base.is_empty()) {
            (true, _) => ".",
            (false, true) => "/",
            (false, false) => base,
        }))
    }),
    ("ext", Arity(1, 1), |a| {
        let base = text(a, 0)?.rsplit('/').next().unwrap_or_default();
        Ok(Value::text(base.rfind('.').and_then(|at| base.get(at..)).unwrap_or_default()))
    }),
    ("isAbs", Arity(1, 1), |a| Ok(Value::Bool(text(a, 0)?.starts_with('/')))),
];

fn given(arguments: &[Value]) -> impl Iterator<Item = String> {
    super::go::texts(arguments)
}

fn trim_all(arguments: &[Value]) -> Result<Value, String> {
    let (cut, whole) = (text(arguments, 0)?, text(arguments, 1)?);
    Ok(Value::text(whole.trim_matches(|c| cut.contains(c))))
}

/// The first bytes, or the last when the count is negative.
fn truncated(count: i64, whole: &str) -> Result<Value, String> {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if whole.len() <= size {
        return Ok(Value::text(whole));
    }
    let cut = if count < 0 { whole.len() - size } else { size };
    let (before, after) =
        whole.split_at_checked(cut).ok_or_else(|| "cuts a character in two".to_owned())?;
    Ok(Value::text(if count < 0 { after } else { before }))
}

/// From a byte to a byte; a negative start is the beginning, a negative end the end.
fn substring(from: i64, to: i64, whole: &str) -> Result<Value, String> {
    let from = usize::try_from(from).unwrap_or_default();
    let to = usize::try_from(to).unwrap_or(whole.len()).min(whole.len());
    whole.get(from.min(to)..to).map(Value::text).ok_or_else(|| "cuts a character in two".to_owned())
}

/// Every line indented, the first too.
fn indented(spaces: i64, whole: &str) -> Result<String, String> {
    let spaces = usize::try_from(spaces).unwrap_or_default();
    limited(whole.len().saturating_add(spaces.saturating_mul(whole.matches('\n').count() + 1)))?;
    let pad = " ".repeat(spaces);
    Ok(format!("{pad}{}", whole.replace('\n', &format!("\n{pad}"))))
}
