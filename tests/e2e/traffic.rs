//! Where requests arrive, and as whose.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Result, ensure};

use crate::lab::client::{call, get, line};
use crate::lab::toy::Echo;
use crate::lab::{Lab, OUTSIDE, OUTSIDE_PORTS};

/// The header in which a sidecar tells the application who called.
const CALLER: &str = "x-forwarded-client-cert";
/// Requests after which it is as good as certain (1 in 2^31) that each of two endpoints got one.
pub const ENOUGH: usize = 32;

/// Sends a request from `client`'s application to a port of a service, by its address.
pub async fn request(lab: &Lab, client: &str, service: &str, port: u16) -> Result<Echo> {
    let to = lab.objects.address(service, "shop", port)?;
    let host = format!("{service}.shop:{port}");
    get(&lab.pod(client)?.namespace, to, &host, "/e2e").await?.echo()
}

/// The pods that answer a number of requests.
pub async fn answering(lab: &Lab, client: &str, service: &str) -> Result<BTreeSet<String>> {
    let mut pods = BTreeSet::new();
    for _ in 0..ENOUGH {
        pods.insert(request(lab, client, service, 8080).await?.pod);
    }
    Ok(pods)
}

/// Whether a request came over mTLS, from one account to another.
pub fn ensure_mtls(echo: &Echo, client: &str, server: &str) -> Result<()> {
    let spiffe = |account: &str| format!("spiffe://cluster.local/ns/shop/sa/{account}");
    let caller = echo.header(CALLER);
    let (by, from) = (format!("By={}", spiffe(server)), format!("URI={}", spiffe(client)));
    let parts: Vec<&str> = caller.split(';').collect();
    ensure!(parts.contains(&&*by) && parts.contains(&&*from), "{CALLER} is {caller:?}: {echo:?}");
    Ok(())
}

fn ensure_pod(echo: &Echo, workload: &str) -> Result<()> {
    ensure!(echo.pod.starts_with(&format!("{workload}-")), "{} answered", echo.pod);
    Ok(())
}

pub async fn envoys_accept_everything(lab: &mut Lab) -> Result<()> {
    for pod in lab.pods().filter(|pod| pod.spec.sidecar) {
        pod.sidecar()?.accepted_all(&pod.namespace).await?;
    }
    Ok(())
}

pub async fn http_goes_by_mtls(lab: &mut Lab) -> Result<()> {
    let echo = request(lab, "web", "catalog", 8080).await?;
    ensure_pod(&echo, "catalog")?;
    ensure_mtls(&echo, "web", "catalog")?;
    ensure!(echo.path == "/e2e", "the path arrived as {}", echo.path);
    ensure!(echo.protocol == "HTTP/1.1", "the request arrived as {}", echo.protocol);
    // The port of the service is not that of the pod.
    let echo = request(lab, "cart", "web", 80).await?;
    ensure_pod(&echo, "web")?;
    ensure_mtls(&echo, "cart", "web")
}

pub async fn every_form_of_a_name_is_known(lab: &mut Lab) -> Result<()> {
    let to = lab.objects.address("catalog", "shop", 8080)?;
    let ends = ["", ".shop", ".shop.svc", ".shop.svc.cluster.local"];
    let hosts = ends.iter().map(|end| format!("catalog{end}")).chain([to.ip().to_string()]);
    for host in hosts.flat_map(|host| [format!("{host}:8080"), host]) {
        let echo = get(&lab.pod("web")?.namespace, to, &host, "/").await?.echo()?;
        ensure_mtls(&echo, "web", "catalog")?;
        ensure!(echo.header("host") == host, "{host} arrived as {}", echo.header("host"));
    }
    Ok(())
}

pub async fn both_versions_are_used(lab: &mut Lab) -> Result<()> {
    let pods = answering(lab, "web", "catalog").await?;
    ensure!(pods.len() == 2, "{pods:?} answered");
    Ok(())
}

pub async fn endpoints_come_from_pods(lab: &mut Lab) -> Result<()> {
    let echo = request(lab, "web", "cart", 8080).await?;
    ensure_pod(&echo, "cart")?;
    ensure_mtls(&echo, "web", "cart")
}

pub async fn grpc_goes_by_mtls(lab: &mut Lab) -> Result<()> {
    let to = lab.objects.address("payment", "shop", 9000)?;
    let echo = call(&lab.pod("web")?.namespace, to, "payment:9000", "12.50").await?;
    ensure_pod(&echo, "payment")?;
    ensure_mtls(&echo, "web", "payment")?;
    ensure!(echo.message == "12.50", "the message arrived as {:?}", echo.message);
    ensure!(echo.protocol == "HTTP/2.0", "the call arrived as {}", echo.protocol);
    Ok(())
}

pub async fn tcp_goes_by_mtls(lab: &mut Lab) -> Result<()> {
    let to = lab.objects.address("orders-db", "shop", 5432)?;
    let before = handshakes(lab, "orders-db-0").await?;
    let answer = line(&lab.pod("web")?.namespace, to, "select 1").await?;
    ensure!(answer == "orders-db-0 select 1", "the answer is {answer:?}");
    let after = handshakes(lab, "orders-db-0").await?;
    ensure!(after == before + 1, "{before} TLS handshakes before and {after} after");
    Ok(())
}

async fn handshakes(lab: &Lab, pod: &str) -> Result<u64> {
    let pod = lab.pod(pod)?;
    let filter = "^listener.0.0.0.0_15006.ssl.handshake$";
    Ok(pod.sidecar()?.stats(&pod.namespace, filter).await?.into_values().sum())
}

pub async fn headless_pods_are_reached_one_by_one(lab: &mut Lab) -> Result<()> {
    for name in ["sessions-0", "sessions-1"] {
        let to = (lab.pod(name)?.spec.ip, 8080).into();
        let host = format!("{name}.sessions.shop.svc.cluster.local:8080");
        let echo = get(&lab.pod("web")?.namespace, to, &host, "/").await?.echo()?;
        ensure!(echo.pod == name, "{} answered for {name}", echo.pod);
        ensure_mtls(&echo, "web", "sessions")?;
    }
    Ok(())
}

pub async fn pods_without_sidecar_are_reached_in_plaintext(lab: &mut Lab) -> Result<()> {
    let to = lab.objects.address("mail", "legacy", 8025)?;
    let web = lab.pod("web")?;
    let echo = get(&web.namespace, to, "mail.legacy:8025", "/").await?.echo()?;
    ensure_pod(&echo, "mail")?;
    ensure!(echo.header(CALLER).is_empty(), "plaintext carries an identity: {echo:?}");
    ensure!(echo.peer.ip() == web.spec.ip, "the peer is {}", echo.peer);
    Ok(())
}

pub async fn pods_without_sidecar_reach_the_mesh(lab: &mut Lab) -> Result<()> {
    let cart = lab.pod("cart")?.spec.ip;
    let mail = lab.pod("mail")?;
    let echo = get(&mail.namespace, (cart, 8080).into(), "cart.shop:8080", "/").await?.echo()?;
    ensure_pod(&echo, "cart")?;
    ensure!(echo.header(CALLER).is_empty(), "plaintext carries an identity: {echo:?}");
    let db = lab.pod("orders-db-0")?.spec.ip;
    let answer = line(&mail.namespace, (db, 5432).into(), "select 2").await?;
    ensure!(answer == "orders-db-0 select 2", "the answer is {answer:?}");
    Ok(())
}

/// On a port that no service has, and on one that services have.
pub async fn unknown_destinations_are_passed_through(lab: &mut Lab) -> Result<()> {
    for port in OUTSIDE_PORTS {
        let to = SocketAddr::from((OUTSIDE, port));
        let echo = get(&lab.pod("web")?.namespace, to, "example.com", "/").await?.echo()?;
        ensure!(echo.pod == "outside", "{} answered on port {port}", echo.pod);
    }
    Ok(())
}
