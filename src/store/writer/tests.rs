use std::future::pending;

use tokio::sync::oneshot;

use super::*;
use crate::api::Object;
use crate::model::credential::fixture::{certificate, tls};
use crate::store::fixtures::{apply, config, endpoint, pod, service, slice};

/// A writer that publishes every change at once.
fn writer() -> Writer {
    let limits = Limits { after: Duration::ZERO, max: Duration::ZERO };
    Writer::new(config(), limits, Arc::new(Metrics::new("test")))
}

/// A writer that gathers for an hour once it is in a storm.
fn slow_writer() -> Writer {
    let hour = Duration::from_secs(3_600);
    let mut writer =
        Writer::new(config(), Limits { after: hour, max: hour }, Arc::new(Metrics::new("test")));
    for lane in Lane::ALL {
        writer.pending(lane).pacer.learn(hour);
    }
    writer
}

fn mesh() -> watch::Receiver<Arc<MeshConfig>> {
    watch::channel(Arc::default()).1
}

fn batch(synced: bool, changes: impl IntoIterator<Item = Change>) -> Batch {
    Batch { changes: changes.into_iter().collect(), synced, remote: None }
}

fn names(snapshots: &Snapshots) -> Vec<String> {
    snapshots.load().services.iter().map(|s| s.name.to_string()).collect()
}

/// Flushes all lanes that are due.
fn flush_due(writer: &mut Writer) {
    while let Some((lane, _)) = writer.due().filter(|(_, at)| *at <= writer.now()) {
        writer.flush(lane);
    }
}

#[tokio::test]
async fn nothing_is_published_before_every_source_is_synced() {
    let writer = writer();
    let mut snapshots = writer.snapshots();
    let (files, from_files) = mpsc::channel(4);
    let (cluster, from_cluster) = mpsc::channel(4);
    let task = tokio::spawn(writer.run(vec![from_files, from_cluster], mesh(), pending()));

    files.send(batch(true, [apply(service("shop", "a", ""))])).await.expect("running");
    cluster.send(batch(false, [apply(service("shop", "b", ""))])).await.expect("running");
    cluster.send(batch(true, [apply(service("shop", "c", ""))])).await.expect("running");
    assert!(snapshots.ready().await);
    assert_eq!(names(&snapshots), ["a", "b", "c"], "the first snapshot has everything");
    assert_eq!(snapshots.load().generation, 1);

    files.send(batch(false, [apply(service("shop", "d", ""))])).await.expect("running");
    snapshots.changed().await;
    while names(&snapshots).len() < 4 {
        assert!(snapshots.changed().await);
    }
    task.abort();
}

#[tokio::test]
async fn it_stops_when_told() {
    let writer = writer();
    let mut snapshots = writer.snapshots();
    let (stop, stopped) = oneshot::channel::<()>();
    let (_sender, source) = mpsc::channel(1);
    let task = tokio::spawn(writer.run(vec![source], mesh(), async {
        let _ = stopped.await;
    }));
    stop.send(()).expect("running");
    task.await.expect("no panic");
    assert!(!snapshots.ready().await);
}

#[tokio::test]
async fn it_follows_the_mesh_configuration_when_all_sources_are_gone() {
    let writer = writer();
    let mut snapshots = writer.snapshots();
    let (source, batches) = mpsc::channel(1);
    let (mesh, watched) = watch::channel(Arc::default());
    let task = tokio::spawn(writer.run(vec![batches], watched, pending()));
    source.send(batch(true, [])).await.expect("running");
    assert!(snapshots.ready().await);
    drop(source);
    let changed = MeshConfig { trust_domain: "example.org".into(), ..MeshConfig::default() };
    mesh.send(Arc::new(changed)).expect("watched");
    while &*snapshots.load().mesh.trust_domain != "example.org" {
        assert!(snapshots.changed().await);
    }
    task.abort();
}

#[test]
fn endpoints_do_not_wait_for_configuration() {
    let mut writer = slow_writer();
    let snapshots = writer.snapshots();
    writer.receive(batch(true, [apply(service("shop", "a", ""))]));
    flush_due(&mut writer);
    writer.receive(batch(false, [apply(service("shop", "b", ""))]));
    flush_due(&mut writer);
    assert_eq!(names(&snapshots), ["a"], "b waits");

    let endpoints = || {
        let namespace = snapshots.load().namespaces["shop"].clone();
        namespace.endpoints.get("a.shop.svc.cluster.local").unwrap().by_port.len()
    };
    writer.receive(batch(
        false,
        [
            apply(slice("shop", "a-1", "a", vec![endpoint("10.0.0.1", "a-0")])),
            apply(pod("shop", "a-0", "10.0.0.1", "")),
        ],
    ));
    assert_eq!(endpoints(), 0);
    flush_due(&mut writer);
    assert_eq!(endpoints(), 1);
    assert_eq!(names(&snapshots), ["a"], "b still waits");
    writer.flush(Lane::Configuration);
    assert_eq!(names(&snapshots), ["a", "b"]);
}

#[test]
fn endpoints_wait_for_the_configuration_that_they_came_with() {
    let mut writer = slow_writer();
    let snapshots = writer.snapshots();
    writer.receive(batch(true, [apply(service("shop", "a", ""))]));
    flush_due(&mut writer);
    let endpoints = |ips: &[&str]| {
        let endpoints = ips.iter().map(|ip| endpoint(ip, "")).collect();
        apply(slice("shop", "a-1", "a", endpoints))
    };
    let served = || {
        let namespace = snapshots.load().namespaces["shop"].clone();
        let served = namespace.endpoints.get("a.shop.svc.cluster.local");
        served.map_or(0, |served| served.by_port.values().map(|port| port.len()).sum::<usize>())
    };
    writer.receive(batch(false, [apply(service("shop", "b", "")), endpoints(&["10.0.0.1"])]));
    flush_due(&mut writer);
    assert_eq!(served(), 0, "a part of the batch went first");

    // The newest state of what waits waits too: it must not be overwritten by what came before it.
    writer.receive(batch(false, [endpoints(&["10.0.0.1", "10.0.0.2"])]));
    flush_due(&mut writer);
    assert_eq!(served(), 0, "a waiting object went before its batch");
    writer.flush(Lane::Configuration);
    assert_eq!((served(), names(&snapshots)), (2, vec!["a".into(), "b".into()]));
}

#[test]
fn an_object_that_changes_often_is_applied_once() {
    let mut writer = slow_writer();
    writer.receive(batch(true, [apply(service("shop", "a", ""))]));
    flush_due(&mut writer);
    let generation = writer.publisher.generation();
    let removed = Change::Remove(Object::from(service("shop", "a", "")).key());
    writer.receive(batch(false, [removed, apply(service("shop", "a", ""))]));
    assert_eq!(writer.configuration.changes.len(), 1);
    writer.flush(Lane::Configuration);
    assert_eq!(writer.publisher.generation(), generation, "gone and back is no change");
}

#[test]
fn the_cost_of_a_push_slows_the_lane_that_caused_it() {
    let mut writer = writer();
    let snapshots = writer.snapshots();
    let hour = Duration::from_secs(3_600);
    writer.endpoints = Pending::new(Limits { after: hour, max: hour });
    writer.configuration = Pending::new(Limits { after: hour, max: hour });
    writer.receive(batch(true, [apply(service("shop", "a", ""))]));
    writer.flush(Lane::Configuration);
    snapshots.pushed(Duration::from_secs(2));
    writer.learn();
    assert!(writer.configuration.pacer.window() >= Duration::from_secs(8));
    assert_eq!(writer.endpoints.pacer.window(), Duration::ZERO);

    writer.receive(batch(false, [apply(service("shop", "b", ""))]));
    writer.flush(Lane::Configuration);
    assert!(writer.configuration.pacer.window() >= Duration::from_secs(8), "learnt once");
    writer.receive(batch(false, [apply(service("shop", "c", ""))]));
    writer.flush(Lane::Configuration);
    let window = writer.configuration.pacer.window();
    assert!(window < Duration::from_secs(8), "nobody told what b cost: {window:?}");
}

#[test]
fn changes_are_counted_as_istiod_does() {
    let mut writer = writer();
    writer.receive(batch(
        true,
        [apply(service("shop", "a", "")), apply(pod("shop", "p", "1.2.3.4", ""))],
    ));
    writer.flush(Lane::Configuration);
    writer.receive(batch(false, [apply(service("shop", "a", "app=a"))]));
    writer.receive(batch(false, [Change::Remove(ObjectKey::new(Kind::Service, "shop", "a"))]));
    let count = |family: &crate::metrics::Family<crate::metrics::Counter>, labels: &[&str]| {
        family.with(labels).get()
    };
    let metrics = &writer.metrics;
    assert_eq!(count(&metrics.inbound_updates, &["svc"]), 2);
    assert_eq!(count(&metrics.inbound_updates, &["svcdelete"]), 1);
    assert_eq!(count(&metrics.inbound_updates, &["eds"]), 1);
    assert_eq!(count(&metrics.registry_events, &["add", "Services"]), 1);
    assert_eq!(count(&metrics.registry_events, &["update", "Services"]), 1);
    assert_eq!(count(&metrics.registry_events, &["delete", "Services"]), 1);
    assert_eq!(count(&metrics.push_triggers, &["service"]), 1, "what is not published yet");
    assert_eq!(count(&metrics.push_triggers, &["endpoint"]), 1);
    assert!((metrics.services.get() - 1.0).abs() < f64::EPSILON);
}

fn remote(whole: bool, trust_domain: Option<&str>) -> Option<Remote> {
    Some(Remote { cluster: "east".into(), whole, trust_domain: trust_domain.map(Str::from) })
}

#[tokio::test]
async fn a_cluster_is_told_anew_and_goes_as_a_whole() {
    let mut writer = writer();
    let snapshots = writer.snapshots();
    let mut tell = |remote, changes: Vec<Change>| {
        writer.receive(Batch { remote, ..batch(true, changes) });
        flush_due(&mut writer);
        names(&snapshots)
    };
    let of = |name: &str| apply(service("shop", name, ""));
    assert_eq!(tell(None, vec![of("a")]), ["a"]);
    assert_eq!(tell(remote(false, None), vec![of("b"), of("c")]), ["a", "b", "c"]);
    assert_eq!(tell(remote(true, None), vec![of("c"), of("d")]), ["a", "c", "d"]);
    assert_eq!(tell(remote(true, None), vec![]), ["a"], "the own cluster stays");
}

#[tokio::test]
async fn secrets_of_a_cluster_are_told_apart_from_the_rest_of_it() {
    let mut writer = writer();
    let snapshots = writer.snapshots();
    let key = ObjectKey::new(Kind::Secret, "shop", "site");
    let mut tell = |remote, changes: Vec<Change>| {
        writer.receive(Batch { remote, ..batch(true, changes) });
        flush_due(&mut writer);
        let known = writer.store.trust_domain(&"east".into()).is_some();
        (snapshots.load().credentials.find(Some("east"), &key).is_some(), known)
    };
    let pair = certificate("site", 2020, 2090);
    let secret = Change::Apply(Object::Secret(Arc::new(tls("shop", "site", &pair))));
    let of = |name: &str| apply(service("shop", name, ""));
    assert_eq!(tell(remote(true, Some("east.example")), vec![of("a")]), (false, true));
    assert_eq!(
        tell(remote(false, None), vec![secret]),
        (true, true),
        "nothing is said of the trust domain"
    );
    assert_eq!(
        tell(remote(true, Some("east.example")), vec![of("b")]),
        (true, true),
        "a new client of it"
    );
    assert!(!tell(remote(true, None), vec![]).0, "with the cluster they go");
}

#[tokio::test]
async fn what_waits_goes_with_its_cluster_too() {
    let mut writer = slow_writer();
    writer.receive(Batch {
        remote: remote(false, None),
        ..batch(true, [apply(service("s", "a", ""))])
    });
    writer.receive(Batch { remote: remote(true, None), ..batch(true, []) });
    writer.flush(Lane::Configuration);
    assert_eq!(names(&writer.snapshots()), [""; 0]);
}

#[tokio::test]
async fn a_cluster_may_have_a_trust_domain_of_its_own() {
    let mut writer = writer();
    let identity = |writer: &mut Writer, trust_domain, changes: Vec<Change>| {
        writer.receive(Batch { remote: remote(false, trust_domain), ..batch(true, changes) });
        flush_due(writer);
        let snapshot = writer.snapshots().load();
        snapshot
            .workload("east", "shop", "web-0")
            .expect("a workload")
            .workload
            .identity
            .to_string()
    };
    let web = || apply(pod("shop", "web-0", "10.0.0.1", ""));
    let told = identity(&mut writer, Some("east.test"), vec![web()]);
    assert_eq!(told, "spiffe://east.test/ns/shop/sa/default");
    assert_eq!(identity(&mut writer, None, vec![]), "spiffe://cluster.local/ns/shop/sa/default");
    let told = identity(&mut writer, Some("east.test"), vec![]);
    assert_eq!(told, "spiffe://east.test/ns/shop/sa/default");
}

mod keys {
    use super::*;
    use crate::api::config::Config;
    use crate::api::jwks::{JwksSource, KeySet};
    use crate::api::security::RequestAuthentication;
    use crate::api::security::request_authentication::JwtRule;
    use crate::store::fixtures::meta;

    fn policy(name: &str, issuer: &str) -> Change {
        let rule = JwtRule { issuer: issuer.into(), ..JwtRule::default() };
        let spec =
            RequestAuthentication { jwt_rules: vec![rule], ..RequestAuthentication::default() };
        let config = Config { meta: meta("shop", name), spec, status: () };
        Change::Apply(Object::RequestAuthentication(config.into()))
    }

    fn source(issuer: &str) -> JwksSource {
        JwksSource { issuer: issuer.into(), uri: Str::default() }
    }

    fn sources(wanted: &watch::Receiver<Arc<Wanted>>) -> Vec<String> {
        wanted.borrow().keys().map(|source| source.issuer.to_string()).collect()
    }

    fn policies(snapshots: &Snapshots) -> usize {
        snapshots.load().objects.count(Kind::RequestAuthentication)
    }

    fn tell(keys: &watch::Sender<Arc<KeySets>>, issuer: &str, text: Option<&str>) {
        keys.send_modify(|all| {
            let set = KeySet { text: text.map(Str::from), failure: None };
            Arc::make_mut(all).sets.insert(source(issuer), set.into());
        });
    }

    /// What was asked once is known, whatever came of it; nothing else waits meanwhile.
    #[tokio::test]
    async fn a_policy_waits_for_the_keys_that_it_names() {
        let (keys, fetched) = watch::channel(Arc::new(KeySets::new("unknown".into())));
        let writer = writer().with_keys(fetched);
        let (mut snapshots, mut wanted) = (writer.snapshots(), writer.wanted());
        let (source, batches) = mpsc::channel(4);
        let task = tokio::spawn(writer.run(vec![batches], mesh(), pending()));
        let send = async |changes: Vec<Change>| {
            source.send(batch(true, changes)).await.expect("running");
        };

        send(vec![policy("a", "https://a"), apply(service("shop", "a", ""))]).await;
        wanted.changed().await.expect("running");
        assert_eq!(sources(&wanted), ["https://a"]);
        let first = tokio::time::timeout(Duration::from_millis(100), snapshots.ready()).await;
        assert!(first.is_err(), "the first snapshot has its policies");
        tell(&keys, "https://a", Some("keys of a"));
        assert!(snapshots.ready().await);
        assert_eq!((policies(&snapshots), names(&snapshots)), (1, vec!["a".to_owned()]));
        assert_eq!(
            &**snapshots.load().key_sets.text(&super::keys::source("https://a")),
            "keys of a"
        );
        assert_eq!(sources(&wanted), ["https://a"]);

        send(vec![policy("b", "https://b"), apply(service("shop", "b", ""))]).await;
        while names(&snapshots).len() < 2 {
            assert!(snapshots.changed().await);
        }
        assert_eq!(policies(&snapshots), 1, "it waits alone");
        assert_eq!(sources(&wanted), ["https://a", "https://b"]);
        tell(&keys, "https://b", None);
        while policies(&snapshots) < 2 {
            assert!(snapshots.changed().await);
        }
        assert_eq!(&**snapshots.load().key_sets.text(&super::keys::source("https://b")), "unknown");

        send(vec![policy("c", "https://c")]).await;
        while sources(&wanted).len() < 3 {
            wanted.changed().await.expect("running");
        }
        let removed =
            |name| Change::Remove(ObjectKey::new(Kind::RequestAuthentication, "shop", name));
        send(vec![removed("c"), removed("b")]).await;
        while sources(&wanted).len() > 1 {
            wanted.changed().await.expect("running");
        }
        assert_eq!(policies(&snapshots), 1);
        task.abort();
    }

    /// A change of keys is a snapshot, and what is known already does not wait.
    #[tokio::test]
    async fn keys_change_under_their_policies() {
        let (keys, fetched) = watch::channel(Arc::new(KeySets::new("unknown".into())));
        tell(&keys, "https://a", Some("old"));
        let writer = writer().with_keys(fetched);
        let mut snapshots = writer.snapshots();
        let (source, batches) = mpsc::channel(4);
        let task = tokio::spawn(writer.run(vec![batches], mesh(), pending()));
        source.send(batch(true, [policy("a", "https://a")])).await.expect("running");
        assert!(snapshots.ready().await);
        let text = |snapshots: &Snapshots| {
            snapshots.load().key_sets.text(&super::keys::source("https://a")).to_string()
        };
        assert_eq!(text(&snapshots), "old");
        tell(&keys, "https://a", Some("new"));
        while text(&snapshots) == "old" {
            assert!(snapshots.changed().await);
        }
        let generation = snapshots.load().generation;
        let same = KeySets::clone(&keys.borrow());
        keys.send_replace(Arc::new(same));
        let news = tokio::time::timeout(Duration::from_millis(100), snapshots.changed()).await;
        assert!(news.is_err() && snapshots.load().generation == generation, "nothing changed");
        task.abort();
    }
}
