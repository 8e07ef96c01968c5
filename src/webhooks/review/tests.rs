use super::*;

#[test]
fn both_versions_are_answered_in_kind() {
    for version in VERSIONS {
        let asked = json!({"apiVersion": version, "kind": "AdmissionReview",
            "request": {"uid": "u", "namespace": "n", "object": {"a": 1}, "operation": "CREATE"}});
        let review = Review::read(asked.to_string().as_bytes()).unwrap();
        assert_eq!((review.namespace.as_str(), &review.object), ("n", &json!({"a": 1})));
        let patch = Some(vec![json!({"op": "remove", "path": "/a"})]);
        let answer = Answer { patch, warnings: vec!["w".into()], ..Answer::default() };
        let answer = review.answered(&answer);
        assert_eq!(answer["apiVersion"], *version);
        assert_eq!(answer["response"]["uid"], "u");
        assert_eq!(answer["response"]["allowed"], true);
        assert_eq!(answer["response"]["patchType"], "JSONPatch");
        assert_eq!(answer["response"]["warnings"], json!(["w"]));
        let patch = STANDARD.decode(answer["response"]["patch"].as_str().unwrap()).unwrap();
        assert_eq!(patch, br#"[{"op":"remove","path":"/a"}]"#);
        let refused = Answer { refused: Some("no".into()), ..Answer::default() };
        let answer = review.answered(&refused);
        assert_eq!(answer["response"]["allowed"], false);
        assert_eq!(answer["response"]["status"]["message"], "no");
    }
}

#[test]
fn what_is_no_review_is_told() {
    for body in ["", "{}", r#"{"apiVersion":"v1","kind":"Pod","request":{}}"#] {
        assert!(Review::read(body.as_bytes()).is_err(), "{body}");
    }
}
