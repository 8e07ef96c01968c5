mod arbitrary;
mod webhook;

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Projected, Rejection};
use crate::api::core::{
    AddressType, ContainerPort, EndpointSlice, Service, ServiceType, TargetPort, Transport,
};
use crate::api::{Kind, Object, ObjectKey};
use crate::sources::intern::Interner;

fn project(value: Value) -> Result<Projected, Rejection> {
    super::project(value, &mut Interner::default())
}

fn object(kind: &str, name: &str, mut rest: Value) -> Value {
    let fields = rest.as_object_mut().unwrap();
    fields.entry("apiVersion").or_insert(json!("v1"));
    fields.insert("kind".to_owned(), json!(kind));
    let metadata = fields.entry("metadata").or_insert(json!({}));
    metadata.as_object_mut().unwrap().insert("name".to_owned(), json!(name));
    rest
}

/// Projects what must be sound.
fn good(value: Value) -> Object {
    match project(value) {
        Ok(Projected { object, issues: warnings }) => {
            assert_eq!(warnings, []);
            object
        }
        Err(rejection) => panic!("{rejection:?}"),
    }
}

/// The error as `key: path: message`.
fn error(value: Value) -> String {
    match project(value) {
        Err(Rejection::Invalid { key, issue }) => {
            let key = key.map_or("?".to_owned(), |key| key.to_string());
            format!("{key}: {}: {}", issue.path, issue.message)
        }
        other => panic!("{other:?}"),
    }
}

fn service(value: Value) -> Service {
    match good(value) {
        Object::Service(service) => (*service).clone(),
        other => panic!("{other:?}"),
    }
}

fn slice(value: Value) -> EndpointSlice {
    match good(value) {
        Object::Endpoints(slice) | Object::EndpointSlice(slice) => (*slice).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn errors_name_the_key_the_field_and_the_mending() {
    let pod_port = |port: Value| {
        object("Pod", "a", json!({"spec": {"containers": [{"name": "c", "ports": [port]}]}}))
    };
    let service = |spec: Value| object("Service", "web", json!({"spec": spec}));
    let slice = |rest: Value| {
        let mut slice = object("EndpointSlice", "s", rest);
        slice["apiVersion"] = json!("discovery.k8s.io/v1");
        slice
    };
    let virtual_service = |spec: Value| {
        let rest = json!({"apiVersion": "networking.istio.io/v1", "spec": spec});
        object("VirtualService", "reviews", rest)
    };
    let cases = [
        (json!("text"), "?: : not an object: expected apiVersion, kind, metadata"),
        (json!({"kind": "Pod"}), "?: apiVersion: missing: every object names it"),
        (json!({"apiVersion": "v1", "kind": 3}), "?: kind: must be a string"),
        (
            json!({"apiVersion": "v1", "kind": "Pod"}),
            "?: metadata.name: missing: every object needs a name",
        ),
        (
            service(json!({"ports": [{"port": "x"}]})),
            "Service default/web: spec.ports[0].port: invalid type: string \"x\", expected i32",
        ),
        (
            service(json!({"ports": [{"port": 80}, {"port": 70000}]})),
            "Service default/web: spec.ports[1].port: 70000 is no port: give one from 1 to 65535",
        ),
        (
            service(json!({"ports": [{"port": 80, "protocol": "QUIC"}]})),
            "Service default/web: spec.ports[0].protocol: \"QUIC\" is no protocol: use TCP, UDP or SCTP",
        ),
        (
            service(json!({"ports": [{"port": 80, "targetPort": -1}]})),
            "Service default/web: spec.ports[0].targetPort: -1 is no port: give one from 1 to 65535",
        ),
        (
            service(json!({"clusterIPs": ["10.0.0.1", "10.0.0"]})),
            "Service default/web: spec.clusterIPs[1]: \"10.0.0\" is no IP address: give one such as 10.0.0.1 or fd00::1",
        ),
        (
            service(json!({"type": "Ingress"})),
            "Service default/web: spec.type: \"Ingress\" is no type: use ClusterIP, NodePort, LoadBalancer or ExternalName",
        ),
        (
            service(json!({"type": "ExternalName"})),
            "Service default/web: spec.externalName: missing: a service of type ExternalName needs it",
        ),
        (
            object("Service", "web.shop", json!({})),
            "Service default/web.shop: metadata.name: \"web.shop\" is no DNS label: use at most 63 of a-z, 0-9 and -, a letter or digit at both ends",
        ),
        (
            object("ConfigMap", "Istio", json!({})),
            "ConfigMap default/Istio: metadata.name: \"Istio\" is no name: use a-z, 0-9, - and . with a letter or digit at both ends",
        ),
        (
            object("Pod", "a", json!({"metadata": {"namespace": "-"}})),
            "Pod -/a: metadata.namespace: \"-\" is no DNS label: use at most 63 of a-z, 0-9 and -, a letter or digit at both ends",
        ),
        (
            object("Pod", "a", json!({"metadata": {"labels": {"app.io/version": 1.5}}})),
            "Pod default/a: metadata.labels[\"app.io/version\"]: invalid type: floating point `1.5`, expected a string: quote it",
        ),
        (
            pod_port(json!({"containerPort": 0})),
            "Pod default/a: spec.containers[0].ports[0].containerPort: 0 is no port: give one from 1 to 65535",
        ),
        (
            object("Pod", "a", json!({"status": {"podIPs": [{"ip": "::1"}, {"ip": "::g"}]}})),
            "Pod default/a: status.podIPs[1].ip: \"::g\" is no IP address: give one such as 10.0.0.1 or fd00::1",
        ),
        (
            slice(json!({})),
            "EndpointSlice default/s: addressType: \"\" is no address type: use IPv4, IPv6 or FQDN",
        ),
        (
            slice(json!({"addressType": "IPv4", "endpoints": [{"addresses": ["a.example"]}]})),
            "EndpointSlice default/s: endpoints[0].addresses[0]: \"a.example\" is no IP address: give one such as 10.0.0.1 or fd00::1",
        ),
        (
            object("Endpoints", "e", json!({"subsets": [{"addresses": [{"ip": ""}]}]})),
            "Endpoints default/e: subsets[0].addresses[0].ip: \"\" is no IP address: give one such as 10.0.0.1 or fd00::1",
        ),
        (virtual_service(json!([1])), "VirtualService default/reviews: spec: must be an object"),
    ];
    for (value, want) in cases {
        assert_eq!(error(value), want);
    }
}

#[test]
fn kinds_and_versions_that_are_not_read_are_told_apart_from_errors() {
    for (api_version, kind) in
        [("apps/v1", "Deployment"), ("v2", "Pod"), ("networking.istio.io/v2", "Gateway")]
    {
        let value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}});
        let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
        assert_eq!(project(value), Err(Rejection::Unread { api_version, kind }));
    }
}

#[test]
fn every_kind_projects_in_every_served_version() {
    for kind in Kind::ALL.iter().copied() {
        for version in [kind.version()].iter().chain(kind.aliases()) {
            let api_version = match kind.group() {
                "" => (*version).to_owned(),
                group => format!("{group}/{version}"),
            };
            let rest = json!({"apiVersion": api_version});
            let mut value = object(kind.name(), "a", rest);
            if kind == Kind::EndpointSlice {
                value["addressType"] = json!("IPv4");
            }
            let namespace = if kind.namespaced() { "default" } else { "" };
            let key = ObjectKey::new(kind, namespace, "a");
            assert_eq!(project(value).unwrap().object.key(), key);
        }
    }
}

#[test]
fn what_has_no_effect_is_reported_and_drops_nothing() {
    let value = object(
        "Service",
        "web",
        json!({
            "metadata": {"label": {}},
            "spec": {
                "ports": [{"port": 80, "targetport": 8080}],
                "internalTrafficPolicy": "Zone",
            },
            "stats": {},
        }),
    );
    let projected = project(value).unwrap();
    let paths: Vec<String> = projected.issues.iter().map(|w| w.path.to_string()).collect();
    assert_eq!(
        paths,
        ["metadata.label", "spec.ports[0].targetport", "stats", "spec.internalTrafficPolicy"]
    );
    assert_eq!(projected.object.key(), ObjectKey::new(Kind::Service, "default", "web"));

    let namespaced = object("Node", "n", json!({"metadata": {"namespace": "shop"}}));
    let projected = project(namespaced).unwrap();
    assert_eq!(projected.issues.len(), 1);
    assert_eq!(projected.object.key(), ObjectKey::new(Kind::Node, "", "n"));
}

#[test]
fn many_unknown_fields_are_summed_up() {
    let fields: serde_json::Map<String, Value> =
        (0..50).map(|i| (format!("unknown{i:02}"), Value::Null)).collect();
    let projected = project(object("Namespace", "a", Value::Object(fields))).unwrap();
    assert_eq!(projected.issues.len(), 21);
    assert_eq!(projected.issues[20].message, "30 more unknown fields");
}

#[test]
fn metadata_keeps_what_concerns_the_mesh() {
    let value = object(
        "Pod",
        "a",
        json!({"metadata": {
            "labels": {"app": "a"},
            "annotations": {"kubectl.kubernetes.io/x": "1", "traffic.istio.io/y": "2", "alpha.istio.io/z": "3"},
            "creationTimestamp": "2026-11-21T09:19:21Z",
            "resourceVersion": "77",
            "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
            "generation": 4,
            "uid": "u",
        }}),
    );
    let object = good(value);
    let meta = object.meta();
    assert_eq!(meta.label("app").map(|v| &**v), Some("a"));
    let annotations: Vec<&str> = meta.annotations.keys().map(|key| &**key).collect();
    assert_eq!(annotations, ["alpha.istio.io/z", "traffic.istio.io/y"]);
    assert_eq!(meta.created, Some("2026-11-21T09:19:21Z".parse().unwrap()));
    assert_eq!((meta.generation, &*meta.uid), (4, "u"));
}

#[test]
fn services() {
    let plain = service(object(
        "Service",
        "web",
        json!({
            "spec": {
                "type": "LoadBalancer",
                "clusterIP": "10.0.0.1",
                "clusterIPs": ["10.0.0.1", "fd00::1"],
                "selector": {"app": "web"},
                "ports": [
                    {"name": "http", "port": 80, "targetPort": 8080, "appProtocol": "http2", "nodePort": 30080},
                    {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"},
                    {"port": 9000},
                ],
                "externalIPs": ["192.0.2.1"],
                "internalTrafficPolicy": "Local",
                "publishNotReadyAddresses": true,
                "trafficDistribution": "PreferClose",
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}, {"hostname": "lb.example"}]}},
        }),
    ));
    assert_eq!(plain.kind, ServiceType::LoadBalancer);
    assert_eq!(plain.cluster_ips, ["10.0.0.1", "fd00::1"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    assert!(!plain.headless && plain.node_local && plain.publish_not_ready);
    let ports: Vec<_> = plain
        .ports
        .iter()
        .map(|p| (&*p.name, p.port, p.transport, p.target.clone(), p.node_port, &*p.app_protocol))
        .collect();
    assert_eq!(
        ports,
        [
            ("http", 80, Transport::Tcp, TargetPort::Number(8080), 30080, "http2"),
            ("dns", 53, Transport::Udp, TargetPort::Name("dns".into()), 0, ""),
            ("", 9000, Transport::Tcp, TargetPort::Number(9000), 0, ""),
        ]
    );
    let external: Vec<&str> = plain.external_addresses.iter().map(|a| &**a).collect();
    assert_eq!(external, ["192.0.2.1", "192.0.2.2", "lb.example"]);

    for spec in [json!({"clusterIP": "None"}), json!({"clusterIPs": ["None"]})] {
        let headless = service(object("Service", "web", json!({"spec": spec})));
        assert!(headless.headless && headless.cluster_ips.is_empty());
    }
    let pending = service(object("Service", "web", json!({"spec": {"clusterIP": ""}})));
    assert!(!pending.headless && pending.cluster_ips.is_empty());
    let alias = json!({"spec": {"type": "ExternalName", "externalName": "a.example"}});
    assert_eq!(&*service(object("Service", "web", alias)).external_name, "a.example");
}

#[test]
fn pods() {
    let value = object(
        "Pod",
        "web-1",
        json!({
            "metadata": {
                "generateName": "web-",
                "deletionTimestamp": "2026-11-21T09:19:21Z",
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "1"},
                    {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "2", "controller": true},
                ],
            },
            "spec": {
                "nodeName": "node-a",
                "serviceAccountName": "web",
                "hostNetwork": true,
                "volumes": [{"name": "v", "configMap": {"name": "c", "defaultMode": "0644"}}, {"name": "e", "emptyDir": {"sizeLimit": 1024}}],
                "initContainers": [
                    {"name": "once", "ports": [{"containerPort": 1}]},
                    {"name": "proxy", "restartPolicy": "Always", "ports": [{"containerPort": 15090, "name": "metrics"}]},
                ],
                "containers": [{
                    "name": "c",
                    "resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": 0.5}},
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                }],
            },
            "status": {
                "phase": "Running",
                "podIP": "10.0.0.9",
                "podIPs": [{"ip": "10.0.0.9"}, {"ip": "fd00::9"}],
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }),
    );
    let Object::Pod(pod) = good(value) else { panic!("a pod") };
    assert_eq!(pod.owner.as_ref().map(|o| (&*o.kind, &*o.name)), Some(("ReplicaSet", "web")));
    assert_eq!((&*pod.generate_name, &*pod.node_name), ("web-", "node-a"));
    assert!(pod.ready && pod.terminating && pod.host_network && !pod.finished);
    assert_eq!(pod.ips, ["10.0.0.9", "fd00::9"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    let port =
        |name: &str, port| ContainerPort { name: name.into(), port, protocol: Transport::Tcp };
    assert_eq!(pod.ports, [port("", 8080), port("metrics", 15090)]);
}

#[test]
fn endpoint_slices() {
    let mut value = object(
        "EndpointSlice",
        "web-1",
        json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv6",
            "endpoints": [{
                "addresses": ["fd00::1"],
                "conditions": {"ready": false, "terminating": true},
                "hostname": "web-0",
                "nodeName": "node-a",
                "targetRef": {"kind": "Pod", "name": "web-0", "namespace": "default"},
            }],
            "ports": [{"name": "http", "port": 8080}, {"name": "all"}],
        }),
    );
    value["apiVersion"] = json!("discovery.k8s.io/v1");
    let slice = slice(value);
    assert_eq!((&*slice.service, slice.address_type), ("web", AddressType::V6));
    assert_eq!(slice.ports.len(), 1);
    let endpoint = &slice.endpoints[0];
    assert_eq!(
        (endpoint.ready, endpoint.serving, endpoint.terminating),
        (Some(false), None, Some(true))
    );
    assert_eq!((&*endpoint.pod, &*endpoint.hostname), ("web-0", "web-0"));
    assert_eq!(slice.ports_of(endpoint), &slice.ports[..]);
}

#[test]
fn endpoints_keep_the_ports_of_each_subset() {
    let subset =
        |ip: &str, port: u16| json!({"addresses": [{"ip": ip}], "ports": [{"port": port}]});
    let one = slice(object("Endpoints", "web", json!({"subsets": [subset("10.0.0.1", 80)]})));
    assert_eq!((&*one.service, one.ports[0].port), ("web", 80));
    assert_eq!(one.endpoints[0].ports, None);

    let mut second = subset("10.0.0.2", 81);
    second["notReadyAddresses"] = json!([{"ip": "10.0.0.3"}]);
    let subsets = json!({"subsets": [subset("10.0.0.1", 80), second]});
    let two = slice(object("Endpoints", "web", subsets));
    let ports: Vec<_> = two.endpoints.iter().map(|e| (e.ready, two.ports_of(e)[0].port)).collect();
    assert_eq!(ports, [(Some(true), 80), (Some(true), 81), (Some(false), 81)]);
}

#[test]
fn secrets_decode_and_never_show_their_values() {
    let value = object(
        "Secret",
        "tls",
        json!({
            "type": "kubernetes.io/tls",
            "data": {"tls.crt": "c2VjcmV0", "tls.key": "eA==", "other": "eA=="},
            "stringData": {"tls.key": "plain"},
        }),
    );
    let Object::Secret(secret) = good(value) else { panic!("a secret") };
    assert_eq!(&**secret.data["tls.crt"].expose(), b"secret");
    assert_eq!(&**secret.data["tls.key"].expose(), b"plain");
    assert_eq!(secret.data.len(), 2, "what nobody reads is not kept");
    assert!(!format!("{secret:?}").contains("plain"));
}

#[test]
fn secrets_that_tell_of_clusters_keep_all_keys() {
    let mut value = object("Secret", "remote", json!({"data": {"east": "eA=="}}));
    value["metadata"]["labels"] = json!({"istio/multiCluster": "true"});
    let Object::Secret(secret) = good(value) else { panic!("a secret") };
    assert_eq!(&**secret.data["east"].expose(), b"x");
}

#[test]
fn the_rest() {
    let config_map =
        object("ConfigMap", "c", json!({"data": {"mesh": "a"}, "binaryData": {"b": "eA=="}}));
    let Object::ConfigMap(config_map) = good(config_map) else { panic!("a config map") };
    assert_eq!(config_map.data.len(), 1);

    let addresses = json!([{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "ExternalIP", "address": "192.0.2.1"}]);
    let node =
        object("Node", "n", json!({"status": {"addresses": addresses, "capacity": {"cpu": 4}}}));
    let Object::Node(node) = good(node) else { panic!("a node") };
    assert_eq!(node.external_ips, ["192.0.2.1".parse::<IpAddr>().unwrap()]);

    let tcp = json!([{"route": [{"destination": {"host": "a"}}]}]);
    let rest = json!({"apiVersion": "networking.istio.io/v1", "spec": {"hosts": ["a"], "tcp": tcp}, "status": {"x": 1}});
    let Object::VirtualService(config) = good(object("VirtualService", "v", rest)) else {
        panic!("a virtual service")
    };
    assert_eq!(config.spec.hosts, ["a".into()]);
}
