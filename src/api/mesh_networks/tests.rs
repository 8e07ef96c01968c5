use super::{Gateway, MeshNetworks, Network, NetworkEndpoints};

fn issues(network: Network) -> Vec<String> {
    let networks = [("net1".into(), network)].into();
    let issues = MeshNetworks { networks }.validate().0;
    issues.into_iter().map(|issue| issue.path.to_string()).collect()
}

#[test]
fn every_rule_of_a_network() {
    let endpoints = |cidr: Option<&str>, registry: Option<&str>, want: &[&str]| {
        let part = NetworkEndpoints {
            from_cidr: cidr.map(Into::into),
            from_registry: registry.map(Into::into),
        };
        let got = issues(Network { endpoints: vec![part], ..Network::default() });
        assert_eq!(got, want, "{cidr:?} {registry:?}");
    };
    endpoints(Some("10.0.0.0/8"), None, &[]);
    endpoints(Some("10.0.0.0"), None, &["networks.net1.endpoints[0].fromCidr"]);
    endpoints(None, Some("Kubernetes"), &[]);
    endpoints(None, Some("not a cluster"), &["networks.net1.endpoints[0].fromRegistry"]);
    endpoints(None, None, &[]);
    endpoints(Some("10.0.0.0/8"), Some("c1"), &["networks.net1.endpoints[0]"]);

    let gateway = |service: Option<&str>, address: Option<&str>, port: u32, want: &[&str]| {
        let gateway = Gateway {
            registry_service_name: service.map(Into::into),
            address: address.map(Into::into),
            port,
            ..Gateway::default()
        };
        let got = issues(Network { gateways: vec![gateway], ..Network::default() });
        assert_eq!(got, want, "{service:?} {address:?} {port}");
    };
    gateway(None, Some("192.0.2.1"), 15443, &[]);
    gateway(None, Some("gw.example.com"), 443, &[]);
    gateway(None, Some("not an address"), 443, &["networks.net1.gateways[0].address"]);
    gateway(Some("gw.default.svc.cluster.local"), None, 443, &[]);
    gateway(Some("gw..local"), None, 443, &["networks.net1.gateways[0].registryServiceName"]);
    gateway(None, Some("192.0.2.1"), 0, &["networks.net1.gateways[0].port"]);
    gateway(Some("gw.example.com"), Some("192.0.2.1"), 1, &["networks.net1.gateways[0]"]);
}
