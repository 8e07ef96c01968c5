//! A namespace of one test, with a name that nobody else has.

use std::path::{Path, PathBuf};

use anyhow::Result;
use k8s_openapi::api::core::v1;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};

use super::cluster;

/// A namespace. Dropping it deletes it, with all that is in it.
pub struct Namespace {
    /// Its name.
    pub name: String,
    kubeconfig: PathBuf,
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Namespace {
    /// A new one, whose name the server makes.
    pub async fn new(client: &Client, kubeconfig: &Path) -> Result<Namespace> {
        let api: Api<v1::Namespace> = Api::all(client.clone());
        let mut namespace = v1::Namespace::default();
        namespace.metadata.generate_name = Some("test-".to_owned());
        let made = api.create(&PostParams::default(), &namespace).await?;
        Ok(Namespace { name: made.name_any(), kubeconfig: kubeconfig.to_owned() })
    }
}

impl Drop for Namespace {
    /// On a thread with a runtime of its own: that of the test cannot be waited for here.
    fn drop(&mut self) {
        let (name, kubeconfig) = (self.name.clone(), self.kubeconfig.clone());
        let deleted = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let client = Client::try_from(cluster::config(&kubeconfig).await?)?;
                let api: Api<v1::Namespace> = Api::all(client);
                api.delete(&name, &Default::default()).await?;
                anyhow::Ok(())
            })
        });
        // A namespace that stays is in nobody's way.
        drop(deleted.join());
    }
}
