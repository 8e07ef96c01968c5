use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::config_map::read_config_map;
use super::{Content, Document, FromConfigMap, Layers, Parsed, defaults, parse};
use crate::api::core::ConfigMap;
use crate::api::mesh::{
    InboundPolicy, MeshMtls, OutboundPolicy, PathNormalization, TcpKeepalive, TlsDefaults,
};
use crate::api::{Change, MeshConfig, Meta, Object};
use crate::skip::skipped;

fn good(text: &str) -> MeshConfig {
    let Parsed { mesh, warnings } = parse(text).unwrap();
    assert_eq!(warnings, []);
    mesh
}

fn shared(path: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(_) => {
            skipped(format_args!("{} is not there", path.display()));
            None
        }
    }
}

#[test]
fn the_defaults_are_those_of_the_values() {
    let mesh = MeshConfig { raw: Value::Null, ..defaults() };
    assert_eq!(mesh, MeshConfig::default());
    assert_eq!(good("# nothing\n"), defaults());
    assert_eq!(good("{}"), defaults());
}

#[test]
fn raw_is_what_the_reference_shows() {
    let Some(golden) = shared("goldens/debug/debug_mesh") else { return };
    // What the recordings were made with; see the README of the shared data.
    let mesh = good(
        "defaultConfig: {discoveryAddress: 'istiod.istio-system.svc:15012'}\n\
         defaultProviders: {metrics: [prometheus]}\n\
         enablePrometheusMerge: true\n\
         rootNamespace: istio-system\n\
         trustDomain: cluster.local\n",
    );
    let golden: Value = serde_json::from_str(&golden).unwrap();
    assert_eq!(mesh.raw, golden);
    assert_eq!(mesh.metrics_providers, ["prometheus".into()]);
}

#[test]
fn the_reference_mesh_configuration_is_known_to_the_last_field() {
    let Some(text) = shared("reference/10-mesh-config/mesh.yaml") else { return };
    let mesh = good(&text);
    assert_eq!(&*mesh.trust_domain, "example.mesh");
    assert_eq!(mesh.trust_domain_aliases, ["old.mesh".into()]);
    assert_eq!(mesh.connect_timeout, Duration::from_secs(3));
    assert_eq!(mesh.protocol_detection_timeout, Duration::from_secs(5));
    assert_eq!(mesh.outbound_traffic_policy, OutboundPolicy::RegistryOnly);
    assert_eq!(mesh.path_normalization, PathNormalization::DecodeAndMergeSlashes);
    assert!(mesh.h2_upgrade);
    let time = Some(Duration::from_secs(600));
    assert_eq!(mesh.tcp_keepalive, Some(TcpKeepalive { time, ..TcpKeepalive::default() }));
    // The defaults of the code stand first, in their order.
    let providers = mesh.raw["extensionProviders"].as_array().unwrap();
    let names: Vec<&str> = providers.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["prometheus", "stackdriver", "envoy", "ext-authz-http"]);
    assert_eq!(mesh.raw["defaultConfig"]["statusPort"], 15020);
    assert_eq!(mesh.raw["defaultConfig"]["gatewayTopology"]["numTrustedProxies"], 2);
    assert_eq!(mesh.raw["localityLbSetting"].get("enabled"), None);
}

#[test]
fn both_spellings_and_go_durations_are_read() {
    let mesh = good(
        "proxy_listen_port: '15051'\n\
         connectTimeout: 1m30s\n\
         dns_refresh_rate: 1.5s\n\
         default_service_export_to: ['.']\n\
         meshMTLS: {minProtocolVersion: TLSV1_3, cipherSuites: [A]}\n\
         tlsDefaults: {ecdhCurves: [P-256], cipherSuites: [B]}\n\
         inboundTrafficPolicy: {mode: LOCALHOST}\n\
         enableAutoMtls: false\n\
         enableTracing: false\n\
         serviceSettings: [{settings: {clusterLocal: true}, hosts: ['a.b']}, {hosts: [c]}]\n",
    );
    assert_eq!(mesh.proxy_listen_port, 15051);
    assert_eq!(mesh.connect_timeout, Duration::from_secs(90));
    assert_eq!(mesh.raw["connectTimeout"], "90s");
    assert_eq!(mesh.raw["dnsRefreshRate"], "1.500s");
    assert_eq!(mesh.default_service_export_to, [".".into()]);
    assert_eq!(mesh.inbound_traffic_policy, InboundPolicy::Localhost);
    assert!(!mesh.enable_auto_mtls && !mesh.enable_tracing);
    assert_eq!(mesh.cluster_local, [("a.b".into(), true), ("c".into(), false)]);
    assert_eq!(&*mesh.discovery_host, "istiod.istio-system.svc");
    assert_eq!(mesh.mesh_mtls, MeshMtls { only_tls13: true, cipher_suites: vec!["A".into()] });
    let curves = vec!["P-256".into()];
    let want = TlsDefaults { ecdh_curves: curves, cipher_suites: vec!["B".into()] };
    assert_eq!(mesh.tls_defaults, want);
    // A wrapper keeps false, a plain boolean does not.
    assert_eq!(mesh.raw["enableAutoMtls"], false);
    assert_eq!(mesh.raw.get("enableTracing"), None);
}

#[test]
fn messages_replace_their_default_and_zero_means_the_first_name() {
    let mesh = good("outboundTrafficPolicy: {}");
    assert_eq!(mesh.outbound_traffic_policy, OutboundPolicy::RegistryOnly);
    assert_eq!(mesh.raw["outboundTrafficPolicy"], json!({}));
    assert_eq!(good("trustDomain: null"), defaults());
}

#[test]
fn some_fields_are_merged() {
    let mesh = good(
        "trustDomainAliases: [b, a, b]\n\
         extensionProviders:\n\
         - {name: mine, zipkin: {service: z, port: 9411}}\n\
         - {name: envoy, envoyFileAccessLog: {path: /dev/stderr}}\n\
         defaultConfig: {tracingServiceName: CANONICAL_NAME_ONLY, proxyMetadata: {A: b}}\n\
         defaultProviders: {accessLogging: [envoy]}\n",
    );
    assert_eq!(mesh.trust_domain_aliases, ["a".into(), "b".into()]);
    let providers = &mesh.raw["extensionProviders"];
    assert_eq!(providers[2]["envoyFileAccessLog"]["path"], "/dev/stderr");
    assert_eq!(providers[3]["zipkin"]["port"], 9411);
    let proxy = &mesh.raw["defaultConfig"];
    assert_eq!(proxy.get("serviceCluster"), None);
    assert_eq!(proxy["tracingServiceName"], "CANONICAL_NAME_ONLY");
    assert_eq!((&proxy["proxyMetadata"]["A"], &proxy["statusPort"]), (&json!("b"), &json!(15020)));
    assert_eq!(mesh.raw["defaultProviders"], json!({"accessLogging": ["envoy"]}));
}

#[test]
fn unknown_fields_are_reported_and_dropped() {
    let text = "accessLogfile: x\ndefaultConfig: {tracing: {zipkins: {}}}\n";
    let Parsed { mesh, warnings } = parse(text).unwrap();
    let paths: Vec<String> = warnings.iter().map(|w| w.path.to_string()).collect();
    assert_eq!(paths, ["accessLogfile", "defaultConfig.tracing.zipkins"]);
    assert_eq!(mesh.raw["defaultConfig"]["tracing"], json!({}));
}

#[test]
fn wrong_values_name_the_field_and_what_is_allowed() {
    let cases = [
        ("[]", "", "must be an object: fields of MeshConfig"),
        (
            "proxyListenPort: x",
            "proxyListenPort",
            "\"x\" is no whole number from -2147483648 to 2147483647",
        ),
        ("proxyListenPort: 0", "proxyListenPort", "0 is no port: give one from 1 to 65535"),
        ("proxyHttpPort: 70000", "proxyHttpPort", "70000 is no port: give one from 0 to 65535"),
        ("proxyListenPort: 15006", "proxyInboundListenPort", "must differ from proxyListenPort"),
        (
            "connectTimeout: 5",
            "connectTimeout",
            "is a number, must be a duration, such as 10s or 1m30s",
        ),
        ("connectTimeout: 1us", "connectTimeout", "must be at least 1ms"),
        (
            "outboundTrafficPolicy: {mode: ALLOW}",
            "outboundTrafficPolicy.mode",
            "\"ALLOW\" is not one of REGISTRY_ONLY, ALLOW_ANY, ALLOW_ANY_DYNAMIC_DNS",
        ),
        ("enableTracing: 'yes'", "enableTracing", "is a string, must be true or false"),
        ("defaultConfig: []", "defaultConfig", "is a list, must be an object"),
        (
            "extensionProviders: [{name: a}, {name: 1}]",
            "extensionProviders[1].name",
            "is a number, must be a string: quote it",
        ),
        (
            "defaultConfig: {proxyMetadata: {A: 1}}",
            "defaultConfig.proxyMetadata.A",
            "is a number, must be a string: quote it",
        ),
        ("trustDomain: ''", "trustDomain", "must not be empty: the default is cluster.local"),
        ("{trust_domain: a, trustDomain: b}", "trust_domain", "set twice: use trustDomain only"),
    ];
    for (text, path, message) in cases {
        let invalid = parse(text).unwrap_err();
        assert_eq!(
            (invalid.issue.path.to_string().as_str(), &*invalid.issue.message),
            (path, message)
        );
    }
    assert_eq!(parse("a: b\nc: [").unwrap_err().line, Some(3));
}

fn config_map(mesh: Option<&str>) -> ConfigMap {
    let meta = Meta { name: "istio".into(), namespace: "istio-system".into(), ..Meta::default() };
    let data = mesh.map(|mesh| ("mesh".into(), mesh.into())).into_iter().collect();
    ConfigMap { meta, data }
}

fn apply(name: &str, text: &str) -> Change {
    let mut map = config_map(Some(text));
    map.meta.name = name.into();
    Change::Apply(Object::ConfigMap(Arc::new(map)))
}

#[test]
fn a_config_map_is_read_with_paths_of_its_own() {
    let read = |text| read_config_map(Document::Mesh, &config_map(text));
    let good = read(Some("trustDomain: a\nx: 1")).ok().flatten().unwrap();
    let Content::Mesh(given) = good.content else { panic!("another document") };
    assert_eq!(given["trustDomain"], "a");
    assert_eq!(good.warnings[0].path.to_string(), "data.mesh.x");
    let missing = read(None).err().unwrap();
    assert_eq!(missing.path.to_string(), "data.mesh");
    let broken = read(Some("a: [\n")).err().unwrap();
    assert!(broken.message.starts_with("line 2: "), "{}", broken.message);
}

#[test]
fn the_last_good_configuration_of_a_config_map_stays() {
    let (layers, published) = Layers::new();
    let mut follower = FromConfigMap::own(Document::Mesh, "istio-system", "default", layers);
    let apply = |text| apply("istio", text);
    let trust_domain = || published.borrow().trust_domain.to_string();

    assert_eq!(follower.start(&[apply("trustDomain: first")]), Ok(Vec::new()));
    assert_eq!(trust_domain(), "first");
    let wrong = follower.follow(&[apply("trustDomain: [second]")]);
    assert_eq!(
        wrong[0].to_string(),
        "error: ConfigMap istio-system/istio: data.mesh.trustDomain: is a list, must be a string: quote it; \
         the mesh configuration stays as it was"
    );
    assert_eq!(trust_domain(), "first");
    // What is wrong is still wrong when something else changes.
    assert_eq!(follower.follow(&[]), wrong);
    assert_eq!(follower.follow(&[apply("trustDomain: third")]), []);
    assert_eq!(trust_domain(), "third");
    let removed = Change::Remove(apply("").key());
    assert_eq!(follower.follow(&[removed]), []);
    assert_eq!(trust_domain(), "cluster.local");
}

#[test]
fn at_the_start_there_is_nothing_to_keep() {
    let (layers, published) = Layers::new();
    let mut follower = FromConfigMap::own(Document::Mesh, "istio-system", "", layers);
    let error = follower.start(&[apply("istio", "trustDomain: []")]).unwrap_err().to_string();
    assert!(error.ends_with("is a list, must be a string: quote it"), "{error}");
    assert_eq!(**published.borrow(), defaults());
}

#[test]
fn each_revision_has_its_config_map() {
    for (revision, name) in [("", "istio"), ("default", "istio"), ("canary", "istio-canary")] {
        let (layers, published) = Layers::new();
        let mut follower = FromConfigMap::own(Document::Mesh, "istio-system", revision, layers);
        follower.follow(&[apply(name, "trustDomain: own"), apply("other", "trustDomain: other")]);
        assert_eq!(&*published.borrow().trust_domain, "own", "{revision:?}");
    }
}

#[test]
fn what_is_shared_lies_below_the_meshs_own() {
    let (layers, published) = Layers::new();
    let mut own = FromConfigMap::own(Document::Mesh, "istio-system", "", layers.clone());
    let mut shared = FromConfigMap::shared(Document::Mesh, "istio-system", "common", layers);
    let is = |trust_domain: &str, root_namespace: &str, aliases: &[&str]| {
        let mesh = published.borrow();
        assert_eq!((&*mesh.trust_domain, &*mesh.root_namespace), (trust_domain, root_namespace));
        let all: Vec<&str> = mesh.trust_domain_aliases.iter().map(|alias| &**alias).collect();
        assert_eq!(all, aliases);
    };
    let text = "trustDomain: own\ntrustDomainAliases: [b]";
    assert_eq!(own.follow(&[apply("istio", text)]), []);
    is("own", "istio-system", &["b"]);
    let text = "trustDomain: shared\nrootNamespace: root\ntrustDomainAliases: [a]";
    assert_eq!(shared.follow(&[apply("common", text)]), []);
    is("own", "root", &["a", "b"]);
    // Each follows its own ConfigMap only, and what is wrong in one leaves both as they were.
    assert_eq!(own.follow(&[apply("common", "trustDomain: other")]), []);
    assert_eq!(shared.follow(&[apply("common", "rootNamespace: []")]).len(), 1);
    is("own", "root", &["a", "b"]);
    assert_eq!(own.follow(&[Change::Remove(apply("istio", "").key())]), []);
    is("shared", "root", &["a"]);
}

#[test]
fn the_networks_stand_beside_the_configuration() {
    let text = |networks: &str| {
        let mut map = config_map(Some("trustDomain: own"));
        map.data.insert("meshNetworks".into(), networks.into());
        Change::Apply(Object::ConfigMap(Arc::new(map)))
    };
    let (layers, published) = Layers::new();
    let follower = |document, name: &str| match name {
        "istio" => FromConfigMap::own(document, "istio-system", "", layers.clone()),
        name => FromConfigMap::shared(document, "istio-system", name, layers.clone()),
    };
    let (mut mesh, mut networks) =
        (follower(Document::Mesh, "istio"), follower(Document::Networks, "istio"));
    let names = || published.borrow().networks.networks.keys().cloned().collect::<Vec<_>>();

    let change = text("networks: {net1: {endpoints: [{fromRegistry: Kubernetes}]}}");
    assert_eq!(mesh.follow(std::slice::from_ref(&change)), []);
    assert_eq!(networks.start(&[change]), Ok(Vec::new()));
    assert_eq!((names(), &*published.borrow().trust_domain), (vec!["net1".into()], "own"));

    let wrong = networks.follow(&[text("networks: {net2: {gateways: [{address: 192.0.2.1}]}}")]);
    assert_eq!(
        wrong[0].to_string(),
        "error: ConfigMap istio-system/istio: data.meshNetworks.networks.net2.gateways[0].port: 0 is no port: \
         use one of 1 to 65535; the mesh networks stay as they were"
    );
    assert_eq!(names(), ["net1".into()], "the last good ones");

    let mut map = config_map(Some(""));
    map.meta.name = "common".into();
    map.data.insert("meshNetworks".into(), "networks: {net3: {}}".into());
    let shared = Change::Apply(Object::ConfigMap(Arc::new(map)));
    assert_eq!(follower(Document::Networks, "common").follow(&[shared]), []);
    assert_eq!(
        names(),
        ["net3".into()],
        "shared networks are not merged: they are all that counts"
    );

    assert_eq!(networks.follow(&[apply("istio", "trustDomain: own")]), []);
    assert_eq!(names(), ["net3".into()]);
}
