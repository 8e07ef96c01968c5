//! Sprig's arithmetic. Its integers are cast from whatever is given, as Sprig casts.

use super::{Arity, Entry, MANY, any, limited, number_of};
use crate::webhooks::template::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("int", Arity(1, 1), |a| Ok(Value::Int(integer(any(a, 0))))),
    ("int64", Arity(1, 1), |a| Ok(Value::Int(integer(any(a, 0))))),
    ("atoi", Arity(1, 1), |a| Ok(Value::Int(integer(any(a, 0))))),
    ("float64", Arity(1, 1), |a| Ok(Value::Float(float(any(a, 0))))),
    ("add1", Arity(1, 1), |a| Ok(Value::Int(integer(any(a, 0)).wrapping_add(1)))),
    ("add", Arity(0, MANY), |a| Ok(Value::Int(a.iter().map(integer).fold(0, i64::wrapping_add)))),
    ("sub", Arity(2, 2), |a| Ok(Value::Int(integer(any(a, 0)).wrapping_sub(integer(any(a, 1)))))),
    ("mul", Arity(1, MANY), |a| Ok(Value::Int(a.iter().map(integer).fold(1, i64::wrapping_mul)))),
    ("div", Arity(2, 2), |a| {
        let quotient = integer(any(a, 0)).checked_div(integer(any(a, 1)));
        quotient.map(Value::Int).ok_or_else(|| "division by zero".into())
    }),
    ("mod", Arity(2, 2), |a| {
        let rest = integer(any(a, 0)).checked_rem(integer(any(a, 1)));
        rest.map(Value::Int).ok_or_else(|| "division by zero".into())
    }),
    ("max", Arity(1, MANY), |a| Ok(Value::Int(a.iter().map(integer).max().unwrap_or_default()))),
    ("biggest", Arity(1, MANY), |a| {
        Ok(Value::Int(a.iter().map(integer).max().unwrap_or_default()))
    }),
    ("min", Arity(1, MANY), |a| Ok(Value::Int(a.iter().map(integer).min().unwrap_or_default()))),
    ("addf", Arity(1, MANY), |a| Ok(Value::Float(a.iter().map(float).sum()))),
    ("mulf", Arity(1, MANY), |a| Ok(Value::Float(a.iter().map(float).product()))),
    ("ceil", Arity(1, 1), |a| Ok(Value::Float(float(any(a, 0)).ceil()))),
    ("floor", Arity(1, 1), |a| Ok(Value::Float(float(any(a, 0)).floor()))),
    ("round", Arity(2, 3), |a| {
        let places = i32::try_from(integer(any(a, 1))).unwrap_or_default();
        let scale = 10_f64.powi(places);
        Ok(Value::Float((float(any(a, 0)) * scale).round() / scale))
    }),
    ("until", Arity(1, 1), |a| counted(0, integer(any(a, 0)), 1)),
    ("untilStep", Arity(3, 3), |a| {
        counted(integer(any(a, 0)), integer(any(a, 1)), integer(any(a, 2)))
    }),
];

/// Anything as an integer; what is none is 0.
pub(super) fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Enum(number, _) => *number,
        Value::Float(number) => number_of(*number),
        Value::Bool(flag) => i64::from(*flag),
        Value::Text(text) => text.parse().unwrap_or_default(),
        Value::Pointer(to) => integer(to),
        _ => 0,
    }
}

/// Anything as a float; what is none is 0.
#[allow(clippy::cast_precision_loss, reason = "Go's cast loses the same")]
fn float(value: &Value) -> f64 {
    match value {
        Value::Int(number) | Value::Enum(number, _) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Text(text) => text.parse().unwrap_or_default(),
        Value::Pointer(to) => float(to),
        _ => 0.0,
    }
}

fn counted(from: i64, to: i64, step: i64) -> Result<Value, String> {
    let mut items = Vec::new();
    let mut at = from;
    while (step > 0 && at < to) || (step < 0 && at > to) {
        limited(items.len())?;
        items.push(Value::Int(at));
        at = at.saturating_add(step);
    }
    Ok(Value::list(items))
}
