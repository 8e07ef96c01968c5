//! Who may do what, while AuthorizationPolicies come, change and go; and who is asked.

use anyhow::{Result, ensure};
use http::Method;

use super::traffic::ensure_mtls;
use crate::lab::Lab;
use crate::lab::client::{Answer, Ask, line};
use crate::lab::wait::until;

const FILE: &str = "authorization.yaml";

/// Writes policies for the cart's pods; each its name and its spec.
fn policies(lab: &Lab, policies: &[(&str, &str)]) -> Result<()> {
    let object = |(name, spec): &(&str, &str)| {
        let head = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n";
        let selector = "selector: {matchLabels: {app: cart}}";
        format!("{head}metadata: {{name: {name}, namespace: shop}}\nspec: {{{selector}, {spec}}}\n")
    };
    let text: Vec<String> = policies.iter().map(object).collect();
    Ok(std::fs::write(lab.config().join(FILE), text.join("---\n"))?)
}

/// A request to the cart's pod: by mTLS from pods of the mesh, in plain text from the others.
async fn send<'a>(lab: &Lab, from: &str, change: impl Fn(Ask<'a>) -> Ask<'a>) -> Result<Answer> {
    let to = match lab.pod(from)?.spec.sidecar {
        true => lab.objects.address("cart", "shop", 8080)?,
        false => (lab.pod("cart")?.spec.ip, 8080).into(),
    };
    change(Ask::new(to, "cart.shop:8080", "/")).send(&lab.pod(from)?.namespace).await
}

async fn status(lab: &Lab, from: &str, path: &str) -> Result<u16> {
    Ok(send(lab, from, |ask| ask.path(path)).await?.status.as_u16())
}

async fn until_status(lab: &Lab, from: &str, path: &str, want: u16) -> Result<()> {
    until(&format!("{path} is answered to {from} with {want}"), async || {
        Ok((status(lab, from, path).await? == want).then_some(()))
    })
    .await
}

async fn ensure_status(lab: &Lab, from: &str, path: &str, want: u16) -> Result<()> {
    let got = status(lab, from, path).await?;
    ensure!(got == want, "{path} is answered to {from} with {got} instead of {want}");
    Ok(())
}

pub async fn nobody_may_what_no_policy_allows(lab: &mut Lab) -> Result<()> {
    policies(lab, &[("nothing", "rules: []")])?;
    let lab = &*lab;
    until_status(lab, "web", "/", 403).await?;
    ensure_status(lab, "mail", "/", 403).await
}

pub async fn identities_are_told_apart(lab: &mut Lab) -> Result<()> {
    let web = "rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]";
    policies(lab, &[("nothing", "rules: []"), ("web", web)])?;
    let lab = &*lab;
    until_status(lab, "web", "/", 200).await?;
    ensure_mtls(&send(lab, "web", |ask| ask).await?.echo()?, "web", "cart")?;
    ensure_status(lab, "catalog-v1", "/", 403).await?;
    // In plain text nobody is who they say.
    ensure_status(lab, "mail", "/", 403).await
}

pub async fn denials_come_first(lab: &mut Lab) -> Result<()> {
    let shop = "rules: [{from: [{source: {namespaces: [shop]}}], to: [{operation: {paths: ['/a/{*}/b', '/admin*', /]}}]}]";
    let admin = "action: DENY, rules: [{to: [{operation: {paths: ['/admin*']}}]}, \
                 {to: [{operation: {methods: [POST]}}]}, \
                 {when: [{key: 'request.headers[x-bad]', values: ['*']}]}]";
    policies(lab, &[("shop", shop), ("admin", admin)])?;
    let lab = &*lab;
    until_status(lab, "web", "/admin", 403).await?;
    for (path, want) in [
        ("/", 200),
        ("/a/1/b?x=/admin", 200),
        ("/a/1/2/b", 403),
        ("/other", 403),
        ("/%61dmin", 403),
    ] {
        ensure_status(lab, "web", path, want).await?;
    }
    ensure_status(lab, "mail", "/", 403).await?;
    let posted = send(lab, "web", |ask| ask.method(Method::POST)).await?;
    ensure!(posted.status == 403, "POST is answered with {}", posted.status);
    let bad = send(lab, "web", |ask| ask.header("x-bad", "1")).await?;
    ensure!(bad.status == 403, "the header is answered with {}", bad.status);
    Ok(())
}

pub async fn addresses_are_told_apart(lab: &mut Lab) -> Result<()> {
    let mail = lab.pod("mail")?.spec.ip;
    let deny = format!("action: DENY, rules: [{{from: [{{source: {{ipBlocks: [{mail}]}}}}]}}]");
    policies(lab, &[("mail", &deny)])?;
    let lab = &*lab;
    // What the policies before refused.
    until_status(lab, "web", "/other", 200).await?;
    ensure_status(lab, "mail", "/", 403).await
}

pub async fn byte_streams_are_refused_too(lab: &mut Lab) -> Result<()> {
    let head = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: db, namespace: shop}\n";
    let rules = "rules: [{from: [{source: {serviceAccounts: [web]}}], to: [{operation: {ports: ['5432']}}]}, \
                 {to: [{operation: {methods: [GET]}}]}]";
    let spec = format!("{head}spec: {{selector: {{matchLabels: {{app: orders-db}}}}, {rules}}}\n");
    std::fs::write(lab.config().join(FILE), spec)?;
    let lab = &*lab;
    let ip = lab.pod("orders-db-0")?.spec.ip;
    let mail = &lab.pod("mail")?.namespace;
    until("the database refuses plain text", async || {
        Ok(line(mail, (ip, 5432).into(), "select 5").await.is_err().then_some(()))
    })
    .await?;
    let db = lab.objects.address("orders-db", "shop", 5432)?;
    let answer = line(&lab.pod("web")?.namespace, db, "select 6").await?;
    ensure!(answer == "orders-db-0 select 6", "the answer is {answer:?}");
    let refused = line(&lab.pod("cart")?.namespace, db, "select 7").await;
    ensure!(refused.is_err(), "the cart got {refused:?}");
    Ok(())
}

/// Providers of HTTP: the catalog's toy fails requests that ask it to; nobody is at the other ports.
const PROVIDERS: &str = "extensionProviders:
- name: http
  envoyExtAuthzHttp:
    service: catalog.shop.svc.cluster.local
    port: 8080
    includeRequestHeadersInCheck: [x-fail]
    headersToUpstreamOnAllow: [content-type]
- name: grpc
  envoyExtAuthzGrpc: {service: shop/payment.shop.svc.cluster.local, port: 9000}
- name: gone
  envoyExtAuthzGrpc:
    {service: payment.shop.svc.cluster.local, port: 9999, statusOnError: \"504\", timeout: 1s}
- name: gone-open
  envoyExtAuthzHttp:
    {service: catalog.shop.svc.cluster.local, port: 9999, failOpen: true, timeout: 1s}
";

fn asking(lab: &Lab, provider: &str) -> Result<()> {
    let rules = "rules: [{to: [{operation: {paths: ['/ask*']}}]}]";
    policies(lab, &[("ask", &format!("action: CUSTOM, provider: {{name: {provider}}}, {rules}"))])
}

async fn until_asked(lab: &Lab, header: &'static str, want: u16) -> Result<()> {
    let value = if header == "x-fail" { "catalog" } else { "1" };
    until(&format!("a request with {header} is answered with {want}"), async || {
        let answer = send(lab, "web", |ask| ask.path("/ask").header(header, value)).await?;
        Ok((answer.status == want).then_some(()))
    })
    .await
}

pub async fn providers_decide(lab: &mut Lab) -> Result<()> {
    let file = lab.mesh();
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, format!("{text}{PROVIDERS}"))?;
    asking(lab, "http")?;
    // An answer of 5xx is none, so that nobody is let through.
    until_asked(lab, "x-fail", 403).await?;
    ensure_status(lab, "web", "/ask", 200).await?;
    let other = send(lab, "web", |ask| ask.path("/other").header("x-fail", "catalog")).await?;
    ensure!(other.status == 200, "a request that no policy describes: {}", other.status);
    asking(lab, "grpc")?;
    until_asked(lab, "x-deny", 403).await?;
    ensure_status(lab, "web", "/ask", 200).await?;
    asking(lab, "gone")?;
    until_status(lab, "web", "/ask", 504).await?;
    ensure_status(lab, "web", "/other", 200).await?;
    asking(lab, "gone-open")?;
    until_status(lab, "web", "/ask", 200).await?;
    // Nobody can be asked, so that nobody may.
    asking(lab, "unheard-of")?;
    until_status(lab, "web", "/ask", 403).await?;
    ensure_status(lab, "web", "/other", 200).await?;
    std::fs::write(&file, text)?;
    Ok(())
}

pub async fn without_policies_everybody_may_everything(lab: &mut Lab) -> Result<()> {
    std::fs::remove_file(lab.config().join(FILE))?;
    let lab = &*lab;
    until_status(lab, "web", "/ask", 200).await?;
    ensure_status(lab, "mail", "/", 200).await
}
