//! Kubernetes' label selectors.

use serde::Deserialize;

use super::{Labels, Str};

/// Which labels are meant: all of `match_labels` and all of `match_expressions`. An empty selector means any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that must have these values.
    pub match_labels: Labels,
    /// What else must be so.
    pub match_expressions: Vec<Requirement>,
}

/// One condition on a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// The key of the label.
    pub key: Str,
    /// What must be so of it.
    pub operator: Operator,
    /// What `In` and `NotIn` compare with.
    pub values: Vec<Str>,
}

/// What a requirement asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Operator {
    /// The label has one of the values.
    #[default]
    In,
    /// It has none of the values, or there is no such label.
    NotIn,
    /// There is such a label.
    Exists,
    /// There is no such label.
    DoesNotExist,
}

impl LabelSelector {
    /// Whether these labels are meant.
    pub fn matches(&self, labels: &Labels) -> bool {
        super::meta::selects(&self.match_labels, labels)
            && self.match_expressions.iter().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests;
