use serde_json::json;

use super::may_list_secrets;
use crate::sources::kubernetes::script::{Answer, Script};

const PATH: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

async fn ask(answer: Answer) -> Result<Result<(), String>, String> {
    let script = Script::default();
    script.add(PATH, [answer]);
    may_list_secrets(script.client(), "shop", "edge").await
}

#[tokio::test]
async fn the_server_decides() {
    let said = |status| Answer::Page(json!({"metadata": {}, "spec": {}, "status": status}));
    assert_eq!(ask(said(json!({"allowed": true}))).await, Ok(Ok(())));
    let denied = json!({"allowed": false, "reason": "no RBAC policy matched"});
    assert_eq!(ask(said(denied)).await, Ok(Err("no RBAC policy matched".to_owned())));
    let contradictory = json!({"allowed": false, "denied": true});
    assert_eq!(ask(said(contradictory)).await, Ok(Err(String::new())));
    assert!(ask(Answer::Refused(500, 0)).await.is_err(), "that nobody answers is no denial");
    assert!(ask(Answer::Refused(403, 0)).await.is_err());
}
