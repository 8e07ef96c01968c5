//! Which of the known names somebody meant who wrote another one.

/// Longer words are no misspelt names of fields.
const MAX_BYTES: usize = 64;

/// The known name that a word is most likely meant to be: it differs in capitals, in `_` and `-`, or in few letters.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_BYTES {
        return None;
    }
    let word = plain(word);
    // A third of the letters may be wrong, and never more than three.
    let most = (word.len() / 3).min(3);
    let distances = known.into_iter().map(|name| (distance(&word, &plain(name)), name));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

/// The letters and digits of a name, in lower case.
fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// How many letters must be added, removed, changed or exchanged with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (i, letter) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        let mut last_b: Option<&char> = None;
        for (j, other) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let changed = at(&row, j) + usize::from(letter != other);
            let mut best = changed.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            if last_a == Some(other)
                && last_b == Some(letter)
                && let Some(exchanged) = j.checked_sub(1).and_then(|j| before.get(j))
            {
                best = best.min(exchanged + 1);
            }
            next.push(best);
            last_b = Some(other);
        }
        last_a = Some(letter);
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_strange_one_is_not() {
        let known = ["subsets", "host", "trafficPolicy", "exportTo"];
        for (word, meant) in [
            ("subset", Some("subsets")),
            ("traffic_policy", Some("trafficPolicy")),
            ("TrafficPolicy", Some("trafficPolicy")),
            ("hsot", Some("host")),
            ("exportsTo", Some("exportTo")),
            ("hosts", Some("host")),
            ("loadBalancer", None),
            ("", None),
            ("ho", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest(&"a".repeat(100_000), known), None);
    }
}
