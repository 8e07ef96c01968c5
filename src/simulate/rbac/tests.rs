//! RBAC as translation makes it, against the policies read directly: they must agree on who may do what.

mod reading;

use proptest::prelude::*;
use serde_json::{Value, json};

use self::reading::Reading;
use super::*;
use crate::api::config::Config;
use crate::api::proto_json::ProtoJson;
use crate::api::security::AuthorizationPolicy;
use crate::api::{MeshConfig, Meta};
use crate::proto::envoy::envoy::config::listener::v3::filter;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_filter;
use crate::simulate::request::{Direction, Http, Payload, Request, Tls};
use crate::snapshot::Snapshot;
use crate::translate::memo::Same;
use crate::translate::security::authorization::{self, Filters};
use serde::Deserialize;
use std::sync::Arc;

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's generator; its high bits are good.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }

    fn some(&mut self, of: &[&str]) -> Vec<String> {
        (0..=self.roll(2)).map(|_| self.pick(of).to_owned()).collect()
    }
}

const PRINCIPALS: &[&str] = &[
    "td/ns/a/sa/x",
    "old/ns/a/sa/x",
    "cluster.local/ns/b/sa/y",
    "else/ns/b/sa/y",
    "td/ns/a/*",
    "*/sa/x",
    "*.y",
    "*",
];
const NAMESPACES: &[&str] = &["a", "b", "a*", "*", "a.b", "*b"];
const ACCOUNTS: &[&str] = &["x", "y", "a/x", "b/x", "a/x.y", "x.y"];
const DOMAINS: &[&str] = &["td", "old", "else", "t*", "*e", "*"];
const BLOCKS: &[&str] = &["10.0.0.0/8", "10.1.0.1", "192.168.0.0/16", "fd00::/8"];
const TOKENS: &[&str] = &["iss/sub", "iss/*", "*/sub", "*", "https://i/s", "https://i/*", "iss*"];
const HOSTS: &[&str] = &["web.shop", "*.shop", "web.*", "*", "WEB.shop"];
const METHODS: &[&str] = &["GET", "POST", "P*", "*"];
const PATHS: &[&str] = &["/a", "/a/*", "*/b", "*", "/a/{*}/b", "/a/{**}", "/{*}"];
const PORTS: &[&str] = &["80", "8080"];
const NAMES: &[&str] = &["web.shop", "*.shop", "*"];
const VALUES: &[&str] = &["v1", "v2", "v*", "*2", "*"];

/// Lists of values, and the keys of conditions that take the same.
const SOURCES: &[(&str, &[&str])] = &[
    ("rincipals", PRINCIPALS),
    ("amespaces", NAMESPACES),
    ("erviceAccounts", ACCOUNTS),
    ("rustDomains", DOMAINS),
    ("pBlocks", BLOCKS),
    ("emoteIpBlocks", BLOCKS),
    ("equestPrincipals", TOKENS),
];
const OPERATIONS: &[(&str, &[&str])] =
    &[("osts", HOSTS), ("ethods", METHODS), ("aths", PATHS), ("orts", PORTS)];
const CONDITIONS: &[(&str, &[&str])] = &[
    ("source.ip", BLOCKS),
    ("remote.ip", BLOCKS),
    ("source.namespace", NAMESPACES),
    ("source.serviceAccount", ACCOUNTS),
    ("source.trustDomain", DOMAINS),
    ("source.principal", PRINCIPALS),
    ("destination.ip", BLOCKS),
    ("destination.port", PORTS),
    ("connection.sni", NAMES),
    ("request.headers[x-a]", VALUES),
    ("request.auth.principal", TOKENS),
    ("request.auth.audiences", VALUES),
    ("request.auth.claims[groups]", VALUES),
    ("request.auth.claims[deep][er]", VALUES),
];

/// `rincipals` is `principals`, and `notPrincipals` where it is not.
fn field(tail: &str, not: bool) -> String {
    let head = match tail {
        "rincipals" => 'p',
        "amespaces" => 'n',
        "erviceAccounts" => 's',
        "rustDomains" => 't',
        "pBlocks" => 'i',
        "emoteIpBlocks" | "equestPrincipals" => 'r',
        "osts" => 'h',
        "ethods" => 'm',
        "aths" | "orts" => 'p',
        other => panic!("{other}"),
    };
    match not {
        true => format!("not{}{tail}", head.to_ascii_uppercase()),
        false => format!("{head}{tail}"),
    }
}

fn fields(dice: &mut Dice, of: &[(&str, &[&str])]) -> Value {
    let mut fields = serde_json::Map::new();
    for _ in 0..=dice.roll(2) {
        let (tail, values) = of[dice.roll(of.len())];
        let not = dice.roll(3) == 0;
        fields.insert(field(tail, not), json!(dice.some(values)));
    }
    Value::Object(fields)
}

fn rule(dice: &mut Dice) -> Value {
    let from: Vec<Value> =
        (0..dice.roll(3)).map(|_| json!({ "source": fields(dice, SOURCES) })).collect();
    let to: Vec<Value> =
        (0..dice.roll(3)).map(|_| json!({ "operation": fields(dice, OPERATIONS) })).collect();
    let when: Vec<Value> = (0..dice.roll(3))
        .map(|_| {
            let (key, values) = CONDITIONS[dice.roll(CONDITIONS.len())];
            let field = if dice.roll(3) == 0 { "notValues" } else { "values" };
            json!({ "key": key, field: dice.some(values) })
        })
        .collect();
    json!({ "from": from, "to": to, "when": when })
}

fn policies(dice: &mut Dice) -> Vec<Value> {
    (0..=dice.roll(3))
        .map(|_| {
            let rules: Vec<Value> = (0..dice.roll(4)).map(|_| rule(dice)).collect();
            json!({ "action": dice.pick(&["ALLOW", "ALLOW", "DENY", "AUDIT"]), "rules": rules })
        })
        .collect()
}

fn request(dice: &mut Dice, http: bool) -> Request {
    let to = ["10.1.0.1:80", "10.1.0.1:8080", "192.168.0.9:80"][dice.roll(3)].parse().unwrap();
    let mut request = Request::tcp(Direction::Inbound, to);
    request.source = ["10.1.0.1:1", "192.168.3.4:1", "172.16.0.1:1"][dice.roll(3)].parse().unwrap();
    if dice.roll(4) > 0 {
        let names = [
            "spiffe://td/ns/a/sa/x",
            "spiffe://td/ns/b/sa/y",
            "spiffe://old/ns/a/sa/x.y",
            "spiffe://else/ns/b/sa/y",
            "spiffe://td/ns/axb/sa/xzy",
        ];
        request.tls = Some(Tls {
            sni: (dice.roll(2) == 0).then(|| dice.pick(&["web.shop", "db.shop", "x"]).to_owned()),
            client_certificate: true,
            identity: Some(dice.pick(&names).to_owned()),
            ..Tls::default()
        });
    }
    if http {
        let value = |dice: &mut Dice| dice.pick(&["v1", "v2", "w"]).to_owned();
        let mut headers = Vec::new();
        if dice.roll(2) == 0 {
            headers.push(("x-a".to_owned(), value(dice)));
        }
        request.payload = Payload::Http(Http {
            version: Default::default(),
            method: dice.pick(&["GET", "POST", "PUT"]).to_owned(),
            authority: dice.pick(&["web.shop", "Web.Shop", "db.shop", "x"]).to_owned(),
            path: dice.pick(&["/a", "/a?b=/b", "/a/b", "/a/c/b", "/a/c/d/b", "/", "/b"]).to_owned(),
            headers,
        });
        if dice.roll(2) == 0 {
            let (iss, sub) = [("iss", "sub"), ("https://i", "s"), ("other", "sub")][dice.roll(3)];
            let groups = match dice.roll(3) {
                0 => json!(value(dice)),
                1 => json!([value(dice), value(dice)]),
                _ => Value::Null,
            };
            let deep = json!({ "er": value(dice) });
            request.claims = Some(
                json!({ "iss": iss, "sub": sub, "groups": groups, "aud": [value(dice)], "deep": deep }),
            );
        }
    }
    request
}

fn filters(policies: &[Value]) -> Same<Filters> {
    let mesh = MeshConfig {
        trust_domain: "td".into(),
        trust_domain_aliases: vec!["old".into()],
        ..MeshConfig::default()
    };
    let snapshot = Snapshot { mesh: Arc::new(mesh), ..Snapshot::default() };
    let object = |(index, spec): (usize, &Value)| {
        let spec = AuthorizationPolicy::deserialize(ProtoJson(spec.clone())).unwrap();
        let name = format!("p{index}").as_str().into();
        let meta = Meta { name, namespace: "a".into(), ..Meta::default() };
        Same(Arc::new(Config { meta, spec, status: () }))
    };
    let policies = policies.iter().enumerate().map(object).collect();
    authorization::filters(&snapshot, &policies, &mut authorization::Memos::default()).unwrap()
}

/// Whether the filters let a request through.
fn allowed(filters: &Filters, request: &Request) -> bool {
    let http = match &request.payload {
        Payload::Http(http) => Some(http),
        Payload::Tcp => None,
    };
    let mut subject = Subject {
        request,
        http,
        remote: "10.1.2.3".parse().unwrap(),
        mutual: true,
        notes: BTreeMap::new(),
    };
    let mut trail = Trail::default();
    let mut apply = |name: &str, config: &Any| match apply(name, config, &mut subject, &mut trail) {
        Some(Ok(())) => true,
        Some(Err(Outcome::Nowhere { .. })) => false,
        other => panic!("{other:?}"),
    };
    match http {
        Some(_) => filters.after_tokens.iter().all(|filter| match &filter.config_type {
            Some(http_filter::ConfigType::TypedConfig(config)) => apply(&filter.name, config),
            other => panic!("{other:?}"),
        }),
        None => filters.tcp.iter().all(|filter| match &filter.config_type {
            Some(filter::ConfigType::TypedConfig(config)) => apply(&filter.name, config),
            other => panic!("{other:?}"),
        }),
    }
}

#[track_caller]
fn check(seed: u64, http: bool) {
    let dice = &mut Dice(seed);
    let policies = policies(dice);
    let filters = filters(&policies);
    for _ in 0..8 {
        let request = request(dice, http);
        let want = Reading::of(&request).allows(&policies);
        assert_eq!(allowed(&filters.0, &request), want, "{}\n{request:#?}", json!(policies));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn requests_are_let_through_as_the_policies_say(seed in any::<u64>()) {
        check(seed, true);
    }

    #[test]
    fn byte_streams_are_let_through_as_the_policies_say(seed in any::<u64>()) {
        check(seed, false);
    }
}

#[test]
fn both_answers_are_frequent() {
    let mut counts = [0, 0];
    for seed in 0..200u64 {
        let dice = &mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let policies = policies(dice);
        let request = request(dice, true);
        counts[usize::from(Reading::of(&request).allows(&policies))] += 1;
    }
    assert!(counts.iter().all(|count| *count > 30), "a test of one answer is none: {counts:?}");
}
