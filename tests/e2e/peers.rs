//! Which connections workloads take, while PeerAuthentications come, change and go.

use anyhow::{Result, ensure};

use super::load::Load;
use super::traffic::{ensure_mtls, request};
use crate::lab::Lab;
use crate::lab::client::{get, line};
use crate::lab::wait::until;

/// The header in which a sidecar tells the application who called.
const CALLER: &str = "x-forwarded-client-cert";
const FILE: &str = "peer-authentication.yaml";

fn policy(lab: &Lab, spec: &str) -> Result<()> {
    let head = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: modes, namespace: shop}\n";
    Ok(std::fs::write(lab.config().join(FILE), format!("{head}spec: {spec}\n"))?)
}

/// Whether the cart takes a request in plain text, and the database a connection, from a pod that is not in the mesh.
async fn taken(lab: &Lab) -> Result<(bool, bool)> {
    let mail = &lab.pod("mail")?.namespace;
    let (cart, db) = (lab.pod("cart")?.spec.ip, lab.pod("orders-db-0")?.spec.ip);
    let http = get(mail, (cart, 8080).into(), "cart.shop:8080", "/").await;
    let tcp = line(mail, (db, 5432).into(), "select 3").await;
    let answered = tcp.is_ok_and(|answer| answer == "orders-db-0 select 3");
    Ok((http.is_ok_and(|answer| answer.status == 200), answered))
}

async fn until_taken(lab: &Lab, want: (bool, bool)) -> Result<()> {
    until(&format!("plain text is taken: {want:?}"), async || {
        Ok((taken(lab).await? == want).then_some(()))
    })
    .await
}

/// Waits until the cart learns who called, or learns it no more. Client and server change their minds one after the other,
/// so that a request between may fail.
async fn until_caller(lab: &Lab, want: bool) -> Result<()> {
    until(&format!("the cart knows its caller: {want}"), async || {
        let echo = request(lab, "web", "cart", 8080).await.ok();
        Ok(echo.filter(|echo| echo.header(CALLER).is_empty() != want).map(|_| ()))
    })
    .await
}

/// The mesh goes on while nobody else gets in any more.
pub async fn strict_refuses_plaintext(lab: &mut Lab) -> Result<()> {
    ensure!(taken(lab).await? == (true, true), "plain text was refused before");
    let load = Load::start(lab)?;
    policy(lab, "{mtls: {mode: STRICT}}")?;
    until_taken(lab, (false, false)).await?;
    load.stop().await?;
    ensure_mtls(&request(lab, "web", "cart", 8080).await?, "web", "cart")?;
    let db = lab.objects.address("orders-db", "shop", 5432)?;
    let answer = line(&lab.pod("web")?.namespace, db, "select 4").await?;
    ensure!(answer == "orders-db-0 select 4", "the answer is {answer:?}");
    Ok(())
}

pub async fn one_port_takes_plaintext(lab: &mut Lab) -> Result<()> {
    let ports = "portLevelMtls: {8080: {mode: PERMISSIVE}}";
    policy(
        lab,
        &format!("{{selector: {{matchLabels: {{app: cart}}}}, mtls: {{mode: STRICT}}, {ports}}}"),
    )?;
    // Of the others nothing is said any more.
    until_taken(lab, (true, true)).await?;
    ensure_mtls(&request(lab, "web", "cart", 8080).await?, "web", "cart")
}

/// Clients of the mesh notice that nobody ends mTLS, and send plain text.
pub async fn without_mtls_clients_send_plaintext(lab: &mut Lab) -> Result<()> {
    policy(lab, "{selector: {matchLabels: {app: cart}}, mtls: {mode: DISABLE}}")?;
    let lab = &*lab;
    until_caller(lab, false).await?;
    ensure!(taken(lab).await? == (true, true), "plain text is refused");
    ensure_mtls(&request(lab, "web", "catalog", 8080).await?, "web", "catalog")
}

pub async fn permissive_takes_both(lab: &mut Lab) -> Result<()> {
    std::fs::remove_file(lab.config().join(FILE))?;
    let lab = &*lab;
    until_caller(lab, true).await?;
    ensure!(taken(lab).await? == (true, true), "plain text is refused");
    ensure_mtls(&request(lab, "web", "cart", 8080).await?, "web", "cart")
}
