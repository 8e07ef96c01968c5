//! The push thread, with views that are as simple as can be.

use std::sync::Arc;

use super::{Pusher, Subscription, Views};
use crate::metrics::Metrics;
use crate::model::Proxy;
use crate::serve::fixture::{layer, proxy, view_of};
use crate::snapshot::{Publisher, Snapshot};
use crate::translate::{ResourceType, Resources, View};

/// One layer for everybody, which changes with every second generation. Fails for whom it is told to.
struct Fake {
    layers: Vec<Arc<Resources>>,
    fails: &'static str,
}

impl Fake {
    fn new(fails: &'static str) -> Fake {
        let layers = ["a", "b", "c"]
            .map(|content| layer(&[(ResourceType::Cluster, &[("cluster", content)])]));
        Fake { layers: layers.into(), fails }
    }
}

impl Views for Fake {
    fn view(&mut self, snapshot: &Snapshot, proxy: &Arc<Proxy>) -> View {
        assert!(snapshot.generation == 1 || *proxy.name != *self.fails, "as told");
        let layer = &self.layers[snapshot.generation as usize / 2];
        View::clone(&view_of(vec![layer.clone()]))
    }
}

struct Pushing {
    publisher: Publisher,
    pusher: Pusher,
    metrics: Arc<Metrics>,
}

fn start(fails: &'static str) -> Pushing {
    let publisher = Publisher::default();
    let metrics = Arc::new(Metrics::new("test"));
    let (pusher, _) =
        Pusher::start(publisher.subscribe(), Fake::new(fails), metrics.clone()).unwrap();
    let pushing = Pushing { publisher, pusher, metrics };
    pushing.publish(1);
    pushing
}

impl Pushing {
    /// Another state of the mesh.
    fn publish(&self, generation: u64) {
        self.publisher.publish(Arc::new(Snapshot { generation, ..Snapshot::default() }));
    }

    /// The state that is published, but for what translation does not read.
    fn publish_alike(&self, generation: u64) {
        let before = Snapshot::clone(&self.publisher.subscribe().load());
        self.publisher.publish(Arc::new(Snapshot { generation, ..before }));
    }

    async fn connect(&self, name: &str) -> Subscription {
        self.pusher.connect(Arc::new(proxy(name))).await.unwrap()
    }
}

/// The generation that the newest version names.
fn generation(subscription: &mut Subscription) -> u64 {
    let version = subscription.updates.borrow_and_update().version.clone();
    version.rsplit('/').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_new_snapshot_reaches_everybody() {
    let pushing = start("");
    let (mut a, mut b) = (pushing.connect("a").await, pushing.connect("b").await);
    assert_eq!((generation(&mut a), generation(&mut b)), (1, 1));
    pushing.publish(2);
    a.updates.changed().await.unwrap();
    b.updates.changed().await.unwrap();
    assert_eq!((generation(&mut a), generation(&mut b)), (2, 2));
}

#[tokio::test]
async fn the_same_view_wakes_nobody() {
    let pushing = start("");
    let mut a = pushing.connect("a").await;
    pushing.publish(2);
    a.updates.changed().await.unwrap();
    a.updates.mark_unchanged();
    pushing.publish(3);
    // Who connects now is answered after the push.
    let mut b = pushing.connect("b").await;
    assert_eq!(generation(&mut b), 3);
    assert!(!a.updates.has_changed().unwrap());
}

#[tokio::test]
async fn nobody_is_looked_at_when_nothing_else_is_translated() {
    let pushing = start("");
    let mut a = pushing.connect("a").await;
    pushing.publish_alike(2);
    let mut b = pushing.connect("b").await;
    assert_eq!(generation(&mut b), 2, "who connects is served all the same");
    assert!(!a.updates.has_changed().unwrap(), "the view of 2 would be another");
    pushing.publish(3);
    a.updates.changed().await.unwrap();
    assert_eq!(generation(&mut a), 3);
}

#[tokio::test]
async fn a_slow_proxy_finds_the_newest_state_only() {
    let pushing = start("");
    let mut a = pushing.connect("a").await;
    for new in 2..=4 {
        pushing.publish(new);
        pushing.connect("b").await;
    }
    assert_eq!(generation(&mut a), 4);
    assert!(!a.updates.has_changed().unwrap());
}

#[tokio::test]
async fn a_panic_costs_nobody_what_he_has() {
    let pushing = start("unlucky");
    let mut unlucky = pushing.connect("unlucky").await;
    pushing.publish(2);
    let mut lucky = pushing.connect("lucky").await;
    assert_eq!((generation(&mut unlucky), generation(&mut lucky)), (1, 2));
    let refused = pushing.pusher.connect(Arc::new(proxy("unlucky"))).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Internal);
    assert_eq!(pushing.metrics.internal_errors.get(), 2);
}

#[tokio::test]
async fn the_last_snapshot_stays_when_there_are_no_more() {
    let Pushing { publisher, pusher, .. } = start("");
    drop(publisher);
    for _ in 0..2 {
        let mut a = Subscription { ..pusher.connect(Arc::new(proxy("a"))).await.unwrap() };
        assert_eq!(generation(&mut a), 1);
    }
}

#[tokio::test]
async fn the_thread_ends_with_its_last_handle() {
    let publisher = Publisher::default();
    let (pusher, thread) =
        Pusher::start(publisher.subscribe(), Fake::new(""), Arc::new(Metrics::new("test")))
            .unwrap();
    drop(pusher);
    tokio::task::spawn_blocking(move || thread.join()).await.unwrap().unwrap();
}
