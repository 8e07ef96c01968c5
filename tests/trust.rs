//! Where the roots of the mesh go: to agents, to namespaces of several clusters, with what their CA revoked.

use std::path::Path;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, ResourceExt};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
};
use serde_json::json;

use crate::daemon::Daemon;
use crate::kube::Cluster;
use crate::xds::Proxy;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A root that others made.
struct Root {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Root {
    fn new(name: &str) -> Root {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Root { params, key, pem }
    }

    /// What it revoked.
    fn revoked(&self, serials: &[u64]) -> String {
        let of = |serial: &u64| RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: rcgen::date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update: rcgen::date_time_ymd(2049, 1, 1),
            crl_number: 1_u64.into(),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(of).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&Issuer::from_params(&self.params, &self.key)).unwrap().pem().unwrap()
    }

    /// Plugs it in.
    fn plug(&self, folder: &Path) {
        for name in ["ca-cert.pem", "cert-chain.pem", "root-cert.pem"] {
            std::fs::write(folder.join(name), &self.pem).unwrap();
        }
        std::fs::write(folder.join("ca-key.pem"), self.key.serialize_pem()).unwrap();
    }
}

fn mesh(roots: &[&str]) -> String {
    let entries: Vec<_> = roots.iter().map(|pem| json!({ "pem": pem })).collect();
    json!({ "caCertificates": entries }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_told_the_roots_of_the_mesh_and_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (own, one, two) = (Root::new("own"), Root::new("one"), Root::new("two"));
    own.plug(folder.path());
    std::fs::write(file("mesh.yaml"), mesh(&[&one.pem])).unwrap();
    let config = format!("--configDir={}/samples/shop", env!("CARGO_MANIFEST_DIR"));
    let mesh_config = format!("--meshConfig={}", file("mesh.yaml").display());
    let plugged = folder.path().display().to_string();
    let start = |more: &[(&str, &str)]| {
        let environment = [&[("ROOT_CA_DIR", &*plugged)], more].concat();
        let arguments = ["--grpcAddr=127.0.0.1:0", "--monitoringAddr=", "--ctrlz_port=0"];
        let arguments = [&[&*config, &*mesh_config][..], &arguments].concat();
        Daemon::start_with(&environment, &[&arguments[..], &["--secureGRPCAddr="]].concat())
    };
    let proxy = Proxy::new(&json!({
        "name": "agent",
        "id": "sidecar~10.0.0.9~web-agent.shop~shop.svc.cluster.local",
        "metadata": { "NAMESPACE": "shop", "INSTANCE_IPS": "10.0.0.9" },
    }));
    let mut daemon = start(&[("ISTIO_MULTIROOT_MESH", "true")]);
    let mut roots = proxy.roots(daemon.address("--grpcAddr")).await.unwrap();
    let mut until = async |want: [&str; 2]| {
        let mut want = want.map(str::to_owned);
        want.sort();
        let told = async { while roots.next().await.unwrap() != want {} };
        tokio::time::timeout(PATIENCE, told).await.unwrap();
    };
    until([&own.pem, &one.pem]).await;
    std::fs::write(file("mesh.yaml"), mesh(&["none", &two.pem])).unwrap();
    until([&own.pem, &two.pem]).await;
    drop(daemon);

    // Without the flag it is not even said that there are none.
    let mut daemon = start(&[]);
    let mut roots = proxy.roots(daemon.address("--grpcAddr")).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), roots.next()).await.is_err());
}

/// Waits until a ConfigMap says something, and returns it.
async fn until(client: &Client, namespace: &str, name: &str, key: &str, text: &str) -> ConfigMap {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let begun = Instant::now();
    loop {
        let map = maps.get_opt(name).await.unwrap();
        let told = map.as_ref().and_then(|map| map.data.as_ref()).and_then(|data| data.get(key));
        if told.is_some_and(|told| told == text) {
            return map.unwrap();
        }
        assert!(begun.elapsed() < PATIENCE, "{namespace}/{name} says {told:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_ask_for_it_get_the_roots_and_what_was_revoked() {
    let Some(own) = Cluster::private().await else { return };
    let Some(east) = Cluster::bare().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = Root::new("own");
    root.plug(folder.path());
    let list = folder.path().join("ca-crl.pem");
    std::fs::write(&list, root.revoked(&[])).unwrap();
    // A signature differs with each writing.
    let written = || std::fs::read_to_string(&list).unwrap();
    own.apply("{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}").await.unwrap();
    let kubeconfig = std::fs::read_to_string(east.kubeconfig()).unwrap();
    let secret = format!(
        "apiVersion: v1\nkind: Secret\n\
         metadata: {{name: east, namespace: istio-system, labels: {{istio/multiCluster: 'true'}}}}\n\
         stringData: {{east: {}}}\n",
        serde_json::to_string(&kubeconfig).unwrap()
    );
    own.apply(&secret).await.unwrap();
    let responsible = |clusters: &str| {
        format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: istio-system, \
             annotations: {{topology.istio.io/controlPlaneClusters: '{clusters}'}}}}}}\n---\n\
             {{apiVersion: v1, kind: Namespace, metadata: {{name: shop}}}}\n"
        )
    };
    east.apply(&responsible("other,own")).await.unwrap();

    let access = format!("--kubeconfig={}", own.kubeconfig().display());
    let plugged = folder.path().display().to_string();
    let environment = [("EXTERNAL_ISTIOD", "true"), ("ROOT_CA_DIR", &plugged)];
    let arguments = ["--clusterID=own", "--meshConfig=", "--grpcAddr=", "--ctrlz_port=0"];
    let more = ["--monitoringAddr=", "--secureGRPCAddr="];
    let _daemon = Daemon::start_with(&environment, &[&[&*access], &arguments[..], &more].concat());
    let clusters = [(&own, "default"), (&east, "shop")];
    for (cluster, namespace) in clusters {
        let (client, key) = (&cluster.client, "root-cert.pem");
        let map = until(client, namespace, "istio-ca-root-cert", key, &root.pem).await;
        assert_eq!(map.labels().get("istio.io/config").map(String::as_str), Some("true"));
        until(client, namespace, "istio-ca-crl", "ca-crl.pem", &written()).await;
    }
    // The lock there says that somebody from outside leads.
    let maps: Api<ConfigMap> = Api::namespaced(east.client.clone(), "istio-system");
    let lock = maps.get("istio-namespace-controller-election").await.unwrap();
    let leader = &lock.annotations()["control-plane.alpha.kubernetes.io/leader"];
    assert!(leader.contains("\"holderKey\":\"^default\""), "{leader}");

    // What is changed is corrected, and what is new goes everywhere.
    let change = "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio-ca-root-cert, namespace: shop}, data: {root-cert.pem: mine}}";
    east.apply(change).await.unwrap();
    until(&east.client, "shop", "istio-ca-root-cert", "root-cert.pem", &root.pem).await;
    std::fs::write(&list, root.revoked(&[7])).unwrap();
    for (cluster, namespace) in clusters {
        let text = written();
        until(&cluster.client, namespace, "istio-ca-crl", "ca-crl.pem", &text).await;
    }
    let told = Instant::now();
    east.apply("{apiVersion: v1, kind: Namespace, metadata: {name: late}}").await.unwrap();
    until(&east.client, "late", "istio-ca-root-cert", "root-cert.pem", &root.pem).await;
    assert!(told.elapsed() < Duration::from_secs(20), "namespaces are followed, not looked at");
}
