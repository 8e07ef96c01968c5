//! What the real webhook answered, where the recordings are present.

use std::path::Path;

use super::*;
use crate::skip::skipped;

/// The words of a message that tell a fact: names of fields, values and limits. Words of Go and of its libraries do not.
fn facts(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || "/@*._-".contains(c);
    let of_go = |word: &&str| {
        !["istio.", "core/", "net/url", "Go", "hTPp"].iter().any(|go| word.starts_with(go))
    };
    let tells = |word: &&str| {
        let inner = word.get(1..).unwrap_or_default();
        word.contains(['/', '@', '*'])
            || inner.contains(|c: char| c.is_uppercase())
            || word.chars().filter(char::is_ascii_digit).count() > 1
    };
    let bullet = |word: &&str| *word != "*";
    text.split(|c| !is_part(c))
        .map(|word| word.trim_matches('.'))
        .filter(bullet)
        .filter(of_go)
        .filter(tells)
        .map(|word| gist(word).trim_end_matches('s').replace("workloadselector", "selector"))
        .collect()
}

/// Versions of kinds and capitals tell nothing.
fn gist(text: &str) -> String {
    text.to_lowercase().replace("/v1/", "/")
}

#[test]
fn every_recorded_object_is_judged_as_istiod_judged_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens/validate");
    let Ok(files) = std::fs::read_dir(&folder) else {
        return skipped("the recordings (../shared/goldens/validate) are not here");
    };
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in files {
        let cases: Vec<Json> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for case in cases {
            count += 1;
            let answer = validator().answer(&review("CREATE", case["object"].clone()));
            let name = &case["object"]["metadata"]["name"];
            let mut tell = |what: String| {
                let ours = (&answer.refused, &answer.warnings);
                let theirs = (&case["message"], &case["warnings"]);
                wrong.push(format!("{} {name}: {what}\n  {ours:?}\n  {theirs:?}", file.display()));
            };
            let warnings = case["warnings"].as_array().unwrap();
            if answer.refused.is_none() != case["allowed"] {
                tell("another decision".into());
            }
            if answer.warnings.len() != warnings.len() {
                tell("another number of warnings".into());
            }
            let mut theirs = facts(case["message"].as_str().unwrap());
            theirs.extend(warnings.iter().flat_map(|warning| facts(warning.as_str().unwrap())));
            let ours = answer.refused.iter().chain(&answer.warnings);
            let ours = ours.map(|text| gist(text)).collect::<String>();
            for fact in theirs.iter().filter(|fact| !ours.contains(*fact)) {
                tell(format!("{fact} is not told"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
