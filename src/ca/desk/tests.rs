use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::*;

#[tokio::test]
async fn no_more_are_served_at_once_than_there_are_turns() {
    let desk = Desk::new(2);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let all = (0..50).map(|number| {
        let (now, most) = (now.clone(), most.clone());
        desk.work(move || {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            number
        })
    });
    let done: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(done, (0..50).collect::<Vec<_>>());
    assert!(most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn who_finds_no_place_is_told_so_at_once() {
    let desk = Desk::with_places(1, 2);
    let (go, wait) = mpsc::sync_channel::<()>(1);
    let first = tokio::spawn({
        let desk = desk.clone();
        async move { desk.work(move || wait.recv().is_ok()).await }
    });
    let second = tokio::spawn({
        let desk = desk.clone();
        async move { desk.work(|| true).await }
    });
    while desk.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(desk.work(|| true).now_or_never(), Some(Err(Error::Busy)));
    go.send(()).unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(true), Ok(true)));
    assert_eq!(desk.work(|| true).await, Ok(true));
}
