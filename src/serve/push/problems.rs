//! What is to be said of users' objects at the moment: what is new of it is logged and counted once, whoever it shows at.

use std::sync::Arc;

use crate::api::diagnostic::Told;
use crate::api::{Code, Diagnostic};
use crate::metrics::Metrics;

/// What was said.
pub(super) struct Problems {
    told: Told,
    metrics: Arc<Metrics>,
}

impl Problems {
    /// Nothing was said yet.
    pub(super) fn new(metrics: Arc<Metrics>) -> Problems {
        Problems { told: Told::default(), metrics }
    }

    /// This is all that is to be said now.
    pub(super) fn replace(&mut self, now: impl IntoIterator<Item = Diagnostic>) {
        let new = self.told.replace(now).new;
        self.say(new);
    }

    /// This is to be said too.
    pub(super) fn add<'a>(&mut self, more: impl IntoIterator<Item = &'a Diagnostic>) {
        let new = self.told.add(more);
        self.say(new);
    }

    fn say(&self, new: Vec<Diagnostic>) {
        for diagnostic in new {
            tracing::warn!(target: "analysis", "{diagnostic}");
            self.count(&diagnostic);
        }
    }

    fn count(&self, diagnostic: &Diagnostic) {
        let conflicts = &self.metrics.conflicts;
        match (diagnostic.code, &diagnostic.object) {
            (Code::RejectedServer, Some(object)) => {
                let name = format!("{}/{}", object.namespace, object.name);
                conflicts.rejected.with(&[&name, "gateway"]).inc();
            }
            (Code::AuthorizationProvider, _) => conflicts.providers.with(&["authz"]).inc(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, ObjectKey, Severity};

    #[test]
    fn what_is_new_is_counted_once() {
        let metrics = Arc::new(Metrics::new("test"));
        let mut problems = Problems::new(metrics.clone());
        let diagnostic = |code| Diagnostic {
            severity: Severity::Warning,
            location: None,
            object: Some(ObjectKey::new(Kind::Gateway, "edge", "web")),
            path: "spec.servers[0]".into(),
            message: "has no effect".into(),
            code,
        };
        let all = [Code::RejectedServer, Code::AuthorizationProvider, Code::Other].map(diagnostic);
        problems.replace(all.clone());
        problems.add(&all);
        problems.replace(all.clone());
        let conflicts = &metrics.conflicts;
        assert_eq!(conflicts.rejected.with(&["edge/web", "gateway"]).get(), 1);
        assert_eq!(conflicts.providers.with(&["authz"]).get(), 1);
        problems.replace([]);
        problems.replace(all);
        assert_eq!(conflicts.rejected.with(&["edge/web", "gateway"]).get(), 2);
    }
}
