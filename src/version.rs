//! What this build is: shown by `istiod version`, `/version`, metrics and the start of the log.

/// The release of Istio whose behaviour this build has.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from; `make build` tells it to the compiler.
pub const REVISION: &str = match option_env!("ISTIOD_GIT_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// `Clean`, or `Modified` when the sources differed from the commit.
pub const STATUS: &str = match option_env!("ISTIOD_BUILD_STATUS") {
    Some(status) => status,
    None => "unknown",
};

/// `version-revision-status`, the form that istiod answers on `/version`.
pub fn tag() -> String {
    format!("{VERSION}-{REVISION}-{STATUS}")
}
