//! Where requests and connections go.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::common::Destination;

use super::{hosts, ports};

/// A host, perhaps with a subset and a port.
pub(in crate::api) fn destination(destination: &Destination, at: &Place<'_>, issues: &mut Issues) {
    let Destination { host, subset, port } = destination;
    if &**host == "*" {
        issues.error(at.key("host"), "* is no destination: name a host");
    } else if let Err(why) = hosts::pattern(host) {
        issues.error(at.key("host"), why);
    }
    if !subset.is_empty() {
        subset_name(subset, &at.key("subset"), issues);
    }
    if let Some(port) = port {
        ports::number(port.number, &at.key("port").key("number"), issues);
    }
}

/// The name of a subset.
pub(in crate::api) fn subset_name(name: &str, at: &Place<'_>, issues: &mut Issues) {
    if name.is_empty() {
        issues.error(*at, "the subset name is empty: a subset needs one");
    } else if !hosts::is_label(name) {
        issues.error(
            *at,
            format!("invalid subset name {name:?}: use letters, digits and -, such as v1"),
        );
    }
}

/// Weights of destinations, each with its place: none below zero, and of several not all zero.
pub(in crate::api) fn weights(
    weights: impl ExactSizeIterator<Item = i32>,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    let several = weights.len() > 1;
    let mut total = 0i64;
    for (index, weight) in weights.enumerate() {
        if weight < 0 {
            issues.error(at.index(index).key("weight"), format!("weight {weight} is below 0"));
        }
        total += i64::from(weight);
    }
    if several && total == 0 {
        issues.error(*at, "the total weight of the destinations is 0: none would get anything");
    }
}
