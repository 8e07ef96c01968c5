use super::*;
use crate::api::Kind;

fn origin(name: &str) -> ObjectKey {
    ObjectKey::new(Kind::Service, "shop", name)
}

/// What a service of this name claims: `http`, `tcp`, `auto`, `mongo`, or `tls` by its own server name.
fn claim(name: &str, kind: &str, route_name: &str) -> Claim {
    let http = matches!(kind, "http" | "auto").then(|| Http {
        route_name: route_name.into(),
        grpc_web: false,
        origin: origin(name),
    });
    let tcp = (kind != "http").then(|| Tcp {
        cluster: name.into(),
        server_names: (kind == "tls").then(|| name.into()).into_iter().collect(),
        mongo: kind == "mongo",
        origin: origin(name),
    });
    Claim { http, tcp }
}

fn slot() -> Slot {
    Slot::new(vec![[0, 0, 0, 0].into()], 80, true)
}

#[test]
fn the_matrix_of_conflicts() {
    // What stands on the slot afterwards: `http` if there is any, then whose byte streams.
    let check = |older: &str, newer: &str, want: &[&str], lost: bool| {
        let mut slot = slot();
        assert_eq!(slot.claim(claim("old", older, "80")), Ok(()));
        let got = slot.claim(claim("new", newer, "80"));
        let http = slot.http.as_ref().map(|_| "http");
        let stands: Vec<&str> =
            http.into_iter().chain(slot.tcp.iter().map(|t| &*t.cluster)).collect();
        assert_eq!(stands, want, "{newer} over {older}");
        let expected = Err(Conflict { older: origin("old"), newer: origin("new") });
        assert_eq!(got, if lost { expected } else { Ok(()) }, "{newer} over {older}");
    };
    check("http", "http", &["http"], false);
    check("http", "tcp", &["http", "new"], false);
    check("http", "auto", &["http", "new"], false);
    check("http", "tls", &["http", "new"], false);
    check("http", "mongo", &["http"], true);

    check("tcp", "http", &["http", "old"], false);
    check("tcp", "tcp", &["old"], true);
    check("tcp", "auto", &["http", "old"], true);
    check("tcp", "tls", &["old", "new"], false);
    check("tcp", "mongo", &["old"], true);

    check("auto", "http", &["http", "old"], false);
    check("auto", "tcp", &["http", "old"], true);
    check("auto", "auto", &["http", "old"], true);
    check("auto", "tls", &["http", "old", "new"], false);
    check("auto", "mongo", &["http", "old"], true);

    check("tls", "http", &["http", "old"], false);
    check("tls", "tcp", &["old", "new"], false);
    check("tls", "tls", &["old", "new"], false);
    check("tls", "mongo", &["old"], true);

    check("mongo", "http", &["old"], true);
    check("mongo", "tcp", &["old"], true);
    check("mongo", "tls", &["old"], true);
    check("mongo", "auto", &["old"], true);
    check("mongo", "mongo", &["old"], true);
}

#[test]
fn one_server_name_means_one_service() {
    let mut slot = slot();
    let named = |name: &str| {
        let mut claim = claim(name, "tls", "443");
        claim.tcp.as_mut().unwrap().server_names = vec!["same.example.com".into()];
        claim
    };
    assert_eq!(slot.claim(named("old")), Ok(()));
    assert_eq!(
        slot.claim(named("new")),
        Err(Conflict { older: origin("old"), newer: origin("new") })
    );
}

#[test]
fn routes_of_a_listener_of_its_own_are_not_shared() {
    let mut slot = slot();
    assert_eq!(slot.claim(claim("old", "auto", "old:80")), Ok(()));
    assert!(slot.claim(claim("new", "auto", "new:80")).is_err());
    assert_eq!(slot.http.unwrap().route_name, "old:80");
}

#[test]
fn both_sides_of_a_conflict_are_told() {
    let conflict = Conflict { older: origin("old"), newer: origin("new") };
    let told = conflict.diagnostics(&slot());
    let objects: Vec<_> = told.iter().map(|d| d.object.clone().unwrap()).collect();
    assert_eq!(objects, [origin("new"), origin("old")]);
    assert!(told[0].message.contains("0.0.0.0_80") && told[0].message.contains("shop/old"));
    assert!(told[1].message.contains("shop/new"));
}
