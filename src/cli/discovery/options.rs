//! The flags of `discovery`: names, defaults and syntax of istiod's.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::values::{age, host, listen, pair, path, rate, registry, span, truth};
use crate::logging::{self, Level, ScopeSelection, Target, parse_levels, parse_scopes};
use crate::serve::tls::Suites;

// clap reads `Option` and `Vec` as "may be absent" and "may be repeated"; under these names it takes one
// text for the whole value.
type Address = Option<SocketAddr>;
type Age = Option<Duration>;
type File = Option<PathBuf>;
type Levels = Vec<(ScopeSelection, Level)>;
type Scopes = Vec<ScopeSelection>;

/// All flags of `discovery`.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(rename_all = "camelCase", args_override_self = true)]
pub struct Options {
    /// Who this control plane is.
    #[command(flatten)]
    pub identity: Identity,
    /// Where objects come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Where it listens.
    #[command(flatten)]
    pub listen: Listen,
    /// TLS of its servers.
    #[command(flatten)]
    pub tls: Tls,
    /// How connections are kept.
    #[command(flatten)]
    pub keepalive: Keepalive,
    /// The introspection server.
    #[command(flatten)]
    pub control_z: ControlZ,
    /// The log.
    #[command(flatten)]
    pub log: Log,
    /// How long connections may take to end after SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = span)]
    pub shutdown_duration: Duration,
    /// Serve profiles on the debug endpoints
    #[arg(long, value_name = "BOOL", default_value = "true", value_parser = truth,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub profile: bool,
}

/// Who this control plane is.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(rename_all = "camelCase")]
pub struct Identity {
    /// The system namespace ($POD_NAMESPACE decides the default)
    #[arg(short, long, default_value = "istio-system")]
    pub namespace: String,
    /// The namespace of the CNI ($POD_NAMESPACE decides the default)
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    pub cni_namespace: String,
    /// The DNS suffix of services
    #[arg(long, default_value = "cluster.local")]
    pub domain: String,
    /// The id of the own cluster ($CLUSTER_ID decides the default)
    #[arg(long = "clusterID", value_name = "ID", default_value = "Kubernetes")]
    pub cluster_id: String,
    /// Other names of clusters, such as alias=cluster
    #[arg(long, value_name = "ALIAS=CLUSTER", value_delimiter = ',', value_parser = pair)]
    pub cluster_aliases: Vec<(String, String)>,
}

/// Where objects come from.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(rename_all = "camelCase")]
pub struct Sources {
    /// A directory of YAML objects to serve
    #[arg(long, value_name = "DIR", default_value = "", value_parser = path)]
    pub config_dir: File,
    /// The file of the mesh configuration; where it does not exist, the ConfigMap istio is read
    #[arg(long, value_name = "FILE", default_value = "./etc/istio/config/mesh",
          value_parser = path)]
    pub mesh_config: File,
    /// The file of the mesh networks
    #[arg(long, value_name = "FILE", default_value = "./etc/istio/config/meshNetworks",
          value_parser = path)]
    pub networks_config: File,
    /// Registries of services
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "Kubernetes",
          value_parser = registry)]
    pub registries: Vec<String>,
    /// The namespace of the secrets of remote clusters ($POD_NAMESPACE decides the default)
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    pub cluster_registries_namespace: String,
    /// How to reach the API server, outside of a cluster
    #[arg(long = "kubeconfig", value_name = "FILE", default_value = "", value_parser = path)]
    pub kubeconfig: File,
    /// Requests a second to the API server
    #[arg(long = "kubernetesApiQPS", value_name = "NUMBER", default_value = "80", value_parser = rate)]
    pub kubernetes_api_qps: f32,
    /// Requests at once to the API server
    #[arg(long, value_name = "NUMBER", default_value = "160")]
    pub kubernetes_api_burst: u32,
}

/// Where it listens; None is nowhere. An address without a host is `[::]`, which stands for all addresses of
/// both families: where the system has no IPv6, bind 0.0.0.0.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(rename_all = "camelCase")]
pub struct Listen {
    /// Readiness and debug endpoints
    #[arg(long, value_name = "ADDRESS", default_value = ":8080", value_parser = listen)]
    pub http_addr: Address,
    /// Webhooks; empty serves them on httpAddr
    #[arg(long, value_name = "ADDRESS", default_value = ":15017", value_parser = listen)]
    pub https_addr: Address,
    /// xDS in plaintext; empty serves it on httpAddr
    #[arg(long, value_name = "ADDRESS", default_value = ":15010", value_parser = listen)]
    pub grpc_addr: Address,
    /// xDS and certificates over TLS; empty for none
    #[arg(long = "secureGRPCAddr", value_name = "ADDRESS", default_value = ":15012",
          value_parser = listen)]
    pub secure_grpc_addr: Address,
    /// Metrics and version; empty serves them on httpAddr
    #[arg(long, value_name = "ADDRESS", default_value = ":15014", value_parser = listen)]
    pub monitoring_addr: Address,
}

/// TLS of its servers.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(rename_all = "camelCase")]
pub struct Tls {
    /// Certificates that clients are verified with
    #[arg(long, value_name = "FILE", default_value = "", value_parser = path)]
    pub ca_cert_file: File,
    /// The server's certificate
    #[arg(long, value_name = "FILE", default_value = "", value_parser = path)]
    pub tls_cert_file: File,
    /// The server's key
    #[arg(long, value_name = "FILE", default_value = "", value_parser = path)]
    pub tls_key_file: File,
    /// A directory that a self-signed CA is kept in, for meshes without Kubernetes
    #[arg(long, value_name = "DIR", default_value = "", value_parser = path)]
    pub ca_dir: File,
    /// Cipher suites, by Go's names
    #[arg(long = "tls-cipher-suites", value_name = "LIST", value_delimiter = ',')]
    pub tls_cipher_suites: Vec<String>,
    /// The oldest version of TLS
    #[arg(long = "tls-min-version", value_name = "VERSION", default_value = "1.2",
          value_parser = ["1.2", "1.3"])]
    pub tls_min_version: String,
}

/// How connections are kept.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(rename_all = "camelCase")]
pub struct Keepalive {
    /// How often a quiet connection is pinged ($GRPC_KEEPALIVE_INTERVAL decides the default)
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = span)]
    pub keepalive_interval: Duration,
    /// How long an answer may take ($GRPC_KEEPALIVE_TIMEOUT decides the default)
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = span)]
    pub keepalive_timeout: Duration,
    /// How old a connection may become before its client is asked to reconnect; 0 for any age
    #[arg(long, value_name = "DURATION", default_value = "2562047h47m16.854775807s",
          value_parser = age)]
    pub keepalive_max_server_connection_age: Age,
}

/// The introspection server, whose clients must be on this machine wherever it listens.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct ControlZ {
    /// Port of ControlZ; 0 takes a free one
    #[arg(long = "ctrlz_port", value_name = "PORT", default_value = "9876")]
    pub ctrlz_port: u16,
    /// Address of ControlZ; * for all
    #[arg(long = "ctrlz_address", value_name = "ADDRESS", default_value = "localhost",
          value_parser = host)]
    pub ctrlz_address: IpAddr,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(rename_all = "snake_case")]
pub struct Log {
    /// Where the log goes: stdout, stderr or a file; may be given several times
    #[arg(long, value_name = "TARGET", default_value = "stdout")]
    pub log_target: Vec<Target>,
    /// Log JSON
    #[arg(long, value_name = "BOOL", default_value = "false", value_parser = truth,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub log_as_json: bool,
    /// What is logged, such as default:info,ads:debug; the scope all means every scope
    #[arg(long, value_name = "LEVELS", default_value = "default:info", value_parser = parse_levels)]
    pub log_output_level: Levels,
    /// From which level lines carry a stack trace
    #[arg(long, value_name = "LEVELS", default_value = "default:none", value_parser = parse_levels)]
    pub log_stacktrace_level: Levels,
    /// Scopes whose lines tell the place in the source
    #[arg(long, value_name = "SCOPES", default_value = "", value_parser = parse_scopes)]
    pub log_caller: Scopes,
}

impl Options {
    /// What no single flag can check. Empty entries of lists are how a chart empties a list.
    pub(in crate::cli) fn check(&mut self) -> Result<(), String> {
        self.sources.registries.retain(|registry| !registry.is_empty());
        self.tls.tls_cipher_suites.retain(|suite| !suite.is_empty());
        Suites::parse(&self.tls.tls_cipher_suites)
            .map_err(|why| format!("--tls-cipher-suites: {why}"))?;
        let aliases = &self.identity.cluster_aliases;
        for (at, (alias, cluster)) in aliases.iter().enumerate() {
            if let Some((other, _)) = aliases.iter().take(at).find(|(_, known)| known == cluster) {
                return Err(format!(
                    "--clusterAliases \"{other}={cluster},{alias}={cluster}\": one alias for each cluster is needed"
                ));
            }
        }
        Ok(())
    }
}

impl Log {
    /// What `logging` is started with.
    pub(in crate::cli) fn config(&self) -> logging::Config {
        logging::Config {
            targets: self.log_target.clone(),
            json: self.log_as_json,
            levels: self.log_output_level.clone(),
            callers: self.log_caller.clone(),
            stacks: self.log_stacktrace_level.clone(),
        }
    }
}
