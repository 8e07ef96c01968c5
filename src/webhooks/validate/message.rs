//! The words of an answer: a path and what is wrong there, no more than somebody reads.

use crate::api::issue::Issue;
use crate::api::{Diagnostic, ObjectKey, Severity};

/// How many errors one refusal tells.
const MAX_ERRORS: usize = 20;

/// How many warnings one answer has: an API server passes on 4 kB of them.
const MAX_WARNINGS: usize = 20;

/// The longest single text, in characters: values of users are quoted in it.
const MAX_CHARACTERS: usize = 1_000;

/// One error as a text.
pub(super) fn error(issue: &Issue) -> String {
    shortened(match issue.path.steps().is_empty() {
        true => issue.message.clone(),
        false => format!("{}: {}", issue.path, issue.message),
    })
}

/// The errors of an object as one text.
pub(super) fn errors(errors: &[Issue]) -> String {
    if let [only] = errors {
        return error(only);
    }
    let mut text = format!("{} errors:", errors.len());
    for issue in errors.iter().take(MAX_ERRORS) {
        text.push_str("\n* ");
        text.push_str(&error(issue));
    }
    if let Some(more) = errors.len().checked_sub(MAX_ERRORS).filter(|more| *more > 0) {
        text.push_str(&format!("\n* and {more} more"));
    }
    text
}

/// The warnings of an object, and what the mesh says of it: first what stands in it, then the worst.
pub(super) fn warnings(
    object: &ObjectKey,
    own: Vec<Issue>,
    mut around: Vec<Diagnostic>,
) -> Vec<String> {
    around.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
    let around = around.into_iter().map(|diagnostic| about(object, &diagnostic));
    let mut all: Vec<String> = Vec::new();
    for text in own.iter().map(error).chain(around) {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    if let Some(more) = all.len().checked_sub(MAX_WARNINGS).filter(|more| *more > 0) {
        all.truncate(MAX_WARNINGS);
        all.push(format!("and {more} more warnings: istiod validate tells all"));
    }
    all
}

/// What is said of this object or of another one.
fn about(object: &ObjectKey, diagnostic: &Diagnostic) -> String {
    let of = diagnostic.object.as_ref().filter(|of| *of != object);
    let of = of.map(|of| format!("{of}: ")).unwrap_or_default();
    let path = match diagnostic.path.as_str() {
        "" => String::new(),
        path => format!("{path}: "),
    };
    let worse = if diagnostic.severity == Severity::Error { "has no effect: " } else { "" };
    let worse = if diagnostic.message.contains("no effect") { "" } else { worse };
    shortened(format!("{of}{path}{worse}{}", diagnostic.message))
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
