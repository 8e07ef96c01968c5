use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::*;
use crate::api::{Change, Kind};
use crate::sources::kubernetes::script::{Answer, Script, bookmark};

const PATH: &str = "/api/v1/namespaces/edge/secrets";

/// A secret of version `version`, with this certificate.
fn secret(event: &str, version: &str, certificate: &str) -> Value {
    let metadata = json!({"name": "site", "namespace": "edge", "resourceVersion": version});
    let data = json!({"tls.crt": certificate});
    json!({"type": event, "object": {"metadata": metadata, "data": data}})
}

struct World {
    script: Script,
    wanted: watch::Sender<Arc<Wanted>>,
    batches: mpsc::Receiver<Batch>,
    diagnostics: watch::Receiver<Arc<[Diagnostic]>>,
}

async fn start(answers: Vec<Answer>) -> World {
    let script = Script::default();
    script.add(PATH, answers);
    let wanted = watch::Sender::default();
    let (batches, inlet) = mpsc::channel(8);
    let (shown, diagnostics) = watch::channel(Arc::from([]));
    let source = WantedObjects {
        client: script.client(),
        cluster: None,
        wanted: wanted.subscribe(),
        batches,
        diagnostics: shown,
    };
    tokio::spawn(run(source));
    let mut world = World { script, wanted, batches: inlet, diagnostics };
    assert!(world.batches.recv().await.unwrap().synced, "nobody waits for it");
    world
}

impl World {
    fn want(&self, names: &[&str]) {
        let keys = names.iter().map(|name| ObjectKey::new(Kind::Secret, "edge", name));
        let keys: BTreeSet<ObjectKey> = keys.collect();
        self.wanted.send_replace(Arc::new([(None, keys)].into()));
    }

    async fn next(&mut self) -> Option<Change> {
        let batch = timeout(Duration::from_secs(20), self.batches.recv()).await.ok()??;
        assert_eq!(batch.changes.len(), 1);
        batch.changes.into_iter().next()
    }
}

#[tokio::test]
async fn one_object_is_followed_by_name() {
    let events = vec![
        secret("ADDED", "1", "YQ=="),
        bookmark("2", true),
        secret("MODIFIED", "3", "YQ=="),
        secret("MODIFIED", "4", "Yg=="),
        secret("DELETED", "5", "Yg=="),
    ];
    let mut world = start(vec![Answer::Open(events)]).await;
    assert_eq!(world.script.requests(), [""; 0], "nothing is read before it is wanted");
    world.want(&["site"]);
    for certificate in ["a", "b"] {
        let Some(Change::Apply(crate::api::Object::Secret(secret))) = world.next().await else {
            panic!("a secret")
        };
        assert_eq!(secret.data["tls.crt"].expose(), certificate);
    }
    let gone = ObjectKey::new(Kind::Secret, "edge", "site");
    assert_eq!(world.next().await, Some(Change::Remove(gone)));
    let [request] = &world.script.requests()[..] else { panic!("one watch") };
    assert!(request.contains("fieldSelector=metadata.name%3Dsite"), "{request}");
    // It is followed on while nobody wants it for a moment.
    world.want(&[]);
    world.want(&["site"]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.script.requests().len(), 1);
}

#[tokio::test]
async fn that_an_object_is_not_there_is_told_too() {
    let mut world = start(vec![Answer::Open(vec![bookmark("2", true)])]).await;
    world.want(&["site"]);
    let gone = ObjectKey::new(Kind::Secret, "edge", "site");
    assert_eq!(world.next().await, Some(Change::Remove(gone)), "a client before may have told it");
}

#[tokio::test]
async fn what_may_not_be_read_is_told_and_tried_again() {
    let events = vec![secret("ADDED", "1", "YQ=="), bookmark("2", true)];
    let mut world = start(vec![Answer::Refused(403, 0), Answer::Open(events)]).await;
    world.want(&["site"]);
    world.diagnostics.wait_for(|told| !told.is_empty()).await.unwrap();
    let told = world.diagnostics.borrow().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(told[0].starts_with("error: Secret edge/site: cannot be read: "), "{told:?}");
    assert!(matches!(world.next().await, Some(Change::Apply(_))));
    let resolved = world.diagnostics.wait_for(|told| told.is_empty());
    timeout(Duration::from_secs(20), resolved).await.unwrap().unwrap();
}

#[test]
fn what_is_given_up_is_as_if_it_were_gone() {
    let mut state = State::default();
    let key = ObjectKey::new(Kind::Secret, "edge", "site");
    let received = |version: &str, data: Value| {
        let metadata = json!({"name": "site", "namespace": "edge", "resourceVersion": version});
        Event::Is(crate::sources::kubernetes::received::Received(
            json!({"metadata": metadata, "data": data}),
        ))
    };
    state.begin(3, key.clone());
    state.take(3, Event::Listing);
    state.take(3, received("1", json!({"tls.crt": "YQ=="})));
    state.take(3, Event::Listed);
    assert_eq!(state.changes().len(), 1);
    state.take(3, received("2", json!({"tls.crt": 7})));
    assert_eq!(state.changes().len(), 0, "what it said before stays");
    assert_eq!(state.diagnostics().unwrap().len(), 1);
    state.take(3, Event::Lost("away".to_owned()));
    state.take(3, Event::Followed);
    assert_eq!(state.diagnostics(), None, "still what is wrong with it");
    state.end(3);
    assert_eq!(state.changes(), [Change::Remove(key)]);
    assert_eq!(state.diagnostics().unwrap().len(), 0);
    state.take(3, received("3", json!({})));
    assert_eq!(state.changes().len(), 0, "a watch that is over may still tell something");
}

#[tokio::test]
async fn each_cluster_is_followed_while_it_can_be_reached() {
    let scripts = ["east", "west"].map(|cluster| {
        let script = Script::default();
        let events = vec![secret("ADDED", "1", "YQ=="), bookmark("2", true)];
        script.add(PATH, [Answer::Open(events.clone()), Answer::Open(events)]);
        (crate::api::Str::from(cluster), script)
    });
    let clients = |names: &[&str]| {
        let reached = scripts.iter().filter(|(name, _)| names.contains(&&**name));
        Arc::new(reached.map(|(name, script)| (name.clone(), script.client())).collect())
    };
    let keys = BTreeSet::from([ObjectKey::new(Kind::Secret, "edge", "site")]);
    let wanted: Wanted =
        scripts.iter().map(|(name, _)| (Some(name.clone()), keys.clone())).collect();
    let (_wanted, wanted) = watch::channel(Arc::new(wanted));
    let (reach, reached) = watch::channel(Arc::default());
    let (batches, mut inlet) = mpsc::channel(8);
    let (shown, _diagnostics) = watch::channel(Arc::from([]));
    tokio::spawn(clusters::run(clusters::WantedOfClusters {
        clients: reached,
        wanted,
        batches,
        diagnostics: shown,
    }));
    assert!(inlet.recv().await.unwrap().synced);
    let mut next = async || {
        let batch = timeout(Duration::from_secs(20), inlet.recv()).await.unwrap().unwrap();
        let remote = batch.remote.unwrap();
        assert!(!remote.whole && batch.changes.len() == 1);
        (remote.cluster.to_string(), matches!(batch.changes[0], Change::Apply(_)))
    };
    reach.send_replace(clients(&["east"]));
    assert_eq!(next().await, ("east".to_owned(), true));
    reach.send_replace(clients(&["west"]));
    let both = BTreeSet::from([next().await, next().await]);
    let want = [("east".to_owned(), false), ("west".to_owned(), true)];
    assert_eq!(both, BTreeSet::from(want), "what is left of a cluster that is gone is nothing");
}
