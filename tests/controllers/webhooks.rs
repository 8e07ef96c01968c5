//! The webhook configurations of a real API server, kept by several replicas and revisions at once, beside others who
//! write to them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::kube::api::{Patch, PatchParams};
use ::kube::{Api, Client};
use istiod::controllers::webhooks::{Registration, Sort, run};
use istiod::controllers::writer::Pace;
use istiod::metrics::Metrics;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::PATIENCE;
use crate::kube::Cluster;
use crate::kube::cluster::config;
use crate::kube::faults::Faults;

/// Long enough for whoever wants to write once more.
const A_WHILE: Duration = Duration::from_secs(2);

const INJECTOR: &str = "rev.namespace.sidecar-injector.istio.io";
const VALIDATOR: &str = "rev.validation.istio.io";

/// A webhook that nobody answers.
fn webhook(name: &str) -> String {
    format!(
        "- name: {name}
  clientConfig: {{url: 'https://127.0.0.1:1/'}}
  rules: [{{apiGroups: [networking.istio.io], apiVersions: ['*'], operations: [CREATE], resources: [gateways]}}]
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
"
    )
}

/// A configuration of a revision.
fn configuration(kind: &str, name: &str, revision: &str, webhooks: &[&str]) -> String {
    let webhooks: String = webhooks.iter().map(|name| webhook(name)).collect();
    format!(
        "---
apiVersion: admissionregistration.k8s.io/v1
kind: {kind}
metadata: {{name: {name}, labels: {{istio.io/rev: {revision}}}}}
webhooks:
{webhooks}"
    )
}

/// A certificate in PEM.
fn root(name: &str) -> String {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem()
}

/// The mutating configurations of a cluster.
struct Mutating(Api<MutatingWebhookConfiguration>);

impl Mutating {
    async fn get(&self, name: &str) -> MutatingWebhookConfiguration {
        self.0.get(name).await.unwrap()
    }

    /// The roots of each webhook of a configuration.
    async fn roots(&self, name: &str) -> Vec<String> {
        let webhooks = self.get(name).await.webhooks.into_iter().flatten();
        let roots = webhooks.map(|webhook| webhook.client_config.ca_bundle.unwrap_or_default().0);
        roots.map(|roots| String::from_utf8(roots).unwrap()).collect()
    }

    /// Waits until the first webhook of a configuration has these roots.
    async fn until(&self, name: &str, roots: &str) {
        let start = Instant::now();
        while self.roots(name).await[0] != roots {
            assert!(start.elapsed() < PATIENCE, "{name} has other roots");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How often what a configuration says was changed since it was made.
    async fn changes(&self, name: &str) -> i64 {
        self.get(name).await.metadata.generation.unwrap() - 1
    }

    async fn patch(&self, name: &str, change: Value) {
        self.0.patch(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
    }
}

/// Replicas of a revision, which end when they are dropped.
struct Replicas {
    roots: watch::Sender<Option<istiod::api::Str>>,
    /// What they ask of the API server.
    between: Faults,
    _running: JoinSet<()>,
}

impl Replicas {
    async fn start(
        cluster: &Cluster,
        revision: &str,
        sort: Sort,
        count: usize,
        roots: &str,
    ) -> Self {
        let between = Faults::start(cluster.kubeconfig()).await.unwrap();
        let (roots, bundle) = watch::channel(Some(roots.into()));
        let registration =
            Registration { namespace: "default".into(), revision: revision.into(), bundle };
        let mut running = JoinSet::new();
        for _ in 0..count {
            let config = config(&between.kubeconfig()).await.unwrap();
            let client = Client::try_from(config).unwrap();
            let pace = Arc::new(Pace::new(Duration::from_millis(1), 10));
            let metrics = Arc::new(Metrics::new("test"));
            running.spawn(run(sort, registration.clone(), client, pace, metrics));
        }
        Replicas { roots, between, _running: running }
    }

    /// How often they tried to write since this was asked last.
    fn writes(&self) -> usize {
        let requests = self.between.requests();
        requests.iter().filter(|request| request.starts_with("PATCH ")).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_revision_writes_once_whatever_others_do() {
    let Some(cluster) = Cluster::private().await else { return };
    let kind = "MutatingWebhookConfiguration";
    let all = [
        configuration(kind, "injector", "default", &[INJECTOR, "other.example.com"]),
        configuration(kind, "tag-prod", "default", &[INJECTOR]),
        configuration(kind, "canary", "canary", &[INJECTOR]),
        configuration(kind, "stranger", "elsewhere", &[INJECTOR]),
    ];
    cluster.apply(&all.concat()).await.unwrap();
    let seen = Mutating(Api::all(cluster.client.clone()));
    let [first, second, other] = ["first", "second", "other"].map(root);
    let start = async |revision, count, roots| {
        Replicas::start(&cluster, revision, Sort::Mutating, count, roots).await
    };
    // Without a name the revision is the default.
    let replicas = start("", 3, &first).await;
    let canaries = start("canary", 2, &other).await;
    for (name, roots) in [("injector", &first), ("tag-prod", &first), ("canary", &other)] {
        seen.until(name, roots).await;
    }
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(seen.roots("injector").await, [&*first, ""], "others' webhooks are not ours");
    assert_eq!(seen.roots("stranger").await, [""]);
    for (name, changes) in [("injector", 1), ("tag-prod", 1), ("canary", 1), ("stranger", 0)] {
        assert_eq!(seen.changes(name).await, changes, "{name}");
    }
    assert!(replicas.writes() <= 6 && canaries.writes() <= 2, "each replica tries once at most");

    // What others change is theirs, and is answered with nothing.
    seen.patch("injector", json!({"metadata": {"annotations": {"owner": "us"}}})).await;
    let mut webhooks = serde_json::to_value(seen.get("injector").await.webhooks).unwrap();
    webhooks[0]["timeoutSeconds"] = json!(7);
    seen.patch("injector", json!({"webhooks": webhooks})).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!((replicas.writes(), canaries.writes()), (0, 0));

    // A new root is written once to each, and beside what others changed.
    replicas.roots.send_replace(Some(second.as_str().into()));
    seen.until("injector", &second).await;
    seen.until("tag-prod", &second).await;
    tokio::time::sleep(A_WHILE).await;
    let injector = seen.get("injector").await;
    assert_eq!(injector.webhooks.unwrap()[0].timeout_seconds, Some(7));
    assert_eq!(injector.metadata.annotations.unwrap()["owner"], "us");
    assert_eq!(seen.changes("injector").await, 3);
    assert_eq!(seen.changes("tag-prod").await, 2);

    // A configuration that changes hands is the other's from then on.
    seen.patch("tag-prod", json!({"metadata": {"labels": {"istio.io/rev": "canary"}}})).await;
    seen.until("tag-prod", &other).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(seen.changes("tag-prod").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_undoes_each_write_is_not_answered_each_time() {
    let Some(cluster) = Cluster::private().await else { return };
    let kind = "MutatingWebhookConfiguration";
    cluster.apply(&configuration(kind, "injector", "default", &[INJECTOR])).await.unwrap();
    let seen = Mutating(Api::all(cluster.client.clone()));
    let [ours, theirs] = ["ours", "theirs"].map(root);
    // Replicas of one revision that know different roots, and one that undoes what it sees.
    let replicas = Replicas::start(&cluster, "default", Sort::Mutating, 1, &ours).await;
    let others = Replicas::start(&cluster, "default", Sort::Mutating, 1, &theirs).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    // Each at once, and after 1, 2 and 4 seconds, give or take one.
    let writes = [replicas.writes(), others.writes()];
    assert!(writes.iter().all(|writes| (1..=6).contains(writes)), "{writes:?}");
    assert!(seen.changes("injector").await <= 10);

    // As soon as they agree there is peace.
    others.roots.send_replace(Some(ours.as_str().into()));
    seen.until("injector", &ours).await;
    tokio::time::sleep(A_WHILE).await;
    let _ = [replicas.writes(), others.writes()];
    tokio::time::sleep(A_WHILE).await;
    assert_eq!([replicas.writes(), others.writes()], [0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validation_that_nobody_answers_lets_everything_through() {
    let Some(cluster) = Cluster::private().await else { return };
    let kind = "ValidatingWebhookConfiguration";
    cluster.apply(&configuration(kind, "validator", "default", &[VALIDATOR])).await.unwrap();
    let api: Api<ValidatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let roots = root("ours");
    let replicas = Replicas::start(&cluster, "", Sort::Validating, 2, &roots).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let validator = api.get("validator").await.unwrap();
    let webhook = &validator.webhooks.unwrap()[0];
    assert_eq!(webhook.client_config.ca_bundle.as_ref().unwrap().0, roots.as_bytes());
    assert_eq!(webhook.failure_policy.as_deref(), Some("Ignore"));
    assert_eq!(validator.metadata.generation, Some(2), "the roots, once");
    let requests = replicas.between.requests();
    let tries = requests.iter().filter(|request| request.starts_with("POST ")).count();
    assert!((4..=12).contains(&tries), "{tries} attempts: {requests:?}");
    assert!(requests.iter().all(|r| !r.starts_with("POST ") || r.contains("dryRun=All")));
}
