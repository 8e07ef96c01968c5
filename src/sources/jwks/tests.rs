use serde_json::json;

use super::server::{Answer, Server};
use super::*;
use crate::api::cidr::Cidr;

/// How long a fetch may take here.
const LIMIT: Duration = Duration::from_millis(500);

fn config() -> Config {
    Config {
        refresh: Duration::from_millis(200),
        addresses: Addresses::new([], Cidr::parse("127.0.0.0/8")),
        insecure: false,
        extra_roots: PathBuf::from("/no/such/file"),
    }
}

fn set(name: &str) -> String {
    json!({ "keys": [{ "kty": "RSA", "kid": name, "n": "wQ", "e": "AQAB" }] }).to_string()
}

fn source(issuer: &str, uri: &str) -> JwksSource {
    JwksSource { issuer: issuer.into(), uri: uri.into() }
}

async fn fetch_with(config: Config, source: &JwksSource) -> Result<Str, String> {
    let client = Client::new(config, counted(Arc::new(Metrics::new("test")))).await.unwrap();
    fetch::fetch(&client, source, LIMIT).await
}

async fn fetch_uri(server: &Server, path: &str) -> Result<Str, String> {
    fetch_with(config(), &source("https://a", &server.url(path))).await
}

#[tokio::test]
async fn every_document_is_counted() {
    let server = Server::start().await;
    let metrics = Arc::new(Metrics::new("test"));
    let client = Client::new(config(), counted(metrics.clone())).await.unwrap();
    let place = json!({ "jwks_uri": server.url("/absent") }).to_string();
    server.answer("/.well-known/openid-configuration", Answer::Body(place));
    fetch::fetch(&client, &source(&server.url(""), ""), LIMIT).await.unwrap_err();
    let text = metrics.render();
    let count = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    assert_eq!(count("pilot_jwks_resolver_network_fetch_success_total"), Some("1"), "{text}");
    assert_eq!(count("pilot_jwks_resolver_network_fetch_fail_total"), Some("1"), "{text}");
}

#[tokio::test]
async fn a_key_set_is_passed_on() {
    let server = Server::start().await;
    server.answer("/keys", Answer::Body(set("a")));
    assert_eq!(fetch_uri(&server, "/keys").await.as_deref(), Ok(set("a").as_str()));
}

#[tokio::test]
async fn an_issuer_says_where_its_keys_are() {
    let server = Server::start().await;
    let place = json!({ "issuer": "a", "jwks_uri": server.url("/here") });
    server.answer("/realm/.well-known/openid-configuration", Answer::Body(place.to_string()));
    server.answer("/here", Answer::Body(set("a")));
    let got = fetch_with(config(), &source(&server.url("/realm/"), "")).await;
    assert_eq!(got.as_deref(), Ok(set("a").as_str()));
    for (configuration, part) in [
        ("<html>".to_owned(), "no JSON"),
        ("{}".to_owned(), "no jwks_uri"),
        (r#"{"jwks_uri":1}"#.to_owned(), "no jwks_uri"),
        (r#"{"jwks_uri":"file:///etc/passwd"}"#.to_owned(), "supported scheme"),
    ] {
        let path = "/realm/.well-known/openid-configuration";
        server.answer(path, Answer::Body(configuration));
        let why = fetch_with(config(), &source(&server.url("/realm"), "")).await.unwrap_err();
        assert!(why.contains(part), "{why}");
    }
}

/// Nothing but a key set goes on, and no failure tells what came instead.
#[tokio::test]
async fn everything_else_is_refused() {
    let server = Server::start().await;
    let secret = "AKIA-secret";
    for (path, answer, part) in [
        ("/html", Answer::Body(format!("<html>{secret}</html>")), "no JSON"),
        ("/json", Answer::Body(json!({ "token": secret }).to_string()), "no key set"),
        ("/empty", Answer::Body(r#"{"keys":[]}"#.to_owned()), "no key that tokens"),
        (
            "/shared",
            Answer::Body(json!({ "keys": [{ "kty": "oct", "k": secret }] }).to_string()),
            "no key that",
        ),
        ("/nothing", Answer::Body(String::new()), "no JSON"),
        ("/error", Answer::Status(500, String::new()), "status 500"),
        ("/moved", Answer::Status(302, server.url("/good")), "redirects (302)"),
        ("/permanent", Answer::Status(308, server.url("/good")), "redirects (308)"),
        ("/slow", Answer::Slow(Duration::from_secs(60), set("a")), "did not answer within"),
        ("/endless", Answer::Endless, "longer than"),
        ("/broken", Answer::Broken, "broke off"),
        ("/bytes", Answer::Bytes, "no text"),
    ] {
        server.answer("/good", Answer::Body(set("a")));
        server.answer(path, answer);
        let why = fetch_uri(&server, path).await.unwrap_err();
        assert!(why.contains(part) && !why.contains(secret), "{path}: {why}");
    }
    let why = fetch_uri(&server, "/absent").await.unwrap_err();
    assert!(why.contains("status 404"), "{why}");
    assert!(!server.asked().iter().any(|path| path == "/good"), "a redirect was followed");
}

/// GHSA-fgw5-hp8f-xfhc: addresses are judged where the connection is made, however they are written.
#[tokio::test]
async fn nothing_on_this_host_is_asked() {
    let server = Server::start().await;
    server.answer("/keys", Answer::Body(set("a")));
    let port = server.address.port();
    let strict = Config { addresses: Addresses::default(), ..config() };
    for host in
        ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]"]
    {
        let uri = format!("http://{host}:{port}/keys");
        let why = fetch_with(strict.clone(), &source("a", &uri)).await.unwrap_err();
        assert!(why.contains("is refused") || why.contains("cannot be reached"), "{host}: {why}");
    }
    let why = fetch_with(strict.clone(), &source("a", &server.url("/keys"))).await.unwrap_err();
    assert!(why.contains("loopback") && why.contains("ISTIOD_ALLOWED_CIDRS_IN_JWKS_URIS"), "{why}");
    // An issuer that may be asked cannot lead there either.
    let place = json!({ "jwks_uri": format!("http://127.0.0.2:{port}/keys") }).to_string();
    server.answer("/.well-known/openid-configuration", Answer::Body(place));
    let one = Config { addresses: Addresses::new([], Cidr::parse("127.0.0.1/32")), ..config() };
    let why = fetch_with(one, &source(&server.url(""), "")).await.unwrap_err();
    assert!(why.contains("127.0.0.2 is refused"), "{why}");
    assert!(!server.asked().iter().any(|path| path == "/keys"));
}

/// The whole of it, with sources that are wanted and not any more.
struct Running {
    wanted: watch::Sender<Arc<Wanted>>,
    keys: watch::Receiver<Arc<KeySets>>,
    _task: JoinSet<anyhow::Result<()>>,
}

impl Running {
    fn start(config: Config) -> Running {
        let (wanted, to_fetch) = watch::channel(Arc::default());
        let (sender, keys) = watch::channel(Arc::new(KeySets::new("unknown".into())));
        let mut task = JoinSet::new();
        let metrics = Arc::new(Metrics::new("test"));
        task.spawn(run(JwksFetching { config, wanted: to_fetch, keys: sender, metrics }));
        Running { wanted, keys, _task: task }
    }

    fn want<'a>(&self, sources: impl IntoIterator<Item = &'a JwksSource>) {
        let wanted: Wanted = sources.into_iter().map(|source| (source.clone(), LIMIT)).collect();
        self.wanted.send_replace(Arc::new(wanted));
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&KeySets) -> bool) {
        let seen = tokio::time::timeout(Duration::from_secs(20), self.keys.wait_for(|k| holds(k)));
        let failed = seen.await.is_err();
        assert!(!failed, "{what}: {:?}", self.keys.borrow());
    }
}

#[tokio::test]
async fn a_key_that_changes_is_followed() {
    let server = Server::start().await;
    let source = source("https://a", &server.url("/keys"));
    server.answer("/keys", Answer::Body(set("a")));
    let mut running = Running::start(config());
    running.want([&source]);
    running.until("a", |keys| **keys.text(&source) == *set("a")).await;
    server.answer("/keys", Answer::Body(set("b")));
    running.until("b", |keys| **keys.text(&source) == *set("b")).await;
    // While it fails the last good one holds, and it is said.
    server.answer("/keys", Answer::Status(503, String::new()));
    running.until("failure", |keys| keys.sets[&source].failure.is_some()).await;
    {
        let keys = running.keys.borrow();
        assert_eq!(**keys.text(&source), *set("b"));
        let failure = keys.sets[&source].failure.as_ref().unwrap();
        assert!(failure.why.contains("status 503") && failure.fetched.is_some());
    }
    server.answer("/keys", Answer::Body(set("c")));
    running.until("c", |keys| **keys.text(&source) == *set("c")).await;
    assert_eq!(running.keys.borrow().sets[&source].failure, None);
}

/// CVE-2026-31837: until there was a first success nobody's key is accepted.
#[tokio::test]
async fn what_was_never_fetched_is_the_unknown_key() {
    let server = Server::start().await;
    let (absent, slow) = (source("a", &server.url("/absent")), source("b", &server.url("/slow")));
    server.answer("/slow", Answer::Slow(Duration::from_secs(60), set("a")));
    let mut running = Running::start(config());
    running.want([&absent, &slow]);
    running.until("both failed", |keys| keys.know([&absent, &slow].into_iter())).await;
    let keys = running.keys.borrow().clone();
    for source in [&absent, &slow] {
        assert_eq!(&**keys.text(source), "unknown");
        let failure = keys.sets[source].failure.as_ref().unwrap();
        assert_eq!(failure.fetched, None);
    }
}

/// One that does not answer holds up nobody, and what nobody wants is forgotten.
#[tokio::test]
async fn sources_are_independent() {
    let server = Server::start().await;
    server.answer("/good", Answer::Body(set("a")));
    let slow: Vec<JwksSource> = (0..20)
        .map(|n| {
            let path = format!("/slow-{n}");
            server.answer(&path, Answer::Slow(Duration::from_secs(60), set("a")));
            source("slow", &server.url(&path))
        })
        .collect();
    let good = source("https://good", &server.url("/good"));
    let mut running = Running::start(config());
    running.want(slow.iter().chain([&good]));
    running.until("the good one", |keys| keys.know([&good].into_iter())).await;
    assert!(!running.keys.borrow().know(slow.iter()), "nobody waited for the slow ones");
    running.until("the slow ones", |keys| keys.know(slow.iter())).await;
    running.want([&good]);
    running.until("forgotten", |keys| keys.sets.len() == 1).await;
    let asked = server.asked().len();
    running.want([]);
    running.until("all forgotten", |keys| keys.sets.is_empty()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(server.asked().len() <= asked + 3, "nobody asks for what nobody wants");
}

/// Refreshing what did not change is no news.
#[tokio::test]
async fn the_same_keys_are_told_once() {
    let server = Server::start().await;
    let source = source("a", &server.url("/keys"));
    server.answer("/keys", Answer::Body(set("a")));
    let mut running = Running::start(config());
    running.want([&source]);
    running.until("a", |keys| keys.know([&source].into_iter())).await;
    running.keys.mark_unchanged();
    while server.asked().len() < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!running.keys.has_changed().unwrap());
}
