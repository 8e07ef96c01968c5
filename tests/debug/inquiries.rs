//! Questions over streams: istioctl's requests, and who gets which answer.

use istiod::authn::Authenticator;
use istiod::debug::{self, Access};
use istiod::model::identity::Spiffe;
use istiod::proto::json::{Names, to_json};
use istiod::serve::ads::inquiry::{Inquiries, Inquiry, Told};
use istiod::translate::ResourceType;
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::world::{Running, World, node};

const ALL: [&str; 3] = ["istio.io/debug", "istio.io/debug/syncz", "istio.io/debug/config_dump"];

/// Two proxies of two namespaces, and a tool that merely asks.
fn running(by_namespace: bool) -> (Running, Inquiries) {
    let mut nodes = [
        node("cart-1", "shop", "10.1.0.5"),
        node("till-1", "bank", "10.1.0.6"),
        node("istioctl", "istio-system", "10.1.0.7"),
    ];
    for proxy in &mut nodes[..2] {
        proxy["metadata"]["PROXY_CONFIG"] = json!({});
    }
    let mut running = World::read(&[], &nodes)
        .serving(&[(ResourceType::Cluster, "a", json!({ "name": "a" }))])
        .run(&[ResourceType::Cluster]);
    let namespaces = ["ops".into()].into();
    let authenticator = Authenticator::default();
    running.state.access = Access { authenticator, by_namespace, namespaces };
    let inquiries = debug::inquiries(running.state.clone(), "istiod-0");
    (running, inquiries)
}

async fn ask(
    inquiries: &Inquiries,
    type_url: &str,
    name: &str,
    namespace: &str,
) -> Result<Told, Status> {
    let identity = format!("spiffe://cluster.local/ns/{namespace}/sa/default");
    let names = (!name.is_empty()).then(|| name.to_owned()).into_iter().collect();
    let identity = Spiffe::parse(&identity);
    inquiries.answer(Inquiry { type_url: type_url.into(), names, identity }).await
}

fn bodies(told: Told) -> Vec<String> {
    let resources = told.resources.into_iter();
    resources.map(|(_, any)| String::from_utf8(any.value).unwrap()).collect()
}

#[tokio::test]
async fn nobody_is_answered_whom_nobody_recognised() {
    let (_running, inquiries) = running(true);
    for type_url in ALL {
        let refused = ask(&inquiries, type_url, "syncz", "").await.err().unwrap();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::Unauthenticated, "authentication required"),
            "{type_url}"
        );
    }
}

#[tokio::test]
async fn an_endpoint_is_answered_with_its_body() {
    let (_running, inquiries) = running(true);
    let debug = "istio.io/debug";
    let told = ask(&inquiries, debug, "connections", "istio-system").await.unwrap();
    assert_eq!((&*told.resources[0].0, &*told.resources[0].1.type_url), ("connections", debug));
    let body: Value = serde_json::from_str(&bodies(told)[0]).unwrap();
    assert_eq!(body["totalClients"], 3);
    let missing =
        "Proxy not connected to this Pilot instance. It may be connected to another instance.\n";
    for (namespace, name, want) in [
        ("ops", "config_dump?proxyID=x.y", missing),
        ("ops", "nothing", "404 page not found\n"),
        ("shop", "edsz?proxyID=till-1.bank", missing),
        ("shop", "edsz?proxyID=cart-1.shop", "{}"),
    ] {
        let told = ask(&inquiries, debug, name, namespace).await.unwrap();
        assert_eq!(bodies(told), [want], "{namespace} {name}");
    }
    let denied = ask(&inquiries, debug, "syncz", "shop").await.err().unwrap();
    let identity = "spiffe://cluster.local/ns/shop/sa/default";
    let text = format!("the debug info is not available for current identity: \"{identity}\"");
    assert_eq!((denied.code(), denied.message()), (Code::PermissionDenied, &*text));
    let none = ask(&inquiries, debug, "", "ops").await.err().unwrap();
    assert_eq!(none.code(), Code::InvalidArgument);
}

/// Whose state is told, and what of it.
async fn synced(inquiries: &Inquiries, namespace: &str) -> Vec<Value> {
    let told = ask(inquiries, "istio.io/debug/syncz", "", namespace).await.unwrap();
    let identifier: Value = serde_json::from_str(&told.identifier).unwrap();
    assert_eq!(
        (&identifier["Component"], &identifier["ID"]),
        (&json!("istiod"), &json!("istiod-0"))
    );
    let resources = told.resources.into_iter().map(|(name, any)| {
        let config = to_json(&any.type_url, &any.value, Names::Camel).unwrap();
        assert_eq!(config["node"]["id"], name);
        config
    });
    resources.collect()
}

#[tokio::test]
async fn what_proxies_acknowledged_is_told_as_envoys_message() {
    let (_running, inquiries) = running(true);
    let [bank, shop] = &synced(&inquiries, "istio-system").await[..] else { panic!("two proxies") };
    let namespaces = [bank, shop].map(|config| config["node"]["metadata"]["NAMESPACE"].clone());
    assert!(namespaces.contains(&json!("bank")) && namespaces.contains(&json!("shop")));
    let types = shop["genericXdsConfigs"].as_array().unwrap();
    assert_eq!(types.len(), 1);
    let cluster = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    assert_eq!(
        (&types[0]["typeUrl"], &types[0]["configStatus"]),
        (&json!(cluster), &json!("SYNCED"))
    );
    assert!(types[0]["lastUpdated"].is_string(), "{types:?}");
    let own = synced(&inquiries, "shop").await;
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["node"]["metadata"]["NAMESPACE"], "shop");
}

#[tokio::test]
async fn a_dump_is_told_section_by_section_to_who_may_see_it() {
    let (_running, inquiries) = running(true);
    let dump = "istio.io/debug/config_dump";
    for namespace in ["istio-system", "shop"] {
        let told = ask(&inquiries, dump, "cart-1.shop", namespace).await.unwrap();
        let types: Vec<&str> = told.resources.iter().map(|(_, any)| &*any.type_url).collect();
        let clusters = types.iter().position(|t| t.ends_with(".ClustersConfigDump")).unwrap();
        let (_, section) = &told.resources[clusters];
        let section = to_json(&section.type_url, &section.value, Names::Camel).unwrap();
        assert_eq!(section["dynamicActiveClusters"][0]["cluster"]["name"], "a", "{section}");
    }
    for (name, namespace) in [("cart-1.shop", "bank"), ("x.y", "istio-system"), ("", "ops")] {
        assert!(ask(&inquiries, dump, name, namespace).await.unwrap().resources.is_empty());
    }
}

#[tokio::test]
async fn where_namespaces_do_not_decide_messages_are_for_all_and_endpoints_as_before() {
    let (_running, inquiries) = running(false);
    assert_eq!(synced(&inquiries, "").await.len(), 2);
    assert_eq!(synced(&inquiries, "shop").await.len(), 2);
    let denied = ask(&inquiries, "istio.io/debug", "syncz", "shop").await.err().unwrap();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let foreign = "edsz?proxyID=till-1.bank";
    let told = ask(&inquiries, "istio.io/debug", foreign, "shop").await.unwrap();
    assert_eq!(bodies(told), ["{}"]);
}
