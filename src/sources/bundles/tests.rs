use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::api::cidr::Cidr;
use crate::sources::jwks::Addresses;
use crate::sources::jwks::server::{Answer, Server};

fn bundle(roots: &[&str]) -> String {
    let key = |root: &&str| json!({ "use": "x509-svid", "kty": "EC", "x5c": [root] });
    let mut keys: Vec<_> = roots.iter().map(key).collect();
    keys.push(json!({ "use": "jwt-svid", "kid": "a" }));
    json!({ "keys": keys, "spiffe_sequence": 1 }).to_string()
}

struct Running {
    wanted: watch::Sender<BTreeSet<Str>>,
    told: watch::Receiver<Bundles>,
    metrics: Arc<Metrics>,
    _task: JoinSet<anyhow::Result<()>>,
}

fn run_with(addresses: Addresses) -> Running {
    let (wanted, wants) = watch::channel(BTreeSet::new());
    let (tell, told) = watch::channel(Bundles::new());
    let metrics = Arc::new(Metrics::new("test"));
    let config = Config {
        refresh: Duration::from_millis(100),
        addresses,
        insecure: false,
        extra_roots: PathBuf::from("/no/such/file"),
    };
    let mut task = JoinSet::new();
    let metrics_there = metrics.clone();
    task.spawn(run(BundleFetching { config, wanted: wants, told: tell, metrics: metrics_there }));
    Running { wanted, told, metrics, _task: task }
}

fn running() -> Running {
    run_with(Addresses::new([], Cidr::parse("127.0.0.0/8")))
}

impl Running {
    fn want(&self, urls: &[&str]) {
        self.wanted.send_replace(urls.iter().map(|url| Str::from(*url)).collect());
    }

    async fn until(&mut self, is: impl FnMut(&Bundles) -> bool) -> Bundles {
        let told = self.told.wait_for(is);
        tokio::time::timeout(Duration::from_secs(10), told).await.unwrap().unwrap().clone()
    }
}

#[tokio::test]
async fn the_last_good_roots_hold_and_new_ones_take_their_place() {
    let server = Server::start().await;
    let url = server.url("/bundle");
    server.answer("/bundle", Answer::Body(bundle(&["AAAA", "BBBB"])));
    let mut running = running();
    running.want(&[&url]);
    let roots = |bundles: &Bundles| bundles.get(&*url).map_or(0, |fetched| fetched.roots.len());
    let told = running.until(|told| roots(told) == 2).await;
    assert_eq!(told[&*url].roots[0], [0, 0, 0]);
    server.answer("/bundle", Answer::Status(500, String::new()));
    let told = running.until(|told| told[&*url].failure.is_some()).await;
    assert_eq!(roots(&told), 2);
    server.answer("/bundle", Answer::Body(bundle(&["CCCC"])));
    let told = running.until(|told| roots(told) == 1).await;
    assert_eq!(told[&*url].failure, None);
    let text = running.metrics.render();
    assert!(text.contains("istiod_trust_bundle_fetches_total{result=\"fetched\"}"), "{text}");
    assert!(text.contains("istiod_trust_bundle_fetches_total{result=\"failed\"}"), "{text}");
    // Nobody wants it any more: nobody trusts it, and nobody asks.
    running.want(&[]);
    running.until(|told| told.is_empty()).await;
    let asked = server.asked().len();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(server.asked().len() <= asked + 1);
}

#[tokio::test]
async fn an_endpoint_that_is_away_does_not_hold_up_others() {
    let server = Server::start().await;
    let (slow, good) = (server.url("/slow"), server.url("/good"));
    server.answer("/slow", Answer::Slow(Duration::from_secs(60), bundle(&["AAAA"])));
    server.answer("/good", Answer::Body(bundle(&["BBBB"])));
    let mut running = running();
    running.want(&[&slow, &good]);
    let told = running.until(|told| told.contains_key(&*good)).await;
    assert!(!told.contains_key(&*slow));
}

#[tokio::test]
async fn this_process_and_credentials_of_clouds_are_not_asked() {
    let server = Server::start().await;
    let url = server.url("/bundle");
    let mut running = run_with(Addresses::default());
    running.want(&[&url]);
    let told = running.until(|told| told.contains_key(&*url)).await;
    let failure = told[&*url].failure.clone().unwrap();
    assert!(failure.contains("is refused (loopback)"), "{failure}");
    assert!(server.asked().is_empty());
}

#[test]
fn bundles_are_read_as_the_specification_says() {
    let roots = document::roots;
    assert_eq!(roots(&bundle(&["AAAA"])).unwrap(), [vec![0, 0, 0]]);
    let why = |text: &str| roots(text).unwrap_err();
    assert!(why("<html>").starts_with("is no SPIFFE bundle"));
    assert_eq!(why(&bundle(&[])), "there is no key of the use x509-svid in the bundle");
    assert_eq!(why(&bundle(&["%"])), "keys[0].x5c is not base64");
    let two = json!({ "keys": [{ "use": "x509-svid", "x5c": ["AAAA", "BBBB"] }] }).to_string();
    assert_eq!(why(&two), "keys[0] has 2 certificates in x5c, and one is needed");
    assert!(why(&bundle(&["AAAA"; 257])).starts_with("there are 257 roots"));
}

#[test]
fn endpoints_have_to_prove_who_they_are() {
    assert_eq!(place("spire.example/bundle").unwrap(), "https://spire.example/bundle");
    assert_eq!(place("https://a").unwrap(), "https://a");
    assert!(place("ftp://a").unwrap_err().contains("HTTPS is needed"));
}
