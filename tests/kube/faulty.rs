//! The proxy for faults does what it says: a client of ours sees each of them.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use http::StatusCode;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt};

use super::Cluster;
use super::cluster::config;
use super::faults::{Fault, Faults};

#[tokio::test]
async fn faults_reach_the_client() {
    let Some(cluster) = Cluster::shared().await else { return };
    let namespace = cluster.namespace().await;
    let faults = Faults::start(cluster.kubeconfig()).await.unwrap();
    let client = Client::try_from(config(&faults.kubeconfig()).await.unwrap()).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace.name);
    let list = async || maps.list(&ListParams::default()).await;
    let plain = WatchParams::default().disable_bookmarks();
    let watch = async || Box::pin(maps.watch(&plain, "0").await.unwrap());

    let before = list().await.unwrap().metadata.resource_version;
    assert!(before.is_some(), "a list has a resource version");
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    assert_eq!(faults.requests(), [format!("GET {path}?")]);

    faults.inject("/configmaps", Fault::Status(StatusCode::TOO_MANY_REQUESTS));
    let kube::Error::Api(refused) = list().await.unwrap_err() else { panic!("not an answer") };
    assert_eq!(refused.code, 429);
    faults.heal();

    faults.inject("/configmaps", Fault::Cut);
    let cut = list().await.unwrap_err();
    assert!(!matches!(cut, kube::Error::Api(_)), "{cut}");
    faults.heal();

    faults.inject("/configmaps", Fault::Expired);
    list().await.unwrap();
    match watch().await.next().await {
        Some(Ok(WatchEvent::Error(status))) => assert_eq!(status.code, 410),
        other => panic!("{other:?}"),
    }
    faults.heal();

    faults.inject("/configmaps", Fault::Slow(Duration::from_hours(1)));
    let patience = Duration::from_millis(200);
    assert!(tokio::time::timeout(patience, list()).await.is_err(), "answered before its time");
    faults.heal();

    // A watch that works, until its connection does not.
    let mut events = watch().await;
    let map = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, namespace: {namespace}}}}}"
    );
    cluster.apply(&map).await.unwrap();
    match events.try_next().await.unwrap() {
        Some(WatchEvent::Added(map)) => assert_eq!(map.name_any(), "a"),
        other => panic!("{other:?}"),
    }
    faults.cut();
    assert!(!matches!(events.next().await, Some(Ok(_))), "an event of a cut connection");
    list().await.unwrap();
}

#[tokio::test]
async fn a_private_server_returns_with_what_it_knew() {
    let Some(mut cluster) = Cluster::private().await else { return };
    let namespace = cluster.namespace().await;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &namespace.name);
    let map = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, namespace: {namespace}}}}}"
    );
    cluster.apply(&map).await.unwrap();

    cluster.stop();
    maps.get("a").await.unwrap_err();
    cluster.start().await;
    maps.get("a").await.unwrap();
    cluster.delete(&map).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
}
