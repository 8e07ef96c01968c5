//! The answer: the steps that a request took, and where it ended.

use serde::{Serialize, Serializer};

use crate::api::ObjectKey;

/// The way of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// From the listener on.
    pub steps: Vec<Step>,
    /// The clusters that it goes to, each with its share.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<Backend>,
    /// Where the way ends.
    pub outcome: Outcome,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What was chosen.
    pub kind: StepKind,
    /// Its name; with its place in the list, where it is one of a list.
    pub name: String,
    /// Why this one.
    pub reason: String,
    /// The object that decided it, where the resource tells.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_key")]
    pub decided_by: Option<ObjectKey>,
    /// All objects that the resource was made from.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "keys")]
    pub origins: Vec<ObjectKey>,
    /// What it does besides leading to the next step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// The candidates that it was chosen over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<Passed>,
}

/// What a step chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepKind {
    /// A listener.
    Listener,
    /// One of its filter chains.
    FilterChain,
    /// A route configuration.
    RouteConfiguration,
    /// One of its virtual hosts.
    VirtualHost,
    /// One of its routes.
    Route,
    /// Who may do what, by one action of policies.
    Authorization,
    /// A proxy of TCP.
    TcpProxy,
    /// A cluster.
    Cluster,
}

/// A candidate that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// Its name, as in [`Step::name`].
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A cluster that requests go to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// The cluster. Its name may be of one that does not exist, which is a flaw.
    pub cluster: Step,
    /// Of all requests, in percent.
    pub share: f64,
    /// The host that it is asked for; None outside HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Where the cluster leads.
    pub endpoints: Vec<Endpoint>,
    /// Why requests fail here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flaw: Option<String>,
}

/// An endpoint of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// `ADDRESS:PORT`, a host name that DNS resolves, or a path.
    pub address: String,
    /// `region/zone/subzone`; empty when nothing tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub locality: String,
    /// 0 comes first.
    pub priority: u32,
    /// Among those of its locality.
    pub weight: u32,
    /// It may be chosen.
    pub healthy: bool,
    /// By which of the cluster's transport sockets it is spoken to; empty where the cluster does not choose by endpoint.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub transport: String,
}

/// Where a way ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// At endpoints.
    #[serde(rename_all = "camelCase")]
    Forwarded {
        /// The path that they see; None outside HTTP.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// The client is sent elsewhere.
    Redirected {
        /// The status.
        status: u32,
        /// Where to.
        location: String,
    },
    /// The proxy answers itself.
    Answered {
        /// The status.
        status: u32,
        /// The body.
        #[serde(skip_serializing_if = "String::is_empty")]
        body: String,
    },
    /// Nothing can be reached.
    Nowhere {
        /// What the client gets; None when that is no HTTP response.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u32>,
        /// Why.
        reason: String,
    },
    /// The configuration uses something that is not simulated.
    Unknown {
        /// What.
        reason: String,
    },
}

impl Outcome {
    /// Nothing can be reached, and there is no response either.
    pub(super) fn refused(reason: impl Into<String>) -> Outcome {
        Outcome::Nowhere { status: None, reason: reason.into() }
    }

    /// Nothing can be reached, which the client is told with this status.
    pub(super) fn failed(status: u32, reason: impl Into<String>) -> Outcome {
        Outcome::Nowhere { status: Some(status), reason: reason.into() }
    }

    /// Something that is not simulated.
    pub(super) fn unknown(reason: impl Into<String>) -> Outcome {
        Outcome::Unknown { reason: reason.into() }
    }
}

impl Explanation {
    /// The request reached an endpoint, or something that answers it.
    pub fn is_reached(&self) -> bool {
        !matches!(self.outcome, Outcome::Nowhere { .. } | Outcome::Unknown { .. })
    }

    /// The step of a kind, if the way got that far.
    pub fn step(&self, kind: StepKind) -> Option<&Step> {
        self.steps.iter().find(|step| step.kind == kind)
    }

    /// The name of what was chosen; empty if the way did not get that far.
    pub fn chosen(&self, kind: StepKind) -> &str {
        self.step(kind).map_or("", |step| &step.name)
    }

    /// The clusters with their shares in percent.
    pub fn clusters(&self) -> Vec<(&str, f64)> {
        self.backends.iter().map(|b| (b.cluster.name.as_str(), b.share)).collect()
    }
}

impl Step {
    /// A choice that has nothing more to tell yet.
    pub(super) fn new(kind: StepKind, name: impl Into<String>, reason: impl Into<String>) -> Step {
        Step {
            kind,
            name: name.into(),
            reason: reason.into(),
            decided_by: None,
            origins: Vec::new(),
            facts: Vec::new(),
            passed_over: Vec::new(),
        }
    }
}

impl Passed {
    /// A candidate and why it was passed over.
    pub(super) fn new(name: impl Into<String>, reason: impl Into<String>) -> Passed {
        Passed { name: name.into(), reason: reason.into() }
    }
}

/// What is collected on the way.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub steps: Vec<Step>,
    pub backends: Vec<Backend>,
}

impl Trail {
    /// Adds a step.
    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Adds something to tell of the newest step.
    pub fn fact(&mut self, fact: impl Into<String>) {
        if let Some(step) = self.steps.last_mut() {
            step.facts.push(fact.into());
        }
    }

    /// The whole way.
    pub fn end(self, outcome: Outcome) -> Explanation {
        Explanation { steps: self.steps, backends: self.backends, outcome }
    }
}

fn keys<S: Serializer>(keys: &[ObjectKey], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(keys.iter().map(ToString::to_string))
}

fn optional_key<S: Serializer>(key: &Option<ObjectKey>, serializer: S) -> Result<S::Ok, S::Error> {
    match key {
        Some(key) => serializer.collect_str(key),
        None => serializer.serialize_none(),
    }
}
