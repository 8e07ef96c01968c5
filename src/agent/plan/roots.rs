//! The roots by which the control plane and the CA are verified, in istio-agent's order of precedence.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::MOUNTED;
use crate::agent::output::ROOT;
use crate::agent::secrets::system_roots;
use crate::settings::agent::AgentSettings;

/// Where the roots of the mesh are mounted.
const MESH: &str = "./var/run/secrets/istio/root-cert.pem";
/// The value that stands for the roots of the system.
const SYSTEM: &str = "SYSTEM";

/// Who vouches for servers: a file, and whether its roots are the mesh's.
pub(super) struct Roots<'a> {
    pub(super) settings: &'a AgentSettings,
    pub(super) exists: &'a dyn Fn(&Path) -> bool,
}

impl Roots<'_> {
    /// For the control plane. `client` is what the node's metadata name.
    pub(super) fn xds(&self, client: &str) -> anyhow::Result<(PathBuf, bool)> {
        let variables = &self.settings.variables;
        let mounted = Path::new(MOUNTED).join(ROOT);
        Ok(match &*variables.xds_root {
            SYSTEM => (system_roots()?, false),
            "" if (self.exists)(&mounted) => (mounted, true),
            // It may be written later.
            "" if !variables.provided.is_empty() => (self.provided(), true),
            "" if variables.file_mounted && !client.is_empty() => {
                (self.there(Path::new(client), "ISTIO_META_TLS_CLIENT_ROOT_CERT")?, false)
            }
            "" => (self.there(Path::new(MESH), "XDS_ROOT_CA")?, true),
            file => (self.there(Path::new(file), "XDS_ROOT_CA")?, false),
        })
    }

    /// For the CA.
    pub(super) fn ca(&self) -> anyhow::Result<(PathBuf, bool)> {
        let variables = &self.settings.variables;
        // A CA apart from the control plane may have a certificate that the mesh has nothing to do with.
        let of_mesh = variables.ca_address.is_empty();
        Ok(match &*variables.ca_root {
            SYSTEM => (system_roots()?, false),
            "" if variables.cert_provider == "custom" => {
                (self.there(&Path::new(MOUNTED).join(ROOT), "CA_ROOT_CA")?, false)
            }
            "" if !variables.provided.is_empty() => (self.provided(), of_mesh),
            "" => (self.there(Path::new(MESH), "CA_ROOT_CA")?, of_mesh),
            file => (self.there(Path::new(file), "CA_ROOT_CA")?, false),
        })
    }

    fn provided(&self) -> PathBuf {
        Path::new(&self.settings.variables.provided).join(ROOT)
    }

    /// Said at once, rather than by a handshake that never succeeds.
    fn there(&self, file: &Path, variable: &str) -> anyhow::Result<PathBuf> {
        ensure!(
            (self.exists)(file),
            "there are no roots to verify the server by: {} is not there, and {variable} names no other file",
            file.display()
        );
        Ok(file.to_owned())
    }
}
