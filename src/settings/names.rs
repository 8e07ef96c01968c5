//! Names that no part of the project knows: which of them deserve a word.

use super::table::variables;

/// Prefixes that are the control plane's own: an unknown name that begins so is probably a mistake.
const PREFIXES: [&str; 5] = ["PILOT_", "ISTIO_", "ISTIOD_", "CITADEL_", "AMBIENT_"];

/// What to say of a variable that is not in the table, if anything.
pub(super) fn complaint(name: &str, value: &str) -> Option<String> {
    if !PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || is_service_link(name, value) {
        return None;
    }
    let hint = nearest(name).map(|known| format!("; did you mean {known}?")).unwrap_or_default();
    Some(format!("{name} is not a known variable and has no effect{hint}"))
}

/// Whether Kubernetes set the variable to tell of a Service: every pod gets them for the Services of its
/// namespace, so that one named `istiod` yields ISTIOD_SERVICE_HOST, ISTIOD_PORT_15010_TCP_ADDR and so on.
fn is_service_link(name: &str, value: &str) -> bool {
    if name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") {
        return true;
    }
    if name.contains("_SERVICE_PORT_") {
        return value.parse::<u16>().is_ok();
    }
    if name.ends_with("_PORT") && value.contains("://") {
        return true;
    }
    name.split_once("_PORT_").is_some_and(|(_, rest)| {
        let mut parts = rest.split('_');
        let number = parts.next().is_some_and(|part| part.parse::<u16>().is_ok());
        number && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
    })
}

/// The known name that is most like this one, if one is close: a slip or two of the fingers, or a word
/// too many or too few.
fn nearest(name: &str) -> Option<&'static str> {
    let limit = name.len() / 6;
    variables()
        .into_iter()
        .map(|variable| (distance(name, variable.name), variable.name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, known)| known)
}

/// Levenshtein's distance of two names, in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(b.bytes()) {
            let changed = diagonal + usize::from(left != right);
            diagonal = *cell;
            previous = changed.min(previous + 1).min(*cell + 1);
            *cell = previous;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
