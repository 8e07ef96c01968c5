//! What the settings come to: where secrets are from, how the CA and the control plane are reached, how Envoy runs.
//!
//! Pure: which files exist is told. The order of precedence is istio-agent's throughout.

mod roots;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;

use self::roots::Roots;
use super::admin::Local;
use super::bootstrap::{self, Address, WORKLOAD, XdsTls};
use super::ca_client::{CaClient, Tls};
use super::credentials::Credentials;
use super::drain::Drain;
use super::keys::KeyKind;
use super::node::{host_of, server_name};
use super::output::{CHAIN, KEY, ROOT};
use super::proxy_config::{ControlPlaneAuth, ProxyConfig};
use super::renewal::Policy;
use super::revocation;
use super::secrets::{CONTROL_PLANE, Files};
use super::trust::Asking;
use crate::api::list::items;
use crate::settings::agent::AgentSettings;

/// Where the secret server listens, beside what Envoy is configured to by Istio's control plane.
pub const SOCKET: &str = "./var/run/secrets/workload-spiffe-uds/socket";
const TOKEN: &str = "./var/run/secrets/tokens/istio-token";
const MOUNTED: &str = "./etc/certs";
const PROVIDED_TO_ALL: &str = "./var/run/secrets/workload-spiffe-credentials";
/// The port that is plaintext on every control plane.
const PLAINTEXT_PORT: u16 = 15010;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Files with the workload's certificate, if it is in files.
    pub mounted: Option<Files>,
    /// A file with the roots of the mesh, if they do not come with the certificate.
    pub mounted_roots: Option<Files>,
    /// A file with the roots of the control plane, if those that come with the certificate are to be trusted too.
    pub control_plane_roots: Option<Files>,
    /// The CA; None where nobody is asked.
    pub ca: Option<CaClient>,
    /// The control plane, as the agent itself asks it.
    pub control_plane: CaClient,
    /// When and how the CA is asked.
    pub policy: Policy,
    /// How the control plane is asked for the roots of the mesh; None where it is not.
    pub asking: Option<Asking>,
    /// A file with what the CA of the mesh revoked; None where that does not count.
    pub revoked: Option<PathBuf>,
    /// Where certificates are written for others.
    pub output: Option<PathBuf>,
    /// Envoy's bootstrap, apart from its node.
    pub bootstrap: bootstrap::Settings,
    /// How Envoy is drained.
    pub drain: Drain,
}

/// Makes the plan for a node.
pub fn plan(
    settings: &AgentSettings,
    config: &ProxyConfig,
    node: &Value,
    exists: impl Fn(&Path) -> bool,
) -> anyhow::Result<Plan> {
    let variables = &settings.variables;
    ensure!(
        !variables.file_mounted || variables.provided.is_empty(),
        "FILE_MOUNTED_CERTS and PROV_CERT exclude each other"
    );
    let text = |pointer: &str| node.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let meta = |name: &str| text(&format!("/metadata/{name}")).to_owned();
    let roots = Roots { settings, exists: &exists };
    let (mounted, mounted_roots) = mounted(settings, &exists);
    let xds: Address = config
        .discovery_address
        .parse()
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("discoveryAddress {:?}", config.discovery_address))?;
    let plaintext = config.control_plane_auth_policy == ControlPlaneAuth::None
        || is_plaintext(&xds)
        || matches!(xds, Address::Unix(_));
    let asks = mounted.is_none();
    let mut control_plane_roots = None;
    let mut tls = None;
    let xds_tls = (!plaintext)
        .then(|| {
            let (chain, key) = (meta("TLS_CLIENT_CERT_CHAIN"), meta("TLS_CLIENT_KEY"));
            let own = variables.file_mounted && !chain.is_empty() && !key.is_empty();
            let host = host_of(&config.discovery_address);
            let (file, of_mesh) = roots.xds(&meta("TLS_CLIENT_ROOT_CERT"))?;
            let together = of_mesh && asks;
            control_plane_roots = together.then(|| Files::Roots(file.clone()));
            let server_name = server_name(&variables.istiod_san, host).to_owned();
            tls = Some(Tls {
                server_name: server_name.clone(),
                roots: file.clone(),
                of_mesh: together,
            });
            anyhow::Ok(XdsTls {
                server_name,
                certificate: if own {
                    format!("file-cert:{chain}~{key}")
                } else {
                    WORKLOAD.to_owned()
                },
                roots: match together {
                    true => CONTROL_PLANE.to_owned(),
                    false => format!("file-root:{}", file.display()),
                },
            })
        })
        .transpose()?;
    // Where nobody is asked, nothing of it has to be there.
    let ca = asks.then(|| ca_client(settings, config, &roots)).transpose()?;
    let control_plane = CaClient {
        address: xds.clone(),
        tls,
        credentials: match &mounted {
            Some(Files::Identity(chain, key)) => Credentials {
                certificate: Some((chain.clone(), key.clone())),
                ..credentials(settings)
            },
            _ => credentials(settings),
        },
        cluster: settings.meta("CLUSTER_ID").to_owned(),
        signer: String::new(),
        headers: settings.xds_headers.clone(),
        ttl: variables.ttl,
    };
    let asking = variables.told_roots.then(|| {
        let (control_plane, node) = (control_plane.clone(), node.clone());
        Asking { control_plane, node }
    });
    let ports = (port(variables.status_port)?, port(variables.stats_port)?);
    let headers = settings.xds_headers.iter();
    Ok(Plan {
        mounted,
        mounted_roots,
        control_plane_roots,
        ca,
        control_plane,
        policy: Policy {
            spiffe: format!(
                "spiffe://{}/ns/{}/sa/{}",
                variables.trust_domain,
                meta("NAMESPACE"),
                meta("SERVICE_ACCOUNT")
            ),
            keys: KeyKind::read(
                &variables.signature_algorithm,
                &variables.curve,
                variables.rsa_bits,
            )?,
            grace: variables.grace,
            jitter: variables.grace_jitter,
        },
        asking,
        revoked: variables.revocation.then(|| revocation::FILE.into()),
        output: Some(&variables.output).filter(|folder| !folder.is_empty()).map(PathBuf::from),
        bootstrap: bootstrap::Settings {
            xds,
            xds_tls,
            xds_headers: headers.map(|(key, value)| (key.to_lowercase(), value.clone())).collect(),
            delta: variables.delta,
            sds: Address::Unix(SOCKET.to_owned()),
            admin_port: config.proxy_admin_port,
            stats_port: ports.1,
            status_port: ports.0,
            agent_port: config.status_port,
        },
        drain: Drain {
            admin: Local { port: config.proxy_admin_port },
            inbound_only: !text("/id").starts_with("router~"),
            duration: config.termination_drain_duration,
            until_idle: variables.exit_when_idle.then_some(variables.minimum_drain),
            own_ports: vec![ports.0, ports.1],
        },
    })
}

/// Envoy's arguments, besides its bootstrap and its log.
pub fn arguments(settings: &AgentSettings, config: &ProxyConfig, node: &Value) -> Vec<OsString> {
    let ips = node.pointer("/metadata/INSTANCE_IPS").and_then(Value::as_str).unwrap_or_default();
    let only_v6 = !ips.is_empty() && ips.split(',').all(|ip| ip.contains(':'));
    let drain = config.drain_duration.as_secs().to_string();
    let mut arguments = vec![
        "--drain-time-s",
        &drain,
        // Clients are told at once.
        "--drain-strategy",
        "immediate",
        "--local-address-ip-version",
        if only_v6 { "v6" } else { "v4" },
        // Access logs are seen within a second, also where little happens.
        "--file-flush-interval-msec",
        "1000",
        "--disable-hot-restart",
        "--allow-unknown-static-fields",
    ]
    .into_iter()
    .map(OsString::from)
    .collect::<Vec<_>>();
    let limit = Some(settings.variables.cpu_limit).filter(|limit| *limit > 0);
    if let Some(workers) = config.concurrency.or(limit).filter(|workers| *workers > 0) {
        arguments.extend(["--concurrency".into(), workers.to_string().into()]);
    }
    arguments
}

/// Envoy's arguments for a level such as `warning,misc:error`.
pub fn log_arguments(level: &str, components: &str) -> Vec<OsString> {
    let (scoped, plain): (Vec<&str>, Vec<&str>) = items(level).partition(|p| p.contains(':'));
    let components = if scoped.is_empty() { components.to_owned() } else { scoped.join(",") };
    let mut arguments: Vec<OsString> = Vec::new();
    if let Some(level) = plain.last() {
        arguments.extend(["-l".into(), (*level).into()]);
    }
    if !components.is_empty() {
        arguments.extend(["--component-log-level".into(), components.into()]);
    }
    arguments
}

/// The files that the workload's certificate and the roots are in, if they are in files.
fn mounted(
    settings: &AgentSettings,
    exists: &impl Fn(&Path) -> bool,
) -> (Option<Files>, Option<Files>) {
    let variables = &settings.variables;
    let files = |folder: &str| [CHAIN, KEY, ROOT].map(|name| Path::new(folder).join(name));
    let given = files(PROVIDED_TO_ALL);
    let all_given = given.iter().all(|file| exists(file));
    let [chain, key, root] = if all_given { given } else { files(MOUNTED) };
    // What the agent writes there itself must not keep it from renewing.
    let written_here =
        !variables.output.is_empty() && same_folder(&variables.output, chain.parent());
    let must = variables.file_mounted || all_given;
    let pair = must || (exists(&chain) && exists(&key) && !written_here);
    let roots = must || (exists(&root) && !written_here);
    (pair.then_some(Files::Identity(chain, key)), roots.then_some(Files::Roots(root)))
}

/// Whether two paths name one folder, as far as their words tell.
fn same_folder(one: &str, other: Option<&Path>) -> bool {
    let plain = |path: &Path| path.components().collect::<PathBuf>();
    let absolute = |path: &Path| std::path::absolute(path).map(|path| plain(&path)).ok();
    other.is_some_and(|other| absolute(Path::new(one)) == absolute(other))
}

fn ca_client(
    settings: &AgentSettings,
    config: &ProxyConfig,
    roots: &Roots<'_>,
) -> anyhow::Result<CaClient> {
    let variables = &settings.variables;
    let (text, name) = match &*variables.ca_address {
        "" => (&config.discovery_address, &*variables.istiod_san),
        _ => (&variables.ca_address, ""),
    };
    let address: Address = text
        .parse()
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("the address of the CA {text:?}"))?;
    let tls = || {
        let server_name = server_name(name, host_of(text)).to_owned();
        let (roots, of_mesh) = roots.ca()?;
        anyhow::Ok(Tls { server_name, roots, of_mesh })
    };
    let tls = (!is_plaintext(&address)).then(tls).transpose()?;
    Ok(CaClient {
        address,
        tls,
        credentials: credentials(settings),
        cluster: settings.meta("CLUSTER_ID").to_owned(),
        signer: settings.meta("CERT_SIGNER").to_owned(),
        headers: settings.ca_headers.clone(),
        ttl: variables.ttl,
    })
}

/// Who the agent is to the CA.
fn credentials(settings: &AgentSettings) -> Credentials {
    let provided = Path::new(&settings.variables.provided);
    let provided = Some(provided).filter(|folder| !folder.as_os_str().is_empty());
    Credentials {
        token: TOKEN.into(),
        certificate: provided.map(|folder| (folder.join(CHAIN), folder.join(KEY))),
    }
}

fn is_plaintext(address: &Address) -> bool {
    matches!(address, Address::Tcp(_, PLAINTEXT_PORT))
}

fn port(number: u32) -> anyhow::Result<u16> {
    u16::try_from(number).with_context(|| format!("{number} is no port"))
}

#[cfg(test)]
mod tests;
