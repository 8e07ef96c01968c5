//! Who asks for the pods of its node, as ztunnel does.

use std::time::Duration;

use super::client::Told;
use super::mesh::Mesh;

/// Between two questions whether the control plane knows a pod, and how many of them there are.
const GLANCE: Duration = Duration::from_millis(100);
const GLANCES: usize = 600;

fn pod(namespace: &str, name: &str, account: &str, node: &str, ip: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  serviceAccountName: {account}
  nodeName: {node}
  terminationGracePeriodSeconds: 0
  containers: [{{name: main, image: none}}]
status:
  phase: Running
  podIP: {ip}
  podIPs: [{{ip: {ip}}}]
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_account_asks_for_the_pods_of_its_node_only() {
    let Some(mesh) = Mesh::new().await else { return };
    let (agent, namespace) = (&mesh.agent, &mesh.namespace.name);
    for account in ["ztunnel", "other", "nobody"] {
        mesh.account(account).await;
    }
    let pods = [
        pod(namespace, "ztunnel-a", "ztunnel", "node-a", "10.77.0.1"),
        pod(namespace, "web-a", "web", "node-a", "10.77.0.2"),
        pod(namespace, "other-b", "other", "node-b", "10.77.1.1"),
    ];
    mesh.cluster.apply(&pods.join("---\n")).await.unwrap();
    let trusted = format!("{namespace}/ztunnel");
    let (_daemon, address) = mesh.control_plane(&[("CA_TRUSTED_NODE_ACCOUNTS", &trusted)]);
    mesh.roots().await;
    agent.write("ztunnel", &mesh.token("ztunnel", "istio-ca", Some("ztunnel-a")).await);
    agent.write("unbound", &mesh.token("ztunnel", "istio-ca", None).await);
    agent.write("web", &mesh.token("web", "istio-ca", Some("web-a")).await);
    let identity = |account: &str| format!("spiffe://cluster.local/ns/{namespace}/sa/{account}");

    // The pods are known a moment after the first certificate could be had.
    let web = identity("web");
    let for_web = mesh.with(&["--token", "ztunnel", "--impersonate", &web]);
    for glance in 0.. {
        match agent.ask(&address, &for_web) {
            Told::Chain(_) => break,
            told => assert!(glance < GLANCES, "{told:?}"),
        }
        tokio::time::sleep(GLANCE).await;
    }
    let shown = agent.certificate(&address, &for_web);
    assert!(shown.contains(&format!("URI:{web}\n")), "{shown}");
    assert!(!shown.contains("sa/ztunnel"), "{shown}");

    let failure = "request impersonation authentication failure: ";
    let (other, nobody) = (identity("other"), identity("nobody"));
    let foreign = web.replace("cluster.local", "elsewhere");
    for (token, wanted, why) in [
        ("ztunnel", &other, format!("no pod of {other} runs on the node node-a of the caller")),
        ("ztunnel", &nobody, format!("no pod of {nobody} runs on the node node-a of the caller")),
        ("ztunnel", &foreign, format!("{foreign} is not of the caller's trust domain")),
        ("unbound", &web, "nothing tells on which node the caller is".to_owned()),
        ("web", &other, "the caller is none of the trusted node accounts".to_owned()),
    ] {
        let arguments = mesh.with(&["--token", token, "--impersonate", wanted]);
        let code = agent.refused(&address, &arguments, &format!("{failure}{why}"));
        assert_eq!(code, "UNAUTHENTICATED", "{token} for {wanted}");
    }
    // Without an other's name it gets its own.
    let shown = agent.certificate(&address, &mesh.with(&["--token", "ztunnel"]));
    assert!(shown.contains(&format!("URI:{}\n", identity("ztunnel"))), "{shown}");
}
