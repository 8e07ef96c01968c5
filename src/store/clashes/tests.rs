//! What users are told of policies that contradict workloads and rules, while these come and go.

use serde_json::{Value, json};

use crate::api::Change;
use crate::api::networking::DestinationRule;
use crate::api::security::PeerAuthentication;
use crate::store::Store;
use crate::store::fixtures::{apply, config, endpoint, pod, put, remove, service, slice};

/// With a sidecar.
const MESHED: &str = "app=web security.istio.io/tlsMode=istio";

/// The service shop/web, port 80 to 8080 of a pod with a sidecar.
fn store(changes: impl IntoIterator<Item = Change>) -> Store {
    let mut store = Store::new(config());
    store.apply([
        apply(service("shop", "web", "app=web")),
        apply(pod("shop", "web-1", "10.0.0.1", MESHED)),
        apply(slice("shop", "web-a", "web", vec![endpoint("10.0.0.1", "web-1")])),
    ]);
    store.apply(changes);
    store
}

fn told(store: &mut Store) -> Vec<String> {
    store.snapshot().diagnostics.iter().map(ToString::to_string).collect()
}

fn ports(ports: &[&str]) -> Change {
    let modes: serde_json::Map<String, Value> =
        ports.iter().map(|port| ((*port).to_owned(), json!({ "mode": "STRICT" }))).collect();
    let selector = json!({ "matchLabels": { "app": "web" } });
    put::<PeerAuthentication>("shop/ports", json!({ "selector": selector, "portLevelMtls": modes }))
}

#[test]
fn modes_for_ports_that_nobody_serves() {
    let mut store = store([ports(&["8080", "80", "9999"])]);
    let said = told(&mut store);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].contains("portLevelMtls.80"), "{said:?}");
    assert!(
        said[0].contains("web.shop.svc.cluster.local") && said[0].contains("write 8080"),
        "{said:?}"
    );
    assert!(
        said[1].contains("no service leads to port 9999") && said[1].contains("they serve 8080")
    );
    store.apply([ports(&["8080"])]);
    assert_eq!(told(&mut store), [""; 0]);
    store.apply([ports(&["80"])]);
    assert_eq!(told(&mut store).len(), 1);
    // Of what nobody leads to nothing is known.
    store.apply([remove(service("shop", "web", "app=web"))]);
    assert_eq!(told(&mut store), [""; 0]);
}

fn strict(name: &str, mode: &str) -> Change {
    put::<PeerAuthentication>(name, json!({ "mtls": { "mode": mode } }))
}

fn rule(host: &str, policy: Value) -> Change {
    put::<DestinationRule>("client/rule", json!({ "host": host, "trafficPolicy": policy }))
}

#[test]
fn clients_without_certificate_of_servers_that_want_one() {
    let host = "web.shop.svc.cluster.local";
    let off = json!({ "tls": { "mode": "DISABLE" } });
    let mut store = store([strict("shop/default", "STRICT"), rule(host, off.clone())]);
    let said = told(&mut store);
    assert_eq!(said.len(), 1, "{said:#?}");
    let want =
        ["warning: DestinationRule client/rule: spec.trafficPolicy.tls", "port 80", "shop/default"];
    assert!(want.iter().all(|part| said[0].contains(part)), "{said:?}");

    store.apply([strict("shop/default", "PERMISSIVE")]);
    assert_eq!(told(&mut store), [""; 0]);
    store.apply([strict("shop/default", "UNSET"), strict("istio-system/mesh", "STRICT")]);
    assert!(told(&mut store)[0].contains("PeerAuthentication istio-system/mesh"));

    // Wildcards are meant just so, and what a port says counts for the port.
    store.apply([rule("*.shop.svc.cluster.local", off)]);
    assert_eq!(told(&mut store).len(), 1);
    let mutual = json!({ "port": { "number": 80 }, "tls": { "mode": "ISTIO_MUTUAL" } });
    store.apply([rule(
        host,
        json!({ "tls": { "mode": "DISABLE" }, "portLevelSettings": [mutual] }),
    )]);
    assert_eq!(told(&mut store), [""; 0]);
    let simple = json!({ "port": { "number": 80 }, "tls": { "mode": "SIMPLE" } });
    store.apply([rule(host, json!({ "portLevelSettings": [simple] }))]);
    assert!(told(&mut store)[0].contains("spec.trafficPolicy.portLevelSettings[0].tls"));

    // Without a sidecar nobody asks for a certificate.
    store.apply([apply(pod("shop", "web-1", "10.0.0.1", "app=web"))]);
    assert_eq!(told(&mut store), [""; 0]);
    store.apply([apply(pod("shop", "web-1", "10.0.0.1", MESHED))]);
    assert_eq!(told(&mut store).len(), 1);
    store.apply([remove(pod("shop", "web-1", "10.0.0.1", MESHED))]);
    assert_eq!(told(&mut store), [""; 0]);
}
