use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::timeout;

use super::keeper::Keeper;
use super::review::{Answer, Subject};
use super::*;
use crate::api::config::Config;
use crate::api::core::{ConfigMap, Secret};
use crate::api::networking::destination_rule::{ClientTls, Subset, TrafficPolicy};
use crate::api::networking::gateway::{Server, ServerTls};
use crate::api::networking::{DestinationRule, Gateway};
use crate::api::{Kind, Meta, Object, ObjectKey};
use crate::model::credential::fixture::tls as tls_secret;
use crate::model::credential::fixture::{certificate, secret, tls};
use crate::model::{Credential, Credentials, Gateways};
use crate::serve::cache::Cache;
use crate::serve::fixture::proxy;
use crate::snapshot::{Publisher, Snapshot};
use crate::translate::{ResourceType, Resources};

/// Knows who may read secrets, and counts how often it was asked.
#[derive(Debug, Default)]
struct Rights {
    allowed: std::sync::Mutex<BTreeSet<Subject>>,
    unknown: bool,
    asked: AtomicUsize,
}

impl Reviewer for Rights {
    fn may_read_secrets(&self, subject: Subject) -> BoxFuture<'static, Answer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = match self.allowed.lock().unwrap().contains(&subject) {
            _ if self.unknown => Answer::Unknown("down".into()),
            true => Answer::Allowed,
            false => Answer::Denied("give it a Role".into()),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// Times that a test can wait for.
const SHORT: Times = Times {
    answer: Duration::from_millis(1_000),
    failure: Duration::from_millis(100),
    on_its_way: Duration::from_millis(400),
};

/// How long nothing must come to count as nothing.
const QUIET: Duration = Duration::from_millis(150);

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn account(text: &str) -> Account {
    let (namespace, name) = text.split_once('/').unwrap();
    Account { namespace: namespace.into(), name: name.into() }
}

struct World {
    secrets: Secrets,
    rights: Arc<Rights>,
    publisher: Publisher,
    snapshot: Snapshot,
    metrics: Arc<Metrics>,
}

impl World {
    /// In which these accounts may read secrets.
    fn new(allowed: &[&str]) -> World {
        let allowed = allowed.iter().map(|text| (None, account(text))).collect::<BTreeSet<_>>();
        World::with(Rights { allowed: allowed.into(), ..Rights::default() })
    }

    fn with(rights: Rights) -> World {
        let (publisher, rights) = (Publisher::default(), Arc::new(rights));
        let metrics = Arc::new(Metrics::new("test"));
        let secrets = Secrets::timed(publisher.subscribe(), rights.clone(), metrics.clone(), SHORT);
        let snapshot = Snapshot { cluster: "own".into(), ..Snapshot::default() };
        World { secrets, rights, publisher, snapshot, metrics }
    }

    fn put(&mut self, cluster: Option<&str>, secret: &Secret) {
        let all = Arc::make_mut(&mut self.snapshot.credentials);
        let cluster = cluster.map(Into::into);
        let key = ObjectKey::new(Kind::Secret, &secret.meta.namespace, &secret.meta.name);
        let before = all.find(cluster.as_deref(), &key).cloned();
        let now = Credential::of_secret(secret, before.as_deref());
        all.insert(cluster.as_ref(), Arc::new(now));
        self.publish();
    }

    fn publish(&mut self) {
        self.snapshot.generation += 1;
        self.publisher.publish(Arc::new(self.snapshot.clone()));
    }

    /// A stream of a proxy that was proven to be this account.
    fn stream(&self, account_of: &str) -> Keeper {
        self.secrets.keeper(Arc::new(proxy("web-1")), Some(account(account_of)))
    }

    fn told(&self) -> Vec<String> {
        self.secrets.diagnostics().borrow().iter().map(ToString::to_string).collect()
    }

    fn wanted(&self) -> Vec<String> {
        let wanted = self.secrets.wanted().borrow().clone();
        let all = wanted.iter().flat_map(|(cluster, objects)| {
            let cluster = cluster.clone().unwrap_or_default();
            objects.iter().map(move |object| format!("{object} {cluster}").trim_end().to_owned())
        });
        all.collect()
    }
}

fn names(names: &[&str]) -> crate::serve::cache::Names {
    Cache::default().names(names.iter().copied(), |_| None)
}

/// What a stream is to have next, by name; None if nothing comes.
async fn next(keeper: &mut Keeper) -> Option<BTreeMap<String, Vec<u8>>> {
    let (layer, _) = timeout(QUIET, keeper.next()).await.ok()?;
    Some(content(&layer))
}

fn content(layer: &Resources) -> BTreeMap<String, Vec<u8>> {
    let items = layer.get(ResourceType::Secret).items().iter();
    items.map(|resource| (resource.name.to_string(), resource.body.to_vec())).collect()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_secret_is_served_to_who_may_read_it() {
    let mut world = World::new(&["shop/edge"]);
    let pair = certificate("site", 2020, 2090);
    world.put(None, &tls("shop", "site", &pair));
    let mut keeper = world.stream("shop/edge");
    keeper.ask(Some(&names(&["kubernetes://site", "kubernetes://shop/site"])));
    let got = next(&mut keeper).await.expect("secrets");
    assert_eq!(got.keys().collect::<Vec<_>>(), ["kubernetes://shop/site", "kubernetes://site"]);
    assert!(got.values().all(|body| has(body, &pair.chain) && has(body, &pair.key)));
    assert_eq!(next(&mut keeper).await, None, "nothing changed");
    assert_eq!(world.told(), [""; 0]);
    assert!(!format!("{keeper:?}").contains(pair.key.lines().nth(1).unwrap()));
}

/// CVE-2021-34824: a cache that did not know who asked gave everybody everybody's keys.
#[tokio::test]
async fn two_streams_with_the_same_name_get_what_each_may_have() {
    let mut world = World::new(&["shop/edge", "bank/edge"]);
    let (shop, bank) = (certificate("shop", 2020, 2090), certificate("bank", 2020, 2090));
    world.put(None, &tls("shop", "site", &shop));
    world.put(None, &tls("bank", "site", &bank));
    let plain = names(&["kubernetes://site"]);
    let full = names(&["kubernetes://shop/site", "kubernetes-gateway://shop/site"]);
    let mut allowed = world.stream("shop/edge");
    allowed.ask(Some(&plain));
    assert!(has(&next(&mut allowed).await.unwrap()["kubernetes://site"], &shop.key));
    allowed.ask(Some(&full));
    assert_eq!(next(&mut allowed).await.unwrap().len(), 2);
    // Of another namespace: its own secret under the same name, and none of the other's.
    let mut other = world.stream("bank/edge");
    other.ask(Some(&plain));
    let got = next(&mut other).await.unwrap();
    assert!(
        has(&got["kubernetes://site"], &bank.key) && !has(&got["kubernetes://site"], &shop.key)
    );
    other.ask(Some(&full));
    assert_eq!(next(&mut other).await, Some(BTreeMap::new()));
    // Of the same namespace, without the right, in whichever order.
    let mut denied = world.stream("shop/web");
    for asked in [&plain, &full] {
        denied.ask(Some(asked));
        assert_eq!(next(&mut denied).await, None);
    }
    // Without an identity, whatever the node says.
    let mut nobody = world.secrets.keeper(Arc::new(proxy("web-1")), None);
    for asked in [&plain, &full] {
        nobody.ask(Some(asked));
        assert_eq!(next(&mut nobody).await, None);
    }
    assert!(world.metrics.sds_errors.get() > 0);
}

#[tokio::test]
async fn a_secret_that_comes_later_reaches_who_waits_for_it() {
    let mut world = World::new(&["shop/edge"]);
    world.publish();
    let mut keeper = world.stream("shop/edge");
    keeper.ask(Some(&names(&["kubernetes://site"])));
    assert_eq!(next(&mut keeper).await, None);
    assert_eq!(world.wanted(), ["Secret shop/site"]);
    let (old, new) = (certificate("site", 2020, 2090), certificate("site", 2021, 2090));
    world.put(None, &tls("shop", "site", &old));
    assert!(has(&next(&mut keeper).await.unwrap()["kubernetes://site"], &old.key));
    world.put(None, &tls("shop", "other", &new));
    assert_eq!(next(&mut keeper).await, None, "who does not hold it is not told");
    world.put(None, &tls("shop", "site", &new));
    assert!(has(&next(&mut keeper).await.unwrap()["kubernetes://site"], &new.key));
    let bad = secret("shop", "site", &[("tls.crt", &new.chain), ("tls.key", &old.key)]);
    world.put(None, &bad);
    assert_eq!(next(&mut keeper).await, None, "the last good one stays");
    let [told] = &world.told()[..] else { panic!("one") };
    assert!(told.contains("valid until 2090-01-01T00:00:00Z"), "{told}");
    keeper.ask(None);
    next(&mut keeper).await;
    assert_eq!((world.wanted().len(), world.told().len()), (0, 0));
}

#[tokio::test]
async fn rights_are_asked_again_after_a_minute() {
    let mut world = World::new(&[]);
    let pair = certificate("site", 2020, 2090);
    world.put(None, &tls("shop", "site", &pair));
    let mut streams: Vec<Keeper> = (0..3).map(|_| world.stream("shop/edge")).collect();
    for stream in &mut streams {
        stream.ask(Some(&names(&["kubernetes://site"])));
        assert_eq!(next(stream).await, None);
    }
    assert_eq!(world.rights.asked.load(Ordering::Relaxed), 1, "once for an account");
    let want = "error: Secret shop/site: Secret shop/site is not given to the account shop/edge: it may not list \
                secrets in shop: give it a Role (the proxy web-1.shop asks for it)";
    assert_eq!(world.told(), [want]);
    assert_eq!(world.wanted(), [""; 0], "what nobody may have is not read");
    world.rights.allowed.lock().unwrap().insert((None, account("shop/edge")));
    let keeper = &mut streams[0];
    let got = timeout(PATIENCE, keeper.next()).await.expect("in time");
    assert_eq!(content(&got.0).len(), 1);
    // What is taken away counts with the next secret, at the latest a minute later.
    world.rights.allowed.lock().unwrap().clear();
    tokio::time::sleep(SHORT.answer).await;
    world.put(None, &tls("shop", "site", &certificate("site", 2021, 2090)));
    assert_eq!(next(keeper).await, Some(BTreeMap::new()));
}

#[tokio::test]
async fn who_cannot_be_asked_is_asked_again_soon() {
    let mut world = World::with(Rights { unknown: true, ..Rights::default() });
    world.put(None, &tls("shop", "site", &certificate("site", 2020, 2090)));
    let mut keeper = world.stream("shop/edge");
    keeper.ask(Some(&names(&["kubernetes://site"])));
    assert!(timeout(SHORT.failure * 6, keeper.next()).await.is_err());
    let asked = world.rights.asked.load(Ordering::Relaxed);
    assert!((2..=7).contains(&asked), "{asked}");
    assert!(world.told()[0].contains("whether it may read secrets is not known: down"));
}

#[tokio::test]
async fn roots_are_no_secret_but_stay_in_their_namespace() {
    let mut world = World::new(&[]);
    let (ca, own) = (certificate("ca", 2020, 2090), certificate("own", 2020, 2090));
    world.put(None, &secret("shop", "site", &[("ca.crt", &ca.chain)]));
    world.put(None, &secret("shop", "two", &[("ca.crt", &ca.chain)]));
    world.put(None, &secret("shop", "two-cacert", &[("cacert", &own.chain)]));
    world.put(None, &secret("bank", "site", &[("ca.crt", &ca.chain)]));
    let meta = Meta { namespace: "bank".into(), name: "trust".into(), ..Meta::default() };
    let data = [("ca.crt".into(), ca.chain.as_str().into())].into();
    let map = Credential::of_config_map(&ConfigMap { meta, data }, None);
    Arc::make_mut(&mut world.snapshot.credentials).insert(None, Arc::new(map));
    world.publish();
    let mut keeper = world.stream("shop/web");
    let asked = [
        "kubernetes://site-cacert",
        "kubernetes://two-cacert",
        "kubernetes://bank/site-cacert",
        "configmap://bank/trust",
        "configmap://bank/trust-cacert",
    ];
    keeper.ask(Some(&names(&asked)));
    let got = next(&mut keeper).await.unwrap();
    let want = ["configmap://bank/trust", "configmap://bank/trust-cacert", asked[0], asked[1]];
    assert_eq!(got.keys().collect::<Vec<_>>(), want);
    assert!(has(&got[asked[1]], &own.chain), "the roots' own secret comes first");
    assert_eq!(world.rights.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_cluster_of_the_proxy_comes_first() {
    let east = (Some("east".into()), account("shop/edge"));
    let world = Rights { allowed: BTreeSet::from([east]).into(), ..Rights::default() };
    let mut world = World::with(world);
    let (near, far) = (certificate("near", 2020, 2090), certificate("far", 2020, 2090));
    world.put(Some("east"), &tls("shop", "both", &near));
    world.put(None, &tls("shop", "both", &far));
    world.put(None, &tls("shop", "central", &far));
    let remote = crate::model::Proxy { cluster: "east".into(), ..proxy("web-1") };
    let mut keeper = world.secrets.keeper(Arc::new(remote), Some(account("shop/edge")));
    let asked = ["kubernetes://both", "kubernetes://central", "kubernetes-gateway://shop/both"];
    keeper.ask(Some(&names(&asked)));
    let got = next(&mut keeper).await.unwrap();
    assert!(has(&got[asked[0]], &near.key));
    assert!(has(&got[asked[1]], &far.key));
    assert!(has(&got[asked[2]], &far.key));
    let want = [
        "Secret shop/both",
        "Secret shop/central",
        "Secret shop/both east",
        "Secret shop/central east",
    ];
    assert_eq!(world.wanted(), want);
}

#[tokio::test]
async fn the_objects_that_name_a_secret_are_told() {
    let mut world = World::new(&["shop/edge"]);
    let tls = ServerTls { credential_name: "site".into(), ..ServerTls::default() };
    let server = Server { tls: Some(tls), ..Server::default() };
    let meta = Meta { namespace: "shop".into(), name: "edge".into(), ..Meta::default() };
    let spec = Gateway { servers: vec![server], ..Gateway::default() };
    let gateway = Config { meta, spec, status: Default::default() };
    world.snapshot.gateways = Arc::new(Gateways::new(&[Arc::new(gateway)]));
    world.publish();
    let mut keeper = world.stream("shop/edge");
    keeper.ask(Some(&names(&["kubernetes://site"])));
    assert_eq!(next(&mut keeper).await, None);
    assert_eq!(world.told(), [""; 0], "it may be on its way");
    assert!(timeout(SHORT.on_its_way, keeper.next()).await.is_err());
    let [told] = &world.told()[..] else { panic!("{:?}", world.told()) };
    let want = "error: Gateway shop/edge: spec.servers[0].tls.credentialName: Secret shop/site does not exist";
    assert!(told.starts_with(want), "{told}");
    world.put(None, &tls_secret("shop", "site", &certificate("site", 2010, 2011)));
    assert_eq!(next(&mut keeper).await.map(|got| got.len()), Some(1), "served all the same");
    let [told] = &world.told()[..] else { panic!("{:?}", world.told()) };
    let want = "warning: Gateway shop/edge: spec.servers[0].tls.credentialName: the certificate of Secret shop/site \
                expired on 2011-01-01T00:00:00Z: renew it (the proxy web-1.shop asks for it)";
    assert_eq!(told, want);
    drop(keeper);
    assert_eq!(world.told(), [""; 0]);
}

#[tokio::test]
async fn names_that_are_none_are_told_and_hurt_nobody() {
    let mut world = World::new(&["shop/edge"]);
    world.put(None, &tls("shop", "site", &certificate("site", 2020, 2090)));
    let mut keeper = world.stream("shop/edge");
    let asked = [
        "invalid://",
        "kubernetes://",
        "kubernetes://a/b/c",
        "kubernetes-gateway://site",
        "configmap://x",
        "configmap:///x",
        "default",
        "kubernetes://site",
    ];
    keeper.ask(Some(&names(&asked)));
    assert_eq!(next(&mut keeper).await.unwrap().len(), 1);
    assert_eq!(world.told().len(), 6, "all but the first and the last: {:?}", world.told());
}

#[tokio::test]
async fn no_more_is_read_than_there_is_room_for() {
    let mut world = World::new(&[]);
    world.publish();
    let mut streams = Vec::new();
    for stream in 0..5 {
        let all: Vec<String> =
            (0..500).map(|n| format!("configmap://shop/m-{stream}-{n}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut keeper = world.stream("shop/web");
        keeper.ask(Some(&names(&all)));
        assert_eq!(next(&mut keeper).await, None);
        streams.push(keeper);
    }
    assert_eq!(world.wanted().len(), super::wanted::MAX_WANTED);
    assert!(
        world.told().iter().any(|told| told.contains("is not read: proxies ask for more than"))
    );
    streams.clear();
    assert_eq!(world.wanted().len(), 0);
}

#[test]
fn credentials_of_clusters_are_apart() {
    let mut all = Credentials::default();
    let held = Arc::new(Credential::of_secret(&secret("a", "b", &[]), None));
    let key = held.object.clone();
    all.insert(Some(&"east".into()), held);
    assert!(all.find(None, &key).is_none() && all.find(Some("west"), &key).is_none());
    assert!(all.find(Some("east"), &key).is_some());
    all.remove(None, &key);
    all.remove(Some(&"east".into()), &key);
    assert_eq!(all.iter().count(), 0);
}

#[test]
fn destination_rules_that_name_a_secret_are_found() {
    let rule = |name: &str, credential: &str| {
        let tls = ClientTls { credential_name: credential.into(), ..ClientTls::default() };
        let policy = TrafficPolicy { tls: Some(tls), ..TrafficPolicy::default() };
        let subset = Subset { traffic_policy: Some(policy), ..Subset::default() };
        let meta = Meta { namespace: "shop".into(), name: name.into(), ..Meta::default() };
        let spec = DestinationRule { subsets: vec![subset], ..DestinationRule::default() };
        Object::DestinationRule(Arc::new(Config { meta, spec, status: Default::default() }))
    };
    let objects = [rule("a", "client"), rule("b", ""), rule("c", "other")].into_iter().collect();
    let snapshot = Snapshot { objects, ..Snapshot::default() };
    let found = told::Mentions::of(&snapshot, &proxy("web-1"));
    let key = ObjectKey::new(Kind::DestinationRule, "shop", "a");
    let want = vec![(Some(key), "spec.subsets[0].trafficPolicy.tls.credentialName".to_owned())];
    assert_eq!(found.find("kubernetes://client"), want);
    assert_eq!(found.find("kubernetes://client-cacert"), want);
    assert_eq!(found.find("kubernetes://nobody"), []);
}
