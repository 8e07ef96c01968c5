//! Values of fields and conditions.

use crate::api::Str;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::addresses;
use crate::api::security::authorization_policy::is_path_template;

/// The most accounts in a list, and the longest one.
const MAX_ACCOUNTS: usize = 16;
const MAX_ACCOUNT: usize = 320;

/// A list by its name, and what its values must be.
pub(super) type Field<'a> = (&'a str, &'a Vec<Str>, Check);

/// What a value must be. None may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Any text.
    Filled,
    /// With one asterisk at most, at an end.
    Wildcard,
    /// The same without a slash.
    TrustDomain,
    /// `[NAMESPACE/]NAME`.
    Account,
    /// An address or a block of them.
    Subnet,
    /// A port.
    Port,
    /// A path, or a template of paths.
    Path,
}

/// Checks lists.
pub(super) fn check(fields: &[Field<'_>], at: &Place<'_>, issues: &mut Issues) {
    for (field, values, wanted) in fields {
        let at = at.key(field);
        if *wanted == Check::Account && values.len() > MAX_ACCOUNTS {
            issues.error(at, format!("at most {MAX_ACCOUNTS} are allowed: split the rule"));
        }
        for (index, value) in values.iter().enumerate() {
            let at = at.index(index);
            if value.is_empty() {
                issues.error(at, "an empty value is not allowed: remove it");
            } else if *wanted == Check::Subnet {
                addresses::subnet(value, &at, issues);
            } else if let Err(why) = wanted.of(value) {
                issues.error(at, why);
            }
        }
    }
}

impl Check {
    fn of(self, value: &str) -> Result<(), String> {
        match self {
            Check::Filled | Check::Subnet => Ok(()),
            Check::Wildcard => wildcard(value),
            Check::TrustDomain if value.contains('/') => {
                Err(format!("{value:?} is no trust domain: it has no slash"))
            }
            Check::TrustDomain => wildcard(value),
            Check::Account => account(value),
            Check::Port => port(value),
            Check::Path => path(value),
        }
    }
}

fn wildcard(value: &str) -> Result<(), String> {
    let inner = value.strip_prefix('*').or_else(|| value.strip_suffix('*')).unwrap_or(value);
    match inner.contains('*') {
        true => Err(format!("{value:?} has an asterisk that is not its only one, at an end")),
        false => Ok(()),
    }
}

fn account(value: &str) -> Result<(), String> {
    let sound = match value.split_once('/') {
        Some((namespace, name)) => !namespace.is_empty() && !name.is_empty() && !name.contains('/'),
        None => true,
    };
    if value.len() > MAX_ACCOUNT {
        return Err(format!("an account has at most {MAX_ACCOUNT} bytes"));
    }
    match sound && !value.contains('*') {
        true => Ok(()),
        false => Err(format!("{value:?} is no account: give [NAMESPACE/]NAME without an asterisk")),
    }
}

fn port(value: &str) -> Result<(), String> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match digits && value.parse::<u64>().is_ok_and(|port| port <= u16::MAX.into()) {
        true => Ok(()),
        false => Err(format!("{value:?} is no port: give one from 0 to 65535")),
    }
}

/// Templates stand for whole segments, and `{**}` is the last one of them.
fn path(value: &str) -> Result<(), String> {
    let is_template = is_path_template(value);
    let mut open = false;
    for segment in value.trim_matches('/').split('/') {
        match segment {
            "{*}" | "{**}" if open => {
                return Err(format!(
                    "{value:?} has a template behind {{**}}, which is the last one"
                ));
            }
            "{**}" => open = true,
            "{*}" => {}
            _ if segment.contains(['{', '}']) => {
                return Err(format!(
                    "{value:?} has a brace outside of {{*}} and {{**}}, which stand for whole segments"
                ));
            }
            _ if is_template && !is_literal(segment) => {
                return Err(format!("{value:?} has the segment {segment:?}, which is no literal"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What may stand in a segment beside templates (RFC 3986, pchar).
fn is_literal(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte);
    !segment.is_empty() && segment.bytes().all(allowed)
}
