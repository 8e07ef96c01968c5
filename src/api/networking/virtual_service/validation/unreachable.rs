//! Routes and matches that get nothing, because others before them take it: the first that matches counts.
//!
//! Only what is certain is said: a match is taken when an earlier one asks for nothing that it does not ask for too.

mod cover;
mod taken;

use std::collections::HashMap;

use serde::Serialize;

use self::taken::Taken;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::{HttpMatch, VirtualService};

/// Says which routes and matches have no effect.
pub(super) fn warn(spec: &VirtualService, at: &Place<'_>, issues: &mut Issues) {
    let mut taken = Taken::default();
    let http = spec.http.iter().map(|route| route.matches.as_slice());
    walk(http, "http", at, issues, |route, request: &HttpMatch| taken.take(route, request));
    let tls = spec.tls.iter().map(|route| route.matches.as_slice());
    walk(tls, "tls", at, issues, same());
    let tcp = spec.tcp.iter().map(|route| route.matches.as_slice());
    walk(tcp, "tcp", at, issues, same());
}

/// Goes through the matches of routes in order. `take` remembers a match with the number of its route, or gives the
/// number of an earlier route that takes all of it.
fn walk<'a, M: 'a>(
    routes: impl Iterator<Item = &'a [M]>,
    field: &str,
    at: &Place<'_>,
    issues: &mut Issues,
    mut take: impl FnMut(usize, &'a M) -> Option<usize>,
) {
    let at = at.key(field);
    let mut all: Option<usize> = None;
    for (index, matches) in routes.enumerate() {
        let at = at.index(index);
        if let Some(all) = all {
            let why = match matches.is_empty() {
                true => "only the last rule can have no matches",
                false => "a rule without matches stands before it",
            };
            issues.warn(at, format!("is not used: {field}[{all}] takes everything, {why}"));
            continue;
        }
        if matches.is_empty() {
            all = Some(index);
            continue;
        }
        let matches_at = at.key("match");
        let mut unused = 0;
        for (place, wanted) in matches.iter().enumerate() {
            if let Some(earlier) = take(index, wanted) {
                unused += 1;
                let message = format!(
                    "is not used: a duplicate or overlapping match of {field}[{earlier}] takes it all"
                );
                issues.warn(matches_at.index(place), message);
            }
        }
        if unused == matches.len() {
            issues.warn(at, "is not used: prior rules take all of its matches");
        }
    }
}

/// Takes matches that are written as one before.
fn same<M: Serialize>() -> impl FnMut(usize, &M) -> Option<usize> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    move |route, wanted| {
        let text = serde_json::to_string(wanted).ok()?;
        let earlier = seen.get(&text).copied();
        seen.entry(text).or_insert(route);
        earlier
    }
}
