use super::{NetworkGateway, Networks};

fn gateway(address: &str, cluster: &str) -> NetworkGateway {
    let (address, cluster) = (address.into(), cluster.into());
    NetworkGateway { address, port: Some(15443), cluster, origin: None }
}

fn networks(gateways: &[(&str, &str, &str)]) -> Networks {
    let named = gateways
        .iter()
        .map(|(network, address, cluster)| ((*network).into(), gateway(address, cluster)));
    Networks::new(named, Vec::new())
}

#[test]
fn weights_scale_so_that_every_network_can_share_them() {
    let check = |gateways: &[(&str, &str, &str)], want: u32| {
        assert_eq!(networks(gateways).resolved.scale(), want, "{gateways:?}");
    };
    check(&[], 1);
    check(&[("n1", "1.1.1.1", "")], 1);
    check(&[("n1", "1.1.1.1", ""), ("n1", "1.1.1.1", "")], 1);
    check(&[("n1", "1.1.1.1", ""), ("n1", "1.1.1.2", "")], 2);
    let three = [("n2", "2.1.1.1", ""), ("n2", "2.1.1.2", ""), ("n2", "2.1.1.3", "")];
    check(&three, 3);
    check(&[&three[..], &[("n1", "1.1.1.1", ""), ("n1", "1.1.1.2", "")]].concat(), 6);
    // Three in the network, two of which are one cluster's.
    check(&[("n2", "2.1.1.1", "a"), ("n2", "2.1.1.2", "a"), ("n2", "2.1.1.3", "b")], 6);
}

#[test]
fn gateways_of_the_own_cluster_lead_there_first() {
    let networks = networks(&[
        ("n1", "1.1.1.2", "a"),
        ("n1", "1.1.1.1", "b"),
        ("n1", "gw.example.com", ""),
        ("n2", "2.1.1.1", "a"),
    ]);
    let check = |network: &str, cluster: &str, want: &[&str], all: &[&str]| {
        let addresses = |gateways: &super::NetworkGateways| -> Vec<String> {
            gateways.to(network, cluster).map(|g| g.address.to_string()).collect()
        };
        assert_eq!(addresses(&networks.resolved), want, "{network} {cluster}");
        assert_eq!(addresses(&networks.all), all, "{network} {cluster}");
    };
    check("n1", "a", &["1.1.1.2"], &["1.1.1.2"]);
    check("n1", "c", &["1.1.1.1", "1.1.1.2"], &["1.1.1.1", "1.1.1.2", "gw.example.com"]);
    check("n3", "a", &[], &[]);
    assert!(Networks::default().resolved.is_empty());
}
