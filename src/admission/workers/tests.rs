use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn a_panic_is_told_and_the_threads_go_on() {
    let workers = Workers::start(1).unwrap();
    let panicked = workers.work(soon(), || -> u8 { panic!("{} of it", "all") }).await;
    assert_eq!(panicked, Err(Undone::Panicked("all of it".into())));
    assert_eq!(workers.work(soon(), || 7).await, Ok(7));
}

#[tokio::test]
async fn what_is_late_or_unwanted_is_not_worked_on() {
    let workers = Workers::start(1).unwrap();
    let past = Instant::now() - Duration::from_millis(1);
    assert_eq!(workers.work(past, || 1).await, Err(Undone::Late));
    let worked = Arc::new(AtomicUsize::new(0));
    let (go, wait) = sync_channel::<()>(0);
    let first = tokio::spawn({
        let workers = workers.clone();
        async move { workers.work(soon(), move || _ = wait.recv()).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let count = worked.clone();
    let unwanted = workers.work(soon(), move || count.fetch_add(1, Ordering::SeqCst));
    assert!(tokio::time::timeout(Duration::from_millis(20), unwanted).await.is_err());
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(workers.work(soon(), || 2).await, Ok(2));
    assert_eq!(worked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn more_than_can_wait_are_sent_away() {
    let workers = Workers::start(1).unwrap();
    let (go, wait) = sync_channel::<()>(0);
    let wait = Arc::new(Mutex::new(wait));
    let all = (0..MAX_WAITING + 50).map(|_| {
        let (wait, workers) = (wait.clone(), workers.clone());
        let work = move || _ = wait.lock().unwrap().recv();
        tokio::spawn(async move { workers.work(soon(), work).await })
    });
    let all: Vec<_> = all.collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(go);
    let all: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    let full = all.iter().filter(|done| **done == Err(Undone::Full)).count();
    assert!((49..=50).contains(&full), "{full}");
    assert!(all.iter().filter(|done| done.is_ok()).count() >= MAX_WAITING);
}
