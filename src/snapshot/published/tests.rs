use super::*;

fn snapshot(generation: u64) -> Arc<Snapshot> {
    Arc::new(Snapshot { generation, ..Snapshot::default() })
}

#[tokio::test]
async fn a_reader_gets_the_newest_only() {
    let publisher = Publisher::default();
    let mut reader = publisher.subscribe();
    assert_eq!(reader.load().generation, 0);
    publisher.publish(snapshot(1));
    publisher.publish(snapshot(2));
    assert!(reader.ready().await);
    assert_eq!(reader.load().generation, 2);
    publisher.publish(snapshot(3));
    assert!(reader.changed().await);
    assert_eq!(reader.load().generation, 3);
    drop(publisher);
    assert!(!reader.changed().await, "the writer is gone");
}

#[test]
fn the_cost_of_a_push_is_told_once() {
    let publisher = Publisher::default();
    let reader = publisher.subscribe();
    assert_eq!(publisher.take_push_cost(), None);
    reader.pushed(Duration::ZERO);
    reader.clone().pushed(Duration::from_millis(3));
    assert_eq!(publisher.take_push_cost(), Some(Duration::from_millis(3)));
    assert_eq!(publisher.take_push_cost(), None);
}
