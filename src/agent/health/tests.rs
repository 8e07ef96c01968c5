use serde_json::json;

use super::*;
use crate::agent::probe::tests::application;

#[test]
fn health_changes_after_enough_in_a_row() {
    let mut row = Row::default();
    let told: Vec<(usize, bool)> = [true, true, true, false, true, false, false, false, true, true]
        .into_iter()
        .enumerate()
        .filter(|(_, good)| row.saw(*good, 2, 3))
        .collect();
    assert_eq!(told, [(1, true), (7, false), (9, true)]);
}

#[test]
fn what_is_not_said_is_istios_default() {
    let read = |probe: Value| Health::read(Some(&probe), "10.0.0.1");
    let health = read(json!({"tcpSocket": {"port": 80}})).unwrap().unwrap();
    let seconds = [health.delay, health.within, health.every].map(|time| time.as_secs());
    assert_eq!((seconds, health.successes, health.failures), ([0, 1, 10], 1, 1));
    let said = json!({
        "tcpSocket": {"port": 80}, "initialDelaySeconds": 2, "timeoutSeconds": 3,
        "periodSeconds": 4, "successThreshold": 5, "failureThreshold": 6,
    });
    let health = read(said).unwrap().unwrap();
    let seconds = [health.delay, health.within, health.every].map(|time| time.as_secs());
    assert_eq!((seconds, health.successes, health.failures), ([2, 3, 4], 5, 6));
    assert_eq!(Health::read(None, "").unwrap(), None);
    assert!(read(json!({"periodSeconds": 1})).is_err());
    assert!(read(json!({"httpGet": 1})).is_err());
}

#[tokio::test]
async fn what_changes_is_told_with_its_reason() {
    let port = application().await;
    let probe = json!({"httpGet": {"path": "/bad", "port": port}, "timeoutSeconds": 10});
    let health = Health::read(Some(&probe), "127.0.0.1").unwrap().unwrap();
    let (told, mut known) = watch::channel(None);
    tokio::spawn(health.run(None, told));
    let verdict = known.wait_for(Option::is_some).await.unwrap().clone();
    assert_eq!(verdict, Some(Err("it answers with status 503".to_owned())));
}
