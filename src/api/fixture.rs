//! For tests of validation: specs as YAML in, what is said of them out.

use crate::api::Meta;
use crate::api::config::{Config, Spec};
use crate::api::issue::Issue;
use crate::api::proto_json::ProtoJson;

/// The namespace of every object here.
pub const NAMESPACE: &str = "shop";

/// An object with this spec.
pub fn object<S: Spec>(spec: &str) -> Config<S> {
    let value: serde_json::Value = serde_yaml::from_str(spec).unwrap();
    let spec = S::deserialize(ProtoJson(value)).unwrap_or_else(|error| panic!("{spec}: {error}"));
    let meta = Meta { name: "it".into(), namespace: NAMESPACE.into(), ..Meta::default() };
    Config { meta, spec, status: Default::default() }
}

/// Checks what is said of specs: for each issue `error PATH: PART OF THE MESSAGE` or `warning …`, in order.
pub fn check<S: Spec>(cases: &[(&str, &[&str])]) {
    for (spec, expected) in cases {
        assert_issues(&object::<S>(spec), expected);
    }
}

/// Checks what is said of an object.
pub fn assert_issues<S: Spec>(config: &Config<S>, expected: &[&str]) {
    let said: Vec<String> = config.validate().0.iter().map(text).collect();
    let fits = |(said, expected): (&String, &&str)| {
        let (place, part) = expected.split_once(": ").unwrap();
        said.split_once(": ").is_some_and(|(at, message)| at == place && message.contains(part))
    };
    let all = said.len() == expected.len() && said.iter().zip(expected).all(fits);
    assert!(all, "{:?}\nsaid     {said:#?}\nexpected {expected:#?}", config.spec);
}

fn text(issue: &Issue) -> String {
    format!("{} {}: {}", issue.severity, issue.path, issue.message)
}
