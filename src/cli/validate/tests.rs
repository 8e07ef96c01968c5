use super::report;
use crate::api::{Code, Diagnostic, Severity};

fn finding(severity: Severity, message: &str) -> Diagnostic {
    let message = message.to_owned();
    Diagnostic {
        severity,
        location: None,
        object: None,
        path: "spec".to_owned(),
        message,
        code: Code::Other,
    }
}

#[test]
fn findings_are_told_line_by_line_and_counted() {
    let (error, warning) = (finding(Severity::Error, "wrong"), finding(Severity::Warning, "odd"));
    let want = "error: spec: wrong\nwarning: spec: odd\n2 objects, 1 error, 1 warning\n";
    assert_eq!(report(2, &[error, warning]), (want.to_owned(), false));
}

#[test]
fn warnings_alone_are_no_failure() {
    let warnings = [finding(Severity::Warning, "a"), finding(Severity::Warning, "b")];
    let want = "warning: spec: a\nwarning: spec: b\n1 object, 0 errors, 2 warnings\n";
    assert_eq!(report(1, &warnings), (want.to_owned(), true));
    assert_eq!(report(0, &[]), ("0 objects, 0 errors, 0 warnings\n".to_owned(), true));
}
