//! What `kubectl apply -k manifests` installs fits the daemon: flags, variables, ports, and what it may do.
//!
//! Reads the files as they are; only `applied` and `answered` need an API server.

mod answered;
mod applied;
mod files;
mod permissions;
mod templates;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use assert_cmd::Command;
use istiod::api::Kind;
use istiod::cli::discovery::Options;
use istiod::settings::{Settings, State, variables};
use istiod::sources::mesh;
use k8s_openapi::api::core::v1::{Container, EnvVar};

use self::files::{Installed, installed};

/// The variables that Istio's chart sets without being asked. Each must be in the Deployment as soon as it does
/// something. Not here: SERVICE_ACCOUNT and GOMAXPROCS, which mean nothing to us, and KUBECONFIG, which names a
/// file that is not there unless the control plane is of another cluster.
const OF_THE_CHART: [&str; 9] = [
    "CA_TRUSTED_NODE_ACCOUNTS",
    "CLUSTER_ID",
    "PILOT_CERT_PROVIDER",
    "PILOT_ENABLE_ANALYSIS",
    "PILOT_TRACE_SAMPLING",
    "PLATFORM",
    "POD_NAME",
    "POD_NAMESPACE",
    "REVISION",
];

fn container(installed: &Installed) -> &Container {
    let pod = installed.deployment.spec.template.spec.as_ref().unwrap();
    let [container] = &pod.containers[..] else { panic!("one container") };
    container
}

/// The words of the command line behind `discovery`.
fn words(container: &Container) -> Vec<&str> {
    let words: Vec<&str> = container.args.iter().flatten().map(String::as_str).collect();
    assert_eq!(words[0], "discovery");
    words[1..].to_vec()
}

#[test]
fn definitions_are_installed_and_valid() {
    let resources = files::kustomization("manifests")["resources"].clone();
    assert!(resources.as_array().unwrap().iter().any(|resource| resource == "crds.yaml"));
    for definition in files::definitions() {
        let versions = definition.spec.versions.iter();
        let served: Vec<_> = versions.filter(|v| v.served).map(|v| v.name.as_str()).collect();
        let (group, kind) = (&definition.spec.group, &definition.spec.names.kind);
        let known = Kind::ALL.iter().find(|known| (known.group(), known.name()) == (group, kind));
        assert!(served.contains(&known.unwrap().version()), "{kind} is served as {served:?}");
    }
}

#[test]
fn the_daemon_takes_every_flag() {
    let installed = installed();
    let words = words(container(&installed));
    let help =
        Command::cargo_bin("istiod").unwrap().args(["discovery", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for flag in words.iter().filter(|word| word.starts_with("--")) {
        let flag = flag.split('=').next().unwrap();
        assert!(help.contains(&format!("{flag} ")), "{flag} is no flag of the daemon");
    }
    let options = Options::parse(&words, &Settings::default()).unwrap();
    assert_eq!(options.identity.domain, "cluster.local");
    assert_eq!(options.identity.namespace, installed.namespace());
}

#[test]
fn every_variable_has_an_effect_and_a_value_that_is_taken() {
    let installed = installed();
    let given: BTreeMap<&str, &EnvVar> =
        container(&installed).env.iter().flatten().map(|env| (env.name.as_str(), env)).collect();
    let literal = |env: &EnvVar| Some((env.name.clone(), env.value.clone()?));
    let (_, notes) = Settings::read(given.values().filter_map(|env| literal(env)));
    assert_eq!(notes, Vec::<String>::new());
    let table = variables();
    for name in OF_THE_CHART {
        let known = table.iter().find(|variable| variable.name == name).expect(name);
        let effective = known.state == State::Effective;
        assert_eq!(given.contains_key(name), effective, "{name}: {:?}", known.state);
    }
    assert!(given.keys().all(|name| OF_THE_CHART.contains(name)), "{given:?}");
}

#[test]
fn ports_are_those_that_the_daemon_listens_on() {
    let installed = installed();
    let container = container(&installed);
    let listen = Options::parse(&words(container), &Settings::default()).unwrap().listen;
    let port = |address: Option<SocketAddr>| i32::from(address.unwrap().port());
    let (http, monitoring) = (port(listen.http_addr), port(listen.monitoring_addr));
    let (xds, secure) = (port(listen.grpc_addr), port(listen.secure_grpc_addr));
    let webhooks = port(listen.https_addr);

    let open: BTreeSet<i32> =
        container.ports.iter().flatten().map(|port| port.container_port).collect();
    assert_eq!(open, BTreeSet::from([http, monitoring, xds, secure, webhooks]));

    let probe = container.readiness_probe.as_ref().unwrap().http_get.as_ref().unwrap();
    assert_eq!((probe.path.as_deref(), &probe.port), (Some("/ready"), &files::number(http)));

    let template = &installed.deployment.spec.template;
    let annotations = template.metadata.as_ref().unwrap().annotations.as_ref().unwrap();
    assert_eq!(annotations["prometheus.io/port"], monitoring.to_string());

    let ports = installed.service.spec.as_ref().unwrap().ports.as_ref().unwrap();
    let ports: Vec<_> = ports
        .iter()
        .map(|port| {
            let target = port.target_port.clone().unwrap_or(files::number(port.port));
            (port.name.as_deref().unwrap(), port.port, target)
        })
        .collect();
    let want = [
        ("grpc-xds", 15010, xds),
        ("https-dns", 15012, secure),
        ("https-webhook", 443, webhooks),
        ("http-monitoring", 15014, monitoring),
    ];
    assert_eq!(ports, want.map(|(name, port, target)| (name, port, files::number(target))));
}

#[test]
fn everything_means_the_same_pods() {
    let installed = installed();
    let deployment = &installed.deployment.spec;
    let template = deployment.template.metadata.as_ref().unwrap();
    let labels = template.labels.as_ref().unwrap();
    assert_eq!(labels["istio.io/rev"], "default");

    let budget = installed.budget.spec.as_ref().unwrap().selector.as_ref().unwrap();
    let selectors = [
        deployment.selector.match_labels.as_ref().unwrap(),
        installed.service.spec.as_ref().unwrap().selector.as_ref().unwrap(),
        budget.match_labels.as_ref().unwrap(),
    ];
    for selector in selectors {
        assert!(selector.iter().all(|(key, value)| labels.get(key) == Some(value)), "{selector:?}");
    }

    let scaler = &installed.scaler.spec;
    let name = &installed.deployment.metadata.name;
    assert_eq!(Some(&scaler.scale_target_ref.name), name.as_ref());
    assert_eq!((scaler.min_replicas, scaler.max_replicas), (deployment.replicas, 5));
    let requests = container(&installed).resources.as_ref().unwrap().requests.as_ref().unwrap();
    assert!(requests.contains_key("cpu"), "without it the autoscaler has nothing to relate to");
}

#[test]
fn each_volume_is_mounted_and_none_is_needed_to_start() {
    let installed = installed();
    let pod = installed.deployment.spec.template.spec.as_ref().unwrap();
    let container = container(&installed);
    let mounted: Vec<_> =
        container.volume_mounts.iter().flatten().map(|mount| mount.name.as_str()).collect();
    let volumes = pod.volumes.as_ref().unwrap();
    assert_eq!(mounted, volumes.iter().map(|volume| volume.name.as_str()).collect::<Vec<_>>());
    for volume in volumes {
        let secret = volume.secret.as_ref().is_none_or(|secret| secret.optional == Some(true));
        let map = volume.config_map.as_ref().is_none_or(|map| map.optional == Some(true));
        assert!(secret && map, "{}", volume.name);
    }
}

#[test]
fn nothing_is_granted_to_the_process_itself() {
    let installed = installed();
    let context = container(&installed).security_context.as_ref().unwrap();
    assert_eq!(context.run_as_non_root, Some(true));
    assert_eq!(context.read_only_root_filesystem, Some(true));
    assert_eq!(context.allow_privilege_escalation, Some(false));
    assert_eq!(context.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
    let capabilities = context.capabilities.as_ref().unwrap();
    assert_eq!(capabilities.drop.as_deref(), Some(&["ALL".to_owned()][..]));
    assert_eq!(capabilities.add, None);
}

#[test]
fn the_mesh_configuration_is_valid_and_leads_to_the_service() {
    let installed = installed();
    let data = installed.config.data.as_ref().unwrap();
    let parsed = mesh::parse(&data["mesh"]).unwrap();
    assert_eq!(parsed.warnings, []);
    assert_eq!(&*parsed.mesh.root_namespace, installed.namespace());
    let service = installed.service.metadata.name.as_deref().unwrap();
    let address = format!("{service}.{}.svc:15012", installed.namespace());
    assert_eq!(parsed.mesh.raw["defaultConfig"]["discoveryAddress"], address);
    assert!(data.contains_key("meshNetworks"));
}

#[test]
fn the_image_is_of_this_version() {
    let images = &files::kustomization("manifests")["images"];
    assert_eq!(images[0]["name"], container(&installed()).image.clone().unwrap());
    assert_eq!(images[0]["newTag"], env!("CARGO_PKG_VERSION"));
    let values = files::yaml("manifests/with-istio-chart/values.yaml");
    let image = values["image"].as_str().unwrap();
    // Istio's chart puts its own repository in front of a name without a slash.
    assert!(image.contains('/'), "{image}");
    assert!(image.ends_with(&format!(":{}", env!("CARGO_PKG_VERSION"))), "{image}");
}
