//! Amounts of resources, as Kubernetes reads and writes them.

/// Billionths of one, the finest that an amount may be.
const ONE: i128 = 1_000_000_000;

/// The suffixes of powers of ten, and the power.
const DECIMAL: &[(&str, u32)] = &[
    ("n", 0),
    ("u", 3),
    ("m", 6),
    ("", 9),
    ("k", 12),
    ("M", 15),
    ("G", 18),
    ("T", 21),
    ("P", 24),
    ("E", 27),
];

/// The suffixes of powers of 1024, and the power.
const BINARY: &[(&str, u32)] = &[("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4), ("Pi", 5), ("Ei", 6)];

enum Form {
    Decimal,
    Binary,
    Exponent,
}

/// An amount in the form that Kubernetes writes: `2000m` is `2`, `1024Mi` is `1Gi`.
///
/// # Errors
/// When it is no amount.
pub fn canonical(text: &str) -> Result<String, String> {
    let (nanos, form) = parse(text).ok_or_else(|| {
        format!("{text:?} is no quantity; write a number with a unit, as in 100m or 1Gi")
    })?;
    if nanos == 0 {
        return Ok("0".to_owned());
    }
    let whole = nanos.div_euclid(ONE) + i128::from(nanos.rem_euclid(ONE) != 0);
    Ok(match form {
        Form::Binary if whole.abs() >= 1024 => {
            let (suffix, unit) = BINARY
                .iter()
                .rev()
                .map(|(suffix, power)| (*suffix, 1024_i128.pow(*power)))
                .find(|(_, unit)| whole % unit == 0)
                .unwrap_or(("", 1));
            format!("{}{suffix}", whole / unit)
        }
        Form::Decimal | Form::Binary => {
            let (suffix, unit) = decimal(nanos);
            format!("{}{suffix}", nanos / unit)
        }
        Form::Exponent => {
            let (suffix, unit) = decimal(nanos);
            let power =
                DECIMAL.iter().find(|(known, _)| *known == suffix).map_or(9, |found| found.1);
            match i64::from(power) - 9 {
                0 => (nanos / unit).to_string(),
                power => format!("{}e{power}", nanos / unit),
            }
        }
    })
}

/// The largest unit that leaves no fraction.
fn decimal(nanos: i128) -> (&'static str, i128) {
    DECIMAL
        .iter()
        .rev()
        .map(|(suffix, power)| (*suffix, 10_i128.pow(*power)))
        .find(|(_, unit)| nanos % unit == 0)
        .unwrap_or(("n", 1))
}

fn parse(text: &str) -> Option<(i128, Form)> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    // More digits than these are beyond what Kubernetes keeps.
    if whole.len() > 18 || fraction.len() > 18 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let (unit, form) = unit(suffix)?;
    let product = digits.checked_mul(unit)?;
    // What is finer than a billionth is rounded up.
    let nanos = product / scale + i128::from(product % scale != 0);
    Some((if negative { -nanos } else { nanos }, form))
}

/// What one of a suffix is, in billionths.
fn unit(suffix: &str) -> Option<(i128, Form)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(known, _)| *known == suffix) {
        return Some((10_i128.pow(*power), Form::Decimal));
    }
    if let Some((_, power)) = BINARY.iter().find(|(known, _)| *known == suffix) {
        return Some((1024_i128.pow(*power) * ONE, Form::Binary));
    }
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = u32::try_from(power.checked_add(9)?).ok().filter(|power| *power <= 27)?;
    Some((10_i128.pow(power), Form::Exponent))
}
