//! The API server goes, fails and lies while requests flow: none is lost, what changes arrives, and the daemon is ready
//! all the time.
//!
//! A small mesh whose daemon follows a private API server through a proxy that misbehaves as it is told. Each trial
//! changes objects while something is wrong: a service is deleted and recreated with another address and another pod,
//! and so is a rule, whose mark requests carry from then on. `ISTIOD_TEST_OUTAGE` says for how many seconds
//! the server is away.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http::StatusCode;
use tempfile::TempDir;

use super::load::Load;
use super::traffic::request;
use crate::kube::Cluster;
use crate::kube::faults::{Fault, Faults};
use crate::lab::client::get;
use crate::lab::daemon::is_ready;
use crate::lab::wait::until_within;
use crate::lab::{Lab, Settings, installed_envoy, obstacle};
use crate::skip::skipped;

/// How many seconds the server is away unless the environment tells. The daemon has waited a few times by then, each
/// time longer.
const OUTAGE: u64 = 5;
/// Longer than it takes to notice that the server is back: the daemon looks every 30 s at last.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a watch must last before it counts as working; after that, the next trouble is met without patience.
const CALM: Duration = Duration::from_millis(1_200);
/// Between two looks at readiness.
const GLANCE: Duration = Duration::from_millis(100);
/// What the daemon may keep when all is over: caches and fragments, but nothing that grows with trials.
const GROWTH: f64 = 16e6;

/// The pods of the mesh: a client, and two servers behind the catalog.
const FILES: [&str; 4] = ["namespaces.yaml", "nodes.yaml", "web.yaml", "catalog.yaml"];
/// The network of services in the samples, and that of the API server.
const NETWORKS: [&str; 2] = ["10.61.0.", "10.96.0."];
/// The pods that the service of trials has, in turn.
const PODS: [(&str, &str); 2] =
    [("catalog-v1-5c8f7b9d66-h5rqn", "10.60.1.20"), ("catalog-v2-68d7c5b4f9-t9vcl", "10.60.2.20")];

/// What goes wrong with requests whose path and query have a text; of each, what counts first comes first.
type Faulty = &'static [(&'static str, Fault)];

/// Lists that are streamed have this in their query, and so do no watches that go on from a version.
const LISTS: &str = "sendInitialEvents=true";
const WATCHES: &str = "watch=true";

/// Troubles in which nothing is heard of changes.
const DEAF: [(&str, Faulty); 4] = [
    ("429", &[("/", Fault::Status(StatusCode::TOO_MANY_REQUESTS))]),
    ("500", &[("/", Fault::Status(StatusCode::INTERNAL_SERVER_ERROR))]),
    ("events are torn", &[("/", Fault::Torn(700))]),
    ("lists are torn", &[(LISTS, Fault::Torn(700)), (WATCHES, Fault::Expired)]),
];
/// Troubles that changes come through.
const THROUGH: [(&str, Faulty); 2] = [
    ("410", &[(LISTS, Fault::Slow(Duration::ZERO)), (WATCHES, Fault::Expired)]),
    ("slow", &[("/", Fault::Slow(Duration::from_millis(400)))]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_whatever_the_api_server_does() {
    let envoy = installed_envoy();
    if let Some(obstacle) = obstacle(&envoy) {
        skipped(obstacle);
        return;
    }
    let Some(cluster) = Cluster::private().await else { return };
    let (mut world, mut lab) =
        World::start(cluster, envoy).await.unwrap_or_else(|error| panic!("{error:#}"));
    if let Err(error) = world.run(&mut lab).await {
        panic!("{error:#}\n{}", lab.logs());
    }
}

/// The API server, and what stands before it.
struct World {
    cluster: Cluster,
    faults: Faults,
    /// How often objects were changed.
    changes: usize,
    _samples: TempDir,
}

impl World {
    async fn start(cluster: Cluster, envoy: PathBuf) -> Result<(World, Lab)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let samples = tempfile::tempdir()?;
        for file in FILES {
            let text = std::fs::read_to_string(root.join("samples/shop").join(file))?;
            let text = text.replace(NETWORKS[0], NETWORKS[1]);
            // A server wants to know which object an owner was.
            let owned =
                text.replace("    controller: true\n", "    controller: true\n    uid: a\n");
            cluster.apply(&owned).await?;
            std::fs::write(samples.path().join(file), text)?;
        }
        let hub = Lab::new_hub()?;
        let socket = hub.listen("127.0.0.1:0".parse()?)?.into_std()?;
        let faults = Faults::start_on(socket, cluster.kubeconfig()).await?;
        let settings = Settings {
            istiod: env!("CARGO_BIN_EXE_istiod").into(),
            envoy,
            objects: samples.path().to_owned(),
            kubeconfig: Some(faults.kubeconfig()),
            mesh: root.join("samples/mesh.yaml"),
            delta: true,
        };
        let lab = Lab::start_around(hub, settings).await?;
        Ok((World { cluster, faults, changes: 0, _samples: samples }, lab))
    }

    async fn run(&mut self, lab: &mut Lab) -> Result<()> {
        let load = Load::start(lab)?;
        let before = tokio::select! {
            tried = self.trials(lab) => tried?,
            failed = stays_ready(lab) => match failed? {},
        };
        let requests = load.stop().await?;
        let after = memory(lab).await?;
        println!("{requests} requests; {before} bytes before and {after} after");
        ensure!(after < before + GROWTH, "{before} bytes became {after}");
        lab.daemon.stop()
    }

    /// All trials. Returns what the daemon needed before them.
    async fn trials(&mut self, lab: &Lab) -> Result<f64> {
        let begun = Instant::now();
        self.change().await?;
        self.arrives(lab).await?;
        let before = memory(lab).await?;
        self.away(lab).await.context("the server is away")?;
        for (name, faults) in DEAF {
            self.deaf(lab, faults).await.context(name)?;
            println!("{name}: {:?}", begun.elapsed());
        }
        for (name, faults) in THROUGH {
            self.through(lab, faults).await.context(name)?;
            println!("{name}: {:?}", begun.elapsed());
        }
        Ok(before)
    }

    /// The server is away for a while, and changes as soon as it is back, when the daemon does not know yet.
    async fn away(&mut self, lab: &Lab) -> Result<()> {
        let told = std::env::var("ISTIOD_TEST_OUTAGE").ok();
        let seconds = told.map(|told| told.parse()).transpose()?.unwrap_or(OUTAGE);
        self.cluster.stop();
        is_stale(lab, true).await?;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        is_stale(lab, true).await?;
        self.cluster.start().await;
        let begun = Instant::now();
        // A server that begins does not serve our kinds at once.
        until_within(PATIENCE, "the server takes changes", async || Ok(self.change().await.ok()))
            .await?;
        self.arrives(lab).await?;
        println!("away for {seconds} s: changes arrived after {:?}", begun.elapsed());
        is_stale(lab, false).await
    }

    /// Objects change while nothing is heard of it.
    async fn deaf(&mut self, lab: &Lab, faults: Faulty) -> Result<()> {
        self.begin(faults).await;
        self.change().await?;
        is_stale(lab, true).await?;
        self.faults.heal();
        self.arrives(lab).await?;
        is_stale(lab, false).await
    }

    /// Objects change, and that is heard in the end.
    async fn through(&mut self, lab: &Lab, faults: Faulty) -> Result<()> {
        self.begin(faults).await;
        self.change().await?;
        self.arrives(lab).await?;
        self.faults.heal();
        is_stale(lab, false).await?;
        let asked = self.faults.requests();
        let expires = faults.iter().any(|(_, fault)| matches!(fault, Fault::Expired));
        let listed = asked.iter().filter(|request| request.contains(LISTS)).count();
        ensure!(listed > 0 || !expires, "no list was read");
        Ok(())
    }

    /// From now on these faults are met, also by those who watch already.
    async fn begin(&self, faults: Faulty) {
        tokio::time::sleep(CALM).await;
        faults.iter().for_each(|(text, fault)| self.faults.inject(text, *fault));
        self.faults.cut();
        self.faults.requests();
    }

    /// Deletes objects and makes others of the same names.
    async fn change(&mut self) -> Result<()> {
        let change = self.changes + 1;
        let (pod, ip) = PODS[change % PODS.len()];
        let objects = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: trial, namespace: shop}}\n\
             spec: {{clusterIP: {vip}, ports: [{{name: http, port: 8080}}]}}\n---\n\
             apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata:\n  \
             name: trial-1\n  namespace: shop\n  labels: {{kubernetes.io/service-name: trial}}\n\
             ports: [{{name: http, port: 8080}}]\nendpoints:\n- addresses: [{ip}]\n  \
             targetRef: {{kind: Pod, name: {pod}, namespace: shop}}\n---\n\
             apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
             metadata: {{name: trial, namespace: shop}}\nspec:\n  hosts: [catalog]\n  http:\n  \
             - headers: {{request: {{set: {{x-change: '{change}'}}}}}}\n    \
             route: [{{destination: {{host: catalog}}}}]\n",
            vip = vip(change),
        );
        self.cluster.delete(&objects).await?;
        self.cluster.apply(&objects).await?;
        self.changes = change;
        Ok(())
    }

    /// Waits until requests go as the last change says.
    async fn arrives(&self, lab: &Lab) -> Result<()> {
        let change = self.changes.to_string();
        let (pod, _) = PODS[self.changes % PODS.len()];
        let to = (vip(self.changes), 8080);
        let web = &lab.pod("web")?.namespace;
        until_within(PATIENCE, &format!("change {change} arrived"), async || {
            if request(lab, "web", "catalog", 8080).await?.header("x-change") != change {
                return Ok(None);
            }
            let answer = get(web, to.into(), "trial.shop:8080", "/").await;
            let echo = answer.and_then(|answer| answer.echo());
            Ok(echo.is_ok_and(|echo| echo.pod == pod).then_some(()))
        })
        .await
    }
}

/// The address of the service of trials. Another each time: a server keeps those of services that are gone for a while.
fn vip(change: usize) -> std::net::Ipv4Addr {
    [10, 96, 7, u8::try_from(change).unwrap_or(u8::MAX)].into()
}

/// Fails as soon as the daemon is not ready.
async fn stays_ready(lab: &Lab) -> Result<Infallible> {
    while is_ready(lab.hub()).await? {
        tokio::time::sleep(GLANCE).await;
    }
    bail!("the daemon is not ready any more")
}

/// Waits until metrics say that some of the cluster cannot be followed, or that all can.
async fn is_stale(lab: &Lab, want: bool) -> Result<()> {
    until_within(PATIENCE, &format!("stale: {want}"), async || {
        let since = lab.daemon.metrics(lab.hub(), "istiod_kubernetes_stale_since_seconds").await?;
        Ok((since.iter().any(|(_, since)| *since > 0.0) == want).then_some(()))
    })
    .await
}

/// What the daemon needs now, in bytes.
async fn memory(lab: &Lab) -> Result<f64> {
    let metrics = lab.daemon.metrics(lab.hub(), "process_resident_memory_bytes").await?;
    Ok(metrics.first().context("there is no such metric")?.1)
}
