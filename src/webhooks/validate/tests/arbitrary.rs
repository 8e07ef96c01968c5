//! No JSON does harm, whatever kind it says it is of: neither any, nor such as the kind's schema describes with values
//! that nobody expects.

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::api::crd;

/// Texts that mean something somewhere.
const TEXTS: [&str; 24] = [
    "",
    "*",
    "a.b",
    "*.a",
    "1.2.3.4",
    "::1/200",
    "unix://",
    "unix:///a",
    "10s",
    "-1ns",
    "99999999999h",
    "%",
    "(",
    "(?i)[",
    "http://[",
    "é\u{1F600}",
    ".",
    "~",
    "65536",
    "a/b",
    "{**}/{*}",
    "{\"keys\":[{\"d\":1}]}",
    "%REQ(a",
    "-",
];

/// The schemas of the kinds.
fn schemas() -> Vec<(Kind, Json)> {
    let of = |definition: Json| {
        let text = |path: &str| definition.pointer(path).and_then(Json::as_str).unwrap().to_owned();
        let kind = Kind::of_group(&text("/spec/group"), &text("/spec/names/kind")).unwrap();
        let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
        (kind, definition.pointer(schema).unwrap().clone())
    };
    crd::definitions().into_iter().map(of).collect()
}

/// Numbers that follow from a seed (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn text(&mut self) -> Json {
        TEXTS[self.below(TEXTS.len())].into()
    }

    /// A value of a schema, mostly.
    fn value(&mut self, schema: &Json, depth: usize) -> Json {
        if depth == 0 || self.below(40) == 0 {
            return [Json::Null, json!(-1), json!([]), json!({}), json!(true), self.text()]
                [self.below(6)]
            .clone();
        }
        if let Some(names) = schema["enum"].as_array() {
            return names[self.below(names.len())].clone();
        }
        match schema["type"].as_str() {
            Some("object") => {
                let mut fields = Map::new();
                for (name, of) in schema["properties"].as_object().into_iter().flatten() {
                    if self.below(3) > 0 {
                        fields.insert(name.clone(), self.value(of, depth - 1));
                    }
                }
                if let Some(of) = schema.get("additionalProperties") {
                    for _ in 0..self.below(3) {
                        let key = self.text();
                        fields.insert(key.as_str().unwrap().to_owned(), self.value(of, depth - 1));
                    }
                }
                fields.into()
            }
            Some("array") => {
                (0..self.below(4)).map(|_| self.value(&schema["items"], depth - 1)).collect()
            }
            Some("integer") => json!([0, 1, 80, 65_536, -1, i64::MAX][self.below(6)]),
            Some("number") => json!([0.0, -0.5, 100.5, 1e300][self.below(4)]),
            Some("boolean") => json!(self.below(2) == 0),
            _ => self.text(),
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            proptest::collection::hash_map("[a-zA-Z]{0,8}|spec|metadata|name", inner, 0..5)
                .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn object(kind: Kind, spec: Json) -> Json {
    json!({"apiVersion": kind.api_version(), "kind": kind.name(), "metadata": {"name": "a"}, "spec": spec})
}

proptest! {
    #[test]
    fn any_json_is_answered(value in any_json()) {
        for kind in Kind::ALL.iter().filter(|kind| kind.is_istio()) {
            validator().answer(&review("CREATE", object(*kind, value.clone())));
        }
        validator().answer(&review("UPDATE", value));
    }
}

#[test]
fn values_that_nobody_expects_are_answered() {
    let validator = validator();
    let mut accepted = 0;
    for (kind, schema) in schemas() {
        for seed in 1..150u64 {
            let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let spec = chance.value(&schema, 9);
            let answer = validator.answer(&review("CREATE", object(kind, spec)));
            accepted += usize::from(answer.refused.is_none());
        }
    }
    // Else nothing but the beginning of validation was tried.
    assert!(accepted > 0);
}

#[test]
fn what_is_nested_without_end_is_refused() {
    let deep = |depth: usize| {
        let spec = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE",
            "object":{{"apiVersion":"networking.istio.io/v1alpha3","kind":"EnvoyFilter","metadata":{{"name":"a"}},
            "spec":{{"configPatches":[{{"applyTo":"CLUSTER","patch":{{"operation":"ADD","value":{{"a":{spec}}}}}}}]}}}}}}}}"#
        );
        Review::read(body.as_bytes())
    };
    assert!(deep(100_000).is_err());
    validator().answer(&deep(90).unwrap());
}
