//! Secrets of a cluster, for proxies that prove who they are with the token of their account.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;
use tokio::time::timeout;

use crate::daemon::Daemon;
use crate::kube::Cluster;
use crate::lab::authority::{Authority, Identity};
use crate::xds::{Proxy, Secrets};

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing must come to count as nothing.
const QUIET: Duration = Duration::from_secs(1);

async fn token(client: &Client, namespace: &str, account: &str) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let spec = TokenRequestSpec {
        audiences: Some(vec!["istio-ca".to_owned()]),
        expiration_seconds: Some(600),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer = accounts.create_token_request(account, &PostParams::default(), &request).await;
    answer.unwrap().status.unwrap().token.unwrap()
}

/// Two accounts, of which one may list secrets.
fn accounts(namespace: &str) -> String {
    let meta = |name: &str| json!({"name": name, "namespace": namespace});
    let rbac = "rbac.authorization.k8s.io";
    let objects = [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("edge")}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("web")}),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": meta("edge"),
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": meta("edge"),
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "edge"},
            "subjects": [{"kind": "ServiceAccount", "name": "edge", "namespace": namespace}],
        }),
    ];
    objects.iter().map(|object| format!("{object}\n---\n")).collect()
}

fn secret(namespace: &str, identity: &Identity) -> String {
    let data = json!({"tls.crt": identity.certificate, "tls.key": identity.key});
    let meta = json!({"name": "site", "namespace": namespace});
    let kind = "kubernetes.io/tls";
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": kind, "stringData": data}).to_string()
}

fn proxy(namespace: &str, account: &str) -> Proxy {
    Proxy::new(&json!({
        "name": account,
        "id": format!("router~10.0.0.1~{account}-1.{namespace}~{namespace}.svc.cluster.local"),
        "metadata": {"NAMESPACE": namespace, "SERVICE_ACCOUNT": account, "CLUSTER_ID": "Kubernetes"},
    }))
}

/// The next secret is this one.
async fn comes(stream: &mut Secrets, name: &str, identity: &Identity) {
    let got = timeout(PATIENCE, stream.next()).await.expect("in time").unwrap();
    let body = got.get(name).expect("the secret");
    let key = identity.key.as_bytes();
    assert!(body.windows(key.len()).any(|window| window == key), "another key came");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_list_secrets_gets_them() {
    let Some(cluster) = Cluster::shared().await else { return };
    let (namespace, foreign) = (cluster.namespace().await, cluster.namespace().await);
    let authority = Authority::new().unwrap();
    let [first, second, other] = [(); 3].map(|()| authority.certify("site").unwrap());
    cluster.apply(&accounts(&namespace.name)).await.unwrap();
    cluster.apply(&secret(&foreign.name, &other)).await.unwrap();
    let mut daemon = Daemon::start(&[
        &format!("--kubeconfig={}", cluster.kubeconfig().display()),
        &format!("--namespace={namespace}"),
        "--meshConfig=",
        "--grpcAddr=",
        "--monitoringAddr=",
        "--ctrlz_port=0",
        "--log_output_level=default:info,ads:warn,kube:warn",
        "--secureGRPCAddr=127.0.0.1:0",
    ]);
    let address = daemon.address("--secureGRPCAddr");
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &namespace.name);
    let ca = secrets.get("istio-ca-secret").await.unwrap().data.unwrap();
    let root = String::from_utf8(ca["root-cert.pem"].0.clone()).unwrap();
    let host = format!("istiod.{namespace}.svc");
    let open = async |account: &'static str, names: &[&str]| {
        let token = token(&cluster.client, &namespace.name, account).await;
        let proxy = proxy(&namespace.name, account);
        proxy.secrets(address, &host, &root, &token, names).await.unwrap()
    };
    let of_other = format!("kubernetes://{foreign}/site");
    let names = ["kubernetes://site", &of_other];
    let mut allowed = open("edge", &names).await;
    let mut denied = open("web", &names).await;
    assert!(timeout(QUIET, allowed.next()).await.is_err(), "there is none yet");
    cluster.apply(&secret(&namespace.name, &first)).await.unwrap();
    comes(&mut allowed, names[0], &first).await;
    cluster.apply(&secret(&namespace.name, &second)).await.unwrap();
    comes(&mut allowed, names[0], &second).await;
    // One that comes later is served what is there.
    comes(&mut open("edge", &names[..1]).await, names[0], &second).await;
    assert!(timeout(QUIET, denied.next()).await.is_err(), "who may not list secrets gets none");
    let (status, log) = daemon.stop();
    assert!(status.success(), "{status}\n{log}");
    let line = second.key.lines().nth(1).unwrap();
    assert!(!log.contains(line), "a key is in the log");
    let denial = format!("is not given to the account {namespace}/web: it may not list secrets");
    assert!(log.contains(&denial), "{log}");
    assert!(
        log.contains(&format!(
            "account {namespace}/edge: proxies get secrets of their own namespace"
        )),
        "{log}"
    );
}
