//! A cluster: access to it, what tests do to it, and, if it is a private one, its end and return.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::namespace::Namespace;
use super::objects::{self, Objects};
use super::server::{Program, Server, free_port};
use crate::skip::skipped;

/// Between two questions whether the server is ready for something.
const GLANCE: Duration = Duration::from_millis(25);
/// How many such questions; together as long as a slow machine may need.
const GLANCES: usize = 4_800;

/// The server of all tests. It ends with the process, as its stdin does.
static SHARED: OnceCell<Option<Shared>> = OnceCell::const_new();

struct Shared {
    kubeconfig: PathBuf,
    _server: Option<Server>,
}

/// Access to an API server that has our CRDs.
pub struct Cluster {
    kubeconfig: PathBuf,
    /// A client of the administrator. Belongs to the runtime of the test.
    pub client: Client,
    /// Its objects.
    pub objects: Objects,
    private: Option<Private>,
    /// Other people's kubeconfigs.
    others: TempDir,
}

/// What it takes to start a private server again.
struct Private {
    program: Program,
    state: TempDir,
    port: u16,
    server: Option<Server>,
}

impl Cluster {
    /// The one that all tests share; None, and a line that says so, where there is none.
    pub async fn shared() -> Option<Cluster> {
        let shared = SHARED.get_or_init(|| async {
            if let Some(kubeconfig) = std::env::var_os("ISTIOD_TEST_KUBECONFIG") {
                let kubeconfig = PathBuf::from(kubeconfig);
                let cluster = Cluster::new(kubeconfig.clone(), None).await.unwrap();
                cluster.install_crds().await.unwrap();
                return Some(Shared { kubeconfig, _server: None });
            }
            let program = found()?;
            let server = Server::start(&program, None, free_port().unwrap()).unwrap();
            let kubeconfig = server.kubeconfig.clone();
            let cluster = Cluster::new(kubeconfig.clone(), None).await.unwrap();
            cluster.install_crds().await.unwrap();
            Some(Shared { kubeconfig, _server: Some(server) })
        });
        let shared = shared.await.as_ref()?;
        Some(Cluster::new(shared.kubeconfig.clone(), None).await.unwrap())
    }

    /// One with nothing in it but our CRDs; None, and a line that says so, where none can be started.
    pub async fn private() -> Option<Cluster> {
        let cluster = Cluster::bare().await?;
        cluster.install_crds().await.unwrap();
        Some(cluster)
    }

    /// One with nothing in it; None, and a line that says so, where none can be started.
    pub async fn bare() -> Option<Cluster> {
        let program = found()?;
        let state = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let server = Server::start(&program, Some(state.path()), port).unwrap();
        let kubeconfig = server.kubeconfig.clone();
        let private = Private { program, state, port, server: Some(server) };
        Some(Cluster::new(kubeconfig, Some(private)).await.unwrap())
    }

    async fn new(kubeconfig: PathBuf, private: Option<Private>) -> Result<Cluster> {
        let client = Client::try_from(config(&kubeconfig).await?)?;
        let cluster = Cluster {
            objects: Objects::new(client.clone()),
            client,
            kubeconfig,
            private,
            others: tempfile::tempdir()?,
        };
        cluster.ready().await?;
        Ok(cluster)
    }

    /// Access for the daemon, or kubectl, as administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Access as a service account, which must exist.
    pub async fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let spec = Some(TokenRequestSpec::default());
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer =
            accounts.create_token_request(account, &PostParams::default(), &request).await?;
        let token = answer.status.and_then(|status| status.token).context("no token was given")?;
        let mut config = Kubeconfig::read_from(&self.kubeconfig)?;
        for user in &mut config.auth_infos {
            let info = user.auth_info.get_or_insert_default();
            *info = Default::default();
            info.token = Some(token.clone().into());
        }
        let path = self.others.path().join(format!("{namespace}.{account}"));
        std::fs::write(&path, serde_yaml::to_string(&config)?)?;
        Ok(path)
    }

    /// A new namespace, which goes when it is dropped.
    pub async fn namespace(&self) -> Namespace {
        Namespace::new(&self.client, &self.kubeconfig).await.unwrap()
    }

    /// Applies the objects of a text.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        self.objects.apply(objects::parse(yaml)?).await.map(|_| ())
    }

    /// Deletes the objects of a text.
    pub async fn delete(&self, yaml: &str) -> Result<()> {
        self.objects.delete(objects::parse(yaml)?).await
    }

    /// `kubectl apply`, of kubectl itself or of our program. Returns what it said.
    pub fn kubectl_apply(&self, arguments: &[&str]) -> String {
        let said = self.try_kubectl_apply(arguments);
        said.unwrap_or_else(|errors| panic!("{arguments:?}: {errors}"))
    }

    /// The same where it may be refused; then what it said of that.
    pub fn try_kubectl_apply(&self, arguments: &[&str]) -> std::result::Result<String, String> {
        let mut command = Command::new(Program::kubectl());
        command.arg("apply").arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        let output = command.output().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Ends a private server at once.
    pub fn stop(&mut self) {
        self.private.as_mut().expect("a private server").server = None;
    }

    /// Starts a private server that was stopped, with what it knew, where it was.
    pub async fn start(&mut self) {
        let private = self.private.as_mut().expect("a private server");
        let state = private.state.path();
        private.server = Some(Server::start(&private.program, Some(state), private.port).unwrap());
        self.ready().await.unwrap();
    }

    /// Applies manifests/crds.yaml and waits until the server serves what it says.
    pub async fn install_crds(&self) -> Result<()> {
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/crds.yaml");
        self.install(&std::fs::read_to_string(crds)?).await
    }

    /// Applies CRDs and waits until the server serves what they say.
    pub async fn install(&self, crds: &str) -> Result<()> {
        let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let mut crds = objects::parse(crds)?;
        // The Gateway API brings a policy for its CRDs.
        crds.retain(|object| {
            object.types.as_ref().is_some_and(|t| t.kind == "CustomResourceDefinition")
        });
        for crd in self.objects.apply(crds).await? {
            established(&api, &crd.name_any()).await?;
        }
        Ok(())
    }

    async fn ready(&self) -> Result<()> {
        let mut last = None;
        for _ in 0..GLANCES {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            match self.client.request_text(request).await {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(GLANCE).await;
        }
        Err(last.context("never asked")?).context("the API server did not get ready")
    }
}

/// Waits until the server serves what a CRD says.
async fn established(crds: &Api<CustomResourceDefinition>, name: &str) -> Result<()> {
    for _ in 0..GLANCES {
        let status = crds.get(name).await?.status;
        let mut conditions = status.into_iter().flat_map(|status| status.conditions).flatten();
        if conditions.any(|c| (&*c.type_, &*c.status) == ("Established", "True")) {
            return Ok(());
        }
        tokio::time::sleep(GLANCE).await;
    }
    bail!("the API server does not serve {name}")
}

/// What a file says. A request is made once: a client would hide a busy server from tests.
pub async fn config(kubeconfig: &Path) -> Result<Config> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(config)
}

/// The program of servers. Its absence is told once, and an error where `CI` is set.
fn found() -> Option<Program> {
    static TOLD: std::sync::Once = std::sync::Once::new();
    match Program::find() {
        Ok(program) => Some(program),
        Err(why) if std::env::var_os("CI").is_some() => panic!("{why}"),
        Err(why) => {
            TOLD.call_once(|| skipped(why));
            None
        }
    }
}
