//! What a kubeconfig that a stranger wrote may ask of this process: to be read, and nothing else.
//!
//! Such a file may name commands to run and files to send elsewhere. What istiod refuses is refused here, unless the
//! operator of the control plane allows it. Reasons never quote the content: it is a credential.

use std::collections::BTreeSet;

use kube::config::{AuthInfo, Kubeconfig, KubeconfigError};

use crate::api::list::items;

/// The longest kubeconfig, in bytes: ten times what one with several bundles of certificates takes.
pub const MAX_BYTES: usize = 256 * 1024;

/// The auth provider that neither runs nor reads anything: its token is in the file.
const HARMLESS: &str = "oidc";

/// The variable by which the operator allows more.
const VARIABLE: &str = "PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS";

/// What the operator allows: names of auth providers, `clientKey`, `clientCertificate`, `tokenFile`, `exec`.
#[derive(Clone, Debug, Default)]
pub struct Allowed(BTreeSet<String>);

impl Allowed {
    /// From a list that is separated by commas.
    pub fn new(list: &str) -> Allowed {
        Allowed(items(list).map(str::to_owned).collect())
    }

    fn check(&self, name: &str, present: bool, remedy: &str) -> Result<(), String> {
        if !present || self.0.contains(name) {
            return Ok(());
        }
        Err(format!("{name} is not allowed: {remedy}, or allow it with {VARIABLE}={name}"))
    }

    fn check_user(&self, user: &AuthInfo) -> Result<(), String> {
        const EMBED: &str =
            "it names a file of the control plane; put the content into the kubeconfig";
        let named = |file: &Option<String>| file.as_ref().is_some_and(|file| !file.is_empty());
        if let Some(provider) = user.auth_provider.as_ref().filter(|p| p.name != HARMLESS) {
            let remedy = "it reads files or runs commands; use a token";
            let what = |why| format!("the auth provider {why}");
            self.check(&provider.name, true, remedy).map_err(what)?;
        }
        self.check("clientKey", named(&user.client_key), EMBED)?;
        self.check("clientCertificate", named(&user.client_certificate), EMBED)?;
        self.check("tokenFile", named(&user.token_file), EMBED)?;
        self.check("exec", user.exec.is_some(), "it runs a command; use a token")
    }
}

/// Reads a kubeconfig. An error is why it is refused.
pub fn read(bytes: &[u8], allowed: &Allowed) -> Result<Kubeconfig, String> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    if bytes.len() > MAX_BYTES {
        return Err(format!("it has {} bytes; {MAX_BYTES} are allowed", bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())?;
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| unread(&error))?;
    // All users, whoever of them the context names.
    for user in kubeconfig.auth_infos.iter().filter_map(|named| named.auth_info.as_ref()) {
        allowed.check_user(user)?;
    }
    Ok(kubeconfig)
}

/// Why a text is no kubeconfig. What the parser says itself shows the text.
fn unread(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("it is no kubeconfig (line {}, column {})", at.line(), at.column()),
            None => "it is no kubeconfig".to_owned(),
        },
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => {
            "its documents are of different kinds".to_owned()
        }
        _ => "it is no kubeconfig".to_owned(),
    }
}

#[cfg(test)]
mod tests;
