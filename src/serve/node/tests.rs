use proptest::prelude::*;
use prost::Message;
use serde_json::json;

use super::*;

const ID: &str = "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local";

fn value(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(flag) => Kind::BoolValue(*flag),
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        Json::String(text) => Kind::StringValue(text.clone()),
        Json::Array(items) => Kind::ListValue(crate::proto::envoy::google::protobuf::ListValue {
            values: items.iter().map(value).collect(),
        }),
        Json::Object(_) => Kind::StructValue(structure(json)),
    };
    Value { kind: Some(kind) }
}

fn structure(json: &Json) -> Struct {
    let fields = json.as_object().unwrap();
    Struct { fields: fields.iter().map(|(key, json)| (key.clone(), value(json))).collect() }
}

fn node(id: &str, metadata: &Json) -> core::Node {
    core::Node { id: id.into(), metadata: Some(structure(metadata)), ..core::Node::default() }
}

fn parse(node: &core::Node) -> Result<Proxy, Status> {
    Nodes::default().proxy(Some(&node.encode_to_vec()))
}

#[test]
fn reads_the_id_alone() {
    let proxy = parse(&core::Node { id: ID.into(), ..core::Node::default() }).unwrap();
    assert_eq!(proxy.kind, ProxyKind::Sidecar);
    assert_eq!(proxy.ips, ["10.0.0.1".parse::<IpAddr>().unwrap()]);
    assert_eq!((&*proxy.workload_id, &*proxy.name), ("web-1.shop", "web-1"));
    assert_eq!((&*proxy.namespace, &*proxy.dns_domain), ("shop", "shop.svc.cluster.local"));
    assert_eq!(proxy.extensions, None);
}

#[test]
fn metadata_wins_over_the_id() {
    let metadata = json!({
        "NAME": "web-2", "NAMESPACE": "store", "INSTANCE_IPS": "fd00::1, 10.0.0.2",
        "CLUSTER_ID": "c1", "NETWORK": "n1", "SERVICE_ACCOUNT": "web", "NODE_NAME": "node-a",
        "ISTIO_VERSION": "1.30.3", "LABELS": { "app": "web", "shard": 7, "istio-locality": "r.z.s" },
    });
    let proxy = parse(&node(ID, &metadata)).unwrap();
    assert_eq!((&*proxy.name, &*proxy.namespace), ("web-2", "store"));
    let ips: Vec<String> = proxy.ips.iter().map(ToString::to_string).collect();
    assert_eq!(ips, ["fd00::1", "10.0.0.2"]);
    assert_eq!((&*proxy.cluster, &*proxy.network), ("c1", "n1"));
    assert_eq!((&*proxy.service_account, &*proxy.node_name), ("web", "node-a"));
    assert_eq!(proxy.labels.get("shard").map(|v| &**v), Some("7"));
    assert_eq!(proxy.locality, Locality::parse("r/z/s"));
    assert_eq!(proxy.metadata, metadata, "whole numbers stay whole");
}

#[test]
fn refuses_what_is_no_node() {
    let check = |bytes: Option<&[u8]>, want: &str| {
        let status = Nodes::default().proxy(bytes).unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert!(status.message().starts_with(want), "{:?}, not {want:?}", status.message());
    };
    let id = |id: &str| core::Node { id: id.into(), ..core::Node::default() }.encode_to_vec();
    check(None, "missing node information");
    check(Some(&[]), "missing node ID");
    check(Some(&[0xff]), "node information: ");
    check(Some(&vec![0; MAX_NODE + 1]), "node information of 1048577 bytes");
    check(Some(&id("nonsense")), r#"missing parts in the service node "nonsense""#);
    check(Some(&id("a~b~c~d~e")), "missing parts in the service node");
    check(Some(&id("cat~10.0.0.1~a.b~b.svc")), "unknown kind");
    check(Some(&id("sidecar~~a.b~b.svc")), "no valid IP address in proxy");
}

#[test]
fn equal_builds_share_their_extensions() {
    let extension = |name: &str, disabled| core::Extension {
        name: name.into(),
        type_urls: vec![format!("type.{name}")],
        disabled,
        ..core::Extension::default()
    };
    let mut node = core::Node { id: ID.into(), ..core::Node::default() };
    node.extensions = vec![extension("a", false), extension("b", true)];
    let (nodes, bytes) = (Nodes::default(), node.encode_to_vec());
    let one = nodes.proxy(Some(&bytes)).unwrap().extensions.unwrap();
    let two = nodes.proxy(Some(&bytes)).unwrap().extensions.unwrap();
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!(one.len(), 1, "a disabled extension is one that it does not have");
    assert_eq!(&*one[0].type_urls[0], "type.a");
}

#[test]
fn tells_envoys_version() {
    let build = core::BuildVersion {
        version: Some(crate::proto::envoy::envoy::r#type::v3::SemanticVersion {
            major_number: 1,
            minor_number: 40,
            patch: 2,
        }),
        ..core::BuildVersion::default()
    };
    let node = core::Node {
        id: ID.into(),
        user_agent_version_type: Some(core::node::UserAgentVersionType::UserAgentBuildVersion(
            build,
        )),
        ..core::Node::default()
    };
    assert_eq!(&*parse(&node).unwrap().envoy_version, "1.40.2");
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), id in ".*") {
        let nodes = Nodes::default();
        let _ = nodes.proxy(Some(&bytes));
        let _ = nodes.proxy(Some(&core::Node { id, ..core::Node::default() }.encode_to_vec()));
    }
}

#[test]
fn a_cluster_may_be_told_by_another_name() {
    let nodes = Nodes::new(vec![("old".into(), "east".into())]);
    let cluster = |told: &str| {
        let node = node(ID, &json!({ "CLUSTER_ID": told }));
        nodes.proxy(Some(&node.encode_to_vec())).unwrap().cluster
    };
    assert_eq!(&*cluster("old"), "east");
    assert_eq!(&*cluster("west"), "west");
}
