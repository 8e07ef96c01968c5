use super::RequestAuthentication;
use crate::api::fixture::check;

#[test]
fn rules() {
    check::<RequestAuthentication>(&[
        ("{}", &[]),
        ("jwtRules: [{issuer: a}, {jwksUri: 'https://a.b/c'}]", &[]),
        (
            "jwtRules: [{issuer: a, audiences: [b], fromHeaders: [{name: c}, {name: d, prefix: 'e '}], fromParams: [f], \
             fromCookies: [g], outputPayloadToHeader: h, forwardOriginalToken: true, timeout: 1s, \
             outputClaimToHeaders: [{header: X-i_1, claim: j.k}], spaceDelimitedClaims: ['']}]",
            &[],
        ),
        ("jwtRules: [{}]", &["error spec.jwtRules[0].issuer: must be non-empty"]),
        (
            "jwtRules: [{issuer: a, audiences: [b, ''], fromParams: [''], fromCookies: [''], fromHeaders: [{prefix: c}]}]",
            &[
                "error spec.jwtRules[0].fromHeaders[0].name: is empty",
                "error spec.jwtRules[0].audiences[1]: an audience must be",
                "error spec.jwtRules[0].fromParams[0]: a query parameter must be",
                "error spec.jwtRules[0].fromCookies[0]: a cookie name must be",
            ],
        ),
        (
            "jwtRules: [{issuer: a, outputClaimToHeaders: [{header: b}, {claim: c}, {header: ':authority', claim: d}]}]",
            &[
                "error spec.jwtRules[0].outputClaimToHeaders[0]: header and claim",
                "error spec.jwtRules[0].outputClaimToHeaders[1]: header and claim",
                "error spec.jwtRules[0].outputClaimToHeaders[2].header: no valid header name",
            ],
        ),
        (
            "jwtRules: [{issuer: a, timeout: 0s}, {issuer: b, timeout: 1.0001s}]",
            &[
                "error spec.jwtRules[0].timeout: too short",
                "error spec.jwtRules[1].timeout: finer than milliseconds",
            ],
        ),
    ]);
}

#[test]
fn keys() {
    check::<RequestAuthentication>(&[
        ("jwtRules: [{issuer: a, jwks: '{\"keys\":[]}'}]", &[]),
        (
            "jwtRules: [{issuer: a, jwksUri: 'ftp://a'}]",
            &["error spec.jwtRules[0].jwksUri: scheme"],
        ),
        ("jwtRules: [{issuer: a, jwks: 'x'}]", &["error spec.jwtRules[0].jwks: no token of \"a\""]),
        (
            "jwtRules: [{issuer: a, jwks: '{\"keys\":[{\"kty\":\"oct\",\"k\":\"AQ\"}]}'}]",
            &["warning spec.jwtRules[0].jwks: the key at index 0 contains private key material"],
        ),
    ]);
}

#[test]
fn targets() {
    check::<RequestAuthentication>(&[
        ("{selector: {matchLabels: {a: b}}, jwtRules: [{issuer: a}]}", &[]),
        ("selector: {}", &["warning spec.selector: without labels"]),
        (
            "{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}",
            &["error spec.targetRefs: only one of targetRefs"],
        ),
    ]);
}
