use super::*;
use crate::api::{Kind, ObjectKey};

#[test]
fn conflicts_are_counted_by_what_they_are() {
    let metrics = Metrics::new("test");
    let diagnostic = |name: &str, severity, code| Diagnostic {
        severity,
        location: None,
        object: Some(ObjectKey::new(Kind::Service, "shop", name)),
        path: "spec".into(),
        message: "contradicts another".into(),
        code,
    };
    let all = [
        diagnostic("a", Severity::Warning, Code::OutboundListener),
        diagnostic("b", Severity::Warning, Code::OutboundListener),
        diagnostic("c", Severity::Error, Code::DuplicateSubset),
        diagnostic("d", Severity::Error, Code::Other),
    ];
    count_problems(&metrics, all.iter());
    assert_eq!(metrics.conflicts.outbound_listeners.get(), 2.0);
    assert_eq!(metrics.conflicts.duplicate_subsets.get(), 1.0);
    assert_eq!(metrics.diagnostics.with(&["warning"]).get(), 2.0);
    assert_eq!(metrics.diagnostics.with(&["error"]).get(), 2.0);
    count_problems(&metrics, all[2..].iter());
    assert_eq!(metrics.conflicts.outbound_listeners.get(), 0.0);
}
