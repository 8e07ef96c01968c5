//! The daemon goes and comes back while requests flow.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::changes::knows;
use super::load::Load;
use super::traffic::request;
use crate::lab::Lab;
use crate::lab::client::line;
use crate::lab::sidecar::admin;
use crate::lab::wait::until;

/// Whether Envoy's stream to the daemon is up.
const CONNECTED: &str = "^control_plane.connected_state$";
/// What a needless change of configuration would move.
const CHURN: &str = "^(listener_manager.(listener_(added|modified|removed)|total_listeners_draining)\
    |cluster_manager.cluster_(added|modified|removed))$";

/// Answers with clusters and listeners, which may be empty.
const ANSWERS: &str = "^(cluster_manager.cds|listener_manager.lds).update_success$";
/// What the daemon sent, in bytes.
const RECEIVED: &str = "^cluster.xds-grpc.upstream_cx_rx_bytes_total$";
/// How much less an Envoy that tells what it has gets when it comes back: a few bytes instead of its whole
/// configuration.
const LESS: u64 = 10;

/// No request fails while the daemon goes, is away, and is back; no Envoy changes anything, and over delta
/// nothing that it has is sent again.
pub async fn no_request_is_lost(lab: &mut Lab) -> Result<()> {
    let before = counters(lab, CHURN).await?;
    let received = counters(lab, RECEIVED).await?;
    let answers = counters(lab, ANSWERS).await?;
    let load = Load::start(lab)?;
    lab.daemon.stop()?;
    until("every Envoy noticed", async || {
        let connected = counters(lab, CONNECTED).await?;
        Ok(connected.values().flat_map(BTreeMap::values).all(|up| *up == 0).then_some(()))
    })
    .await?;
    lab.start_daemon().await?;
    until("every Envoy got its answers", async || {
        Ok(all_grew(&answers, &counters(lab, ANSWERS).await?).then_some(()))
    })
    .await?;
    load.stop().await?;
    ensure_same(&before, &counters(lab, CHURN).await?)?;
    if lab.delta() { ensure_little(&received, &counters(lab, RECEIVED).await?) } else { Ok(()) }
}

/// What was removed while the daemon was away is removed from Envoys that come back, and what is there again
/// after the next absence is added.
pub async fn what_changed_meanwhile_arrives(lab: &mut Lab) -> Result<()> {
    const GONE: [&str; 2] = ["cart", "orders-db"];
    let files = GONE.map(|service| lab.config().join(format!("{service}.yaml")));
    let texts: Vec<_> = files.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    lab.daemon.stop()?;
    files.iter().try_for_each(std::fs::remove_file)?;
    lab.start_daemon().await?;
    for service in GONE {
        knows(lab, service, false).await?;
    }
    let web = lab.pod("web")?.namespace.clone();
    until("the listener of the database is gone", async || {
        let listeners = admin(&web, "/listeners").await?;
        Ok((!listeners.contains(":5432")).then_some(()))
    })
    .await?;
    lab.daemon.stop()?;
    files.iter().zip(texts).try_for_each(|(file, text)| std::fs::write(file, text))?;
    lab.start_daemon().await?;
    until("the cart answers", async || Ok(request(lab, "web", "cart", 8080).await.ok())).await?;
    let database = lab.objects.address("orders-db", "shop", 5432)?;
    until("the database answers", async || Ok(line(&web, database, "select 3").await.ok())).await?;
    Ok(())
}

type Counters = BTreeMap<String, BTreeMap<String, u64>>;

async fn counters(lab: &Lab, filter: &str) -> Result<Counters> {
    let mut counters = Counters::new();
    for pod in lab.pods().filter(|pod| pod.spec.sidecar) {
        let stats = pod.sidecar()?.stats(&pod.namespace, filter).await?;
        ensure!(!stats.is_empty(), "{} has no counters {filter}", pod.spec.name);
        counters.insert(pod.spec.name.clone(), stats);
    }
    Ok(counters)
}

fn all_grew(before: &Counters, after: &Counters) -> bool {
    let grew = |pod: &str, name: &str, value: u64| before[pod][name] < value;
    after.iter().all(|(pod, stats)| stats.iter().all(|(name, value)| grew(pod, name, *value)))
}

fn ensure_same(before: &Counters, after: &Counters) -> Result<()> {
    for (pod, before) in before {
        let after = after.get(pod).with_context(|| format!("{pod} is gone"))?;
        ensure!(before == after, "{pod} changed needlessly: {before:?} became {after:?}");
    }
    Ok(())
}

fn ensure_little(before: &Counters, after: &Counters) -> Result<()> {
    let sum = |counters: &Counters| counters.values().flat_map(BTreeMap::values).sum::<u64>();
    let (first, again) = (sum(before), sum(after) - sum(before));
    ensure!(again * LESS < first, "{first} bytes were sent at first, and {again} again");
    Ok(())
}
