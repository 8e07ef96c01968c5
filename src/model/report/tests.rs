use serde_json::{Value, json};

use super::*;
use crate::model::{Locality, ProxyKind};

fn name(ip: &str, network: &str, metadata: Value) -> Option<String> {
    let proxy = Proxy {
        id: Str::default(),
        kind: ProxyKind::Sidecar,
        ips: vec![ip.parse().unwrap()],
        workload_id: Str::default(),
        name: Str::default(),
        namespace: "shop".into(),
        dns_domain: Str::default(),
        cluster: Str::default(),
        network: network.into(),
        locality: Locality::default(),
        labels: Default::default(),
        service_account: Str::default(),
        node_name: Str::default(),
        istio_version: Str::default(),
        envoy_version: Str::default(),
        metadata,
        extensions: None,
    };
    proxy.workload_entry().map(|key| key.to_string())
}

#[test]
fn a_workload_entry_is_named_by_the_group_else_by_the_proxy() {
    let want = |name: &str| Some(format!("WorkloadEntry shop/{name}"));
    let group = json!({"AUTO_REGISTER_GROUP": "vms", "WORKLOAD_ENTRY": "own"});
    assert_eq!(name("10.0.0.7", "", group.clone()), want("vms-10.0.0.7"));
    assert_eq!(name("2001:db8::7", "west", group), want("vms-2001-db8--7-west"));
    assert_eq!(name("10.0.0.7", "", json!({"WORKLOAD_ENTRY": "own"})), want("own"));
    assert_eq!(name("10.0.0.7", "", json!({"WORKLOAD_ENTRY": ""})), None);
    let long = "g".repeat(300);
    let got = name("10.0.0.7", "", json!({"AUTO_REGISTER_GROUP": long})).unwrap();
    assert_eq!(got, format!("WorkloadEntry shop/{}-10.0.0.7", "g".repeat(253 - 9)));
}
