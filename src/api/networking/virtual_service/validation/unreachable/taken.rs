//! The matches so far, found by their paths, so that thousands of routes need not be compared with each other.

use std::collections::{BTreeSet, HashMap};

use super::cover;
use crate::api::networking::virtual_service::{HttpMatch, StringMatch};

/// Matches with the numbers of their routes.
#[derive(Default)]
pub(super) struct Taken<'a> {
    /// Those for any path.
    any: Vec<(usize, &'a HttpMatch)>,
    /// Those for a prefix, in lower case: some do not care.
    prefixes: HashMap<Vec<u8>, Vec<(usize, &'a HttpMatch)>>,
    /// How long the prefixes are.
    lengths: BTreeSet<usize>,
    /// All others, by exact path or regular expression.
    others: HashMap<Vec<u8>, Vec<(usize, &'a HttpMatch)>>,
}

impl<'a> Taken<'a> {
    /// The number of the first route that takes all of `request`; otherwise remembers it.
    pub(super) fn take(&mut self, route: usize, request: &'a HttpMatch) -> Option<usize> {
        let found = self.find(request);
        if found.is_none() {
            self.add(route, request);
        }
        found
    }

    fn find(&self, request: &HttpMatch) -> Option<usize> {
        let mut candidates: Vec<&[(usize, &HttpMatch)]> = vec![&self.any];
        if let Some(uri) = &request.uri {
            let text = text(uri);
            candidates.extend(self.others.get(&text).map(Vec::as_slice));
            let prefixes =
                self.lengths.range(..=text.len()).filter_map(|length| text.get(..*length));
            candidates
                .extend(prefixes.filter_map(|prefix| self.prefixes.get(prefix)).map(Vec::as_slice));
        }
        let earlier = candidates.into_iter().flatten();
        earlier
            .filter(|(_, earlier)| cover::covers(earlier, request))
            .map(|(route, _)| *route)
            .min()
    }

    fn add(&mut self, route: usize, request: &'a HttpMatch) {
        let bucket = match &request.uri {
            None => &mut self.any,
            Some(uri) if cover::is_any_path(uri) => &mut self.any,
            Some(uri) if uri.prefix.is_some() => {
                let text = text(uri);
                self.lengths.insert(text.len());
                self.prefixes.entry(text).or_default()
            }
            Some(uri) => self.others.entry(text(uri)).or_default(),
        };
        bucket.push((route, request));
    }
}

fn text(uri: &StringMatch) -> Vec<u8> {
    let StringMatch { exact, prefix, regex } = uri;
    let text = exact.as_ref().or(prefix.as_ref()).or(regex.as_ref());
    text.map(|text| text.to_ascii_lowercase().into_bytes()).unwrap_or_default()
}
