use serde_json::json;

use super::*;

fn request(status: serde_json::Value) -> CertificateSigningRequest {
    serde_json::from_value(json!({
        "metadata": { "name": "csr-workload-x" },
        "spec": { "request": "", "signerName": "a.example/x" },
        "status": status,
    }))
    .unwrap()
}

#[test]
fn a_request_is_open_until_it_is_signed_or_refused() {
    let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "Policy", "message": "not you" });
    let refused =
        |kind: &str| Some(Err(format!("the CSR csr-workload-x is {kind}: Policy: not you")));
    for (status, want) in [
        (json!(null), None),
        (json!({}), None),
        (json!({ "conditions": [condition("Approved", "True")] }), None),
        (json!({ "certificate": "" }), None),
        (json!({ "certificate": "YWJj" }), Some(Ok("abc".to_owned()))),
        (
            json!({ "certificate": "YWJj", "conditions": [condition("Failed", "True")] }),
            Some(Ok("abc".to_owned())),
        ),
        (json!({ "conditions": [condition("Failed", "True")] }), refused("Failed")),
        (
            json!({ "conditions": [condition("Approved", "True"), condition("Denied", "True")] }),
            refused("Denied"),
        ),
    ] {
        assert_eq!(outcome(&request(status.clone())), want, "{status}");
    }
}

#[test]
fn a_request_says_what_the_certificate_is_for_and_for_how_long() {
    let order = Order {
        request: "text",
        signer: "a.example/x",
        purposes: Purposes::Workload,
        lifetime: Duration::from_secs(3600),
        for_whom: "web",
    };
    let made = serde_json::to_value(object(order)).unwrap();
    assert_eq!(made["metadata"], json!({ "generateName": "csr-workload-" }));
    let usages = json!(["digital signature", "key encipherment", "server auth", "client auth"]);
    assert_eq!(
        made["spec"],
        json!({
            "request": "dGV4dA==", "signerName": "a.example/x", "usages": usages, "expirationSeconds": 3600,
        })
    );
    let server = Order { purposes: Purposes::Server, lifetime: Duration::MAX, ..order };
    let spec = object(server).spec;
    assert_eq!(spec.usages.unwrap(), ["digital signature", "key encipherment", "server auth"]);
    assert_eq!(spec.expiration_seconds, Some(i32::MAX));
}
