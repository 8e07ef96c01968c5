//! An explanation for people: a step a line, each below the one that led to it.

use std::fmt;

use super::explanation::{Backend, Explanation, Outcome, Step, StepKind};
use super::virtual_host::CATCH_ALL;
use crate::api::{Kind, ObjectKey};

/// The most candidates of a step that are shown; all are in the explanation itself.
const CANDIDATES: usize = 12;

/// The most facts of a step that are shown.
const FACTS: usize = 20;

/// The most objects of a step that are shown.
const ORIGINS: usize = 5;

/// The most endpoints of a cluster that are shown.
const ENDPOINTS: usize = 12;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.steps.iter().enumerate() {
            show(f, step, depth, &headline(step))?;
        }
        for backend in &self.backends {
            show_backend(f, backend, self.steps.len())?;
        }
        writeln!(f, "{}", self.outcome)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Forwarded { path: Some(path) } => write!(f, "=> forwarded with path {path}"),
            Outcome::Forwarded { path: None } => write!(f, "=> forwarded"),
            Outcome::Redirected { status, location } => {
                write!(f, "=> redirected ({status}) to {location}")
            }
            Outcome::Answered { status, body } if body.is_empty() => {
                write!(f, "=> answered by the proxy: {status}")
            }
            Outcome::Answered { status, body } => {
                write!(f, "=> answered by the proxy: {status} {body:?}")
            }
            Outcome::Nowhere { status: Some(status), reason } => {
                write!(f, "=> goes nowhere ({status}): {reason}")
            }
            Outcome::Nowhere { status: None, reason } => write!(f, "=> goes nowhere: {reason}"),
            Outcome::Unknown { reason } => write!(f, "=> cannot be told: {reason}"),
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StepKind::Listener => "listener",
            StepKind::FilterChain => "filter chain",
            StepKind::RouteConfiguration => "route configuration",
            StepKind::VirtualHost => "virtual host",
            StepKind::Route => "route",
            StepKind::Authorization => "authorization",
            StepKind::TcpProxy => "TCP proxy",
            StepKind::Cluster => "cluster",
        })
    }
}

fn headline(step: &Step) -> String {
    let name = if step.name.is_empty() { "without a name" } else { &step.name };
    format!("{} {name}: {}", step.kind, step.reason)
}

/// A step, and below it what belongs to it.
fn show(f: &mut fmt::Formatter<'_>, step: &Step, depth: usize, line: &str) -> fmt::Result {
    let indent = "  ".repeat(depth);
    writeln!(f, "{indent}{line}")?;
    let hidden = step.passed_over.len().saturating_sub(CANDIDATES);
    // Which virtual hosts a request is not for matters only where none is for it.
    let told = step.kind != StepKind::VirtualHost || step.reason == CATCH_ALL;
    for passed in step.passed_over.iter().take(if told { CANDIDATES } else { 0 }) {
        writeln!(f, "{indent}    not {}: {}", passed.name, passed.reason)?;
    }
    if hidden > 0 && told {
        writeln!(f, "{indent}    not {hidden} more (-o json has all)")?;
    }
    if let Some(origins) = origins(step) {
        writeln!(f, "{indent}    by {origins}")?;
    }
    for fact in step.facts.iter().take(FACTS) {
        writeln!(f, "{indent}    {fact}")?;
    }
    match step.facts.len().saturating_sub(FACTS) {
        0 => Ok(()),
        hidden => writeln!(f, "{indent}    and {hidden} more (-o json has all)"),
    }
}

fn show_backend(f: &mut fmt::Formatter<'_>, backend: &Backend, depth: usize) -> fmt::Result {
    let indent = "  ".repeat(depth);
    let mut line = format!("cluster {}", backend.cluster.name);
    if backend.share < 100.0 {
        line.push_str(&format!(", {:.4} % of requests", backend.share).replace(".0000", ""));
    }
    if let Some(host) = &backend.host {
        line.push_str(&format!(", host {host}"));
    }
    show(f, &backend.cluster, depth, &line)?;
    for endpoint in backend.endpoints.iter().take(ENDPOINTS) {
        let locality = match &*endpoint.locality {
            "" => String::new(),
            locality => format!(" in {locality}"),
        };
        let priority = match endpoint.priority {
            0 => String::new(),
            priority => format!(", priority {priority}"),
        };
        let health = if endpoint.healthy { "" } else { ", not healthy" };
        let transport = match &*endpoint.transport {
            "" => String::new(),
            transport => format!(", {transport}"),
        };
        let address = &endpoint.address;
        writeln!(f, "{indent}  endpoint {address}{locality}{priority}{transport}{health}")?;
    }
    if backend.endpoints.len() > ENDPOINTS {
        writeln!(f, "{indent}  and {} more endpoints", backend.endpoints.len() - ENDPOINTS)?;
    }
    match &backend.flaw {
        Some(flaw) => writeln!(f, "{indent}  fails: {flaw}"),
        None => Ok(()),
    }
}

/// The objects of a step: the one that decided, then those that say more than that something exists.
fn origins(step: &Step) -> Option<String> {
    let derived = |key: &ObjectKey| {
        matches!(
            key.kind,
            Kind::Pod | Kind::Node | Kind::Namespace | Kind::Endpoints | Kind::EndpointSlice
        )
    };
    let plain = |key: &ObjectKey| key.kind == Kind::Service;
    let mut keys: Vec<&ObjectKey> = step.decided_by.iter().collect();
    let rest = || step.origins.iter().filter(|key| Some(*key) != step.decided_by.as_ref());
    keys.extend(rest().filter(|key| !derived(key) && !plain(key)));
    keys.extend(rest().filter(|key| plain(key)));
    keys.extend(rest().filter(|key| derived(key)));
    let mut shown: Vec<String> = keys.iter().take(ORIGINS).map(ToString::to_string).collect();
    if keys.len() > ORIGINS {
        shown.push(format!("{} more", keys.len() - ORIGINS));
    }
    (!shown.is_empty()).then(|| shown.join(", "))
}
