use std::time::Duration;

use super::{Options, PENDING_FLAGS};
use crate::cli::definition;
use crate::settings::Settings;

fn parse(words: &[&str]) -> Result<Options, String> {
    Options::parse(words, &Settings::default())
}

#[track_caller]
fn check_refused(words: &[&str], want: &str) {
    assert_eq!(parse(words), Err(want.to_owned()));
}

/// istiod's flags and defaults, as `istiod discovery` prints them at start.
#[test]
fn defaults_are_istiods() {
    let options = parse(&[]).unwrap();
    let address = |port: u16| Some(format!("[::]:{port}").parse().unwrap());
    assert_eq!(options.listen.http_addr, address(8080));
    assert_eq!(options.listen.https_addr, address(15017));
    assert_eq!(options.listen.grpc_addr, address(15010));
    assert_eq!(options.listen.secure_grpc_addr, address(15012));
    assert_eq!(options.listen.monitoring_addr, address(15014));
    assert_eq!(options.identity.namespace, "istio-system");
    assert_eq!(options.identity.domain, "cluster.local");
    assert_eq!(options.identity.cluster_id, "Kubernetes");
    assert_eq!(options.sources.registries, ["Kubernetes"]);
    assert_eq!(options.sources.config_dir, None);
    assert_eq!(options.sources.mesh_config, Some("./etc/istio/config/mesh".into()));
    assert_eq!(options.shutdown_duration, Duration::from_secs(10));
    assert_eq!(options.keepalive.keepalive_max_server_connection_age, None);
    assert!(options.profile);
    assert!(!options.log.log_as_json);
}

#[test]
fn the_environment_gives_defaults_and_flags_win() {
    let settings = Settings {
        pod_namespace: "control".to_owned(),
        cluster_id: "east".to_owned(),
        keepalive_interval: Duration::from_millis(1500),
        ..Settings::default()
    };
    let options = Options::parse(&["--clusterID", "west"], &settings).unwrap();
    assert_eq!(options.identity.namespace, "control");
    assert_eq!(options.identity.cni_namespace, "control");
    assert_eq!(options.identity.cluster_id, "west");
    assert_eq!(options.keepalive.keepalive_interval, Duration::from_millis(1500));
}

#[test]
fn the_arguments_of_the_chart_are_understood() {
    let options = parse(&[
        "--monitoringAddr=:15014",
        "--log_output_level=default:info",
        "--domain",
        "cluster.local",
        "--keepaliveMaxServerConnectionAge",
        "30m",
        "--log_as_json",
        "--ctrlz_address=*",
    ]);
    let options = options.unwrap();
    assert!(options.log.log_as_json);
    let age = options.keepalive.keepalive_max_server_connection_age;
    assert_eq!(age, Some(Duration::from_secs(1800)));
    assert!(options.control_z.ctrlz_address.is_unspecified());
}

#[test]
fn values_are_written_as_go_takes_them() {
    let options = parse(&[
        "-n",
        "one",
        "--namespace=two",
        "--profile=F",
        "--grpcAddr=",
        "--httpAddr",
        "127.0.0.1:0",
        "--registries=",
        "--clusterAliases=a=x,b=y",
        "--clusterAliases=c=z",
        "--log_target=stderr",
        "--log_target=a,b",
        "--configDir=",
        "--keepaliveMaxServerConnectionAge=0s",
        "--tls-cipher-suites=TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384",
    ]);
    let options = options.unwrap();
    assert_eq!(options.identity.namespace, "two");
    assert!(!options.profile);
    assert_eq!(options.listen.grpc_addr, None);
    assert_eq!(options.listen.http_addr, Some("127.0.0.1:0".parse().unwrap()));
    assert_eq!(options.sources.registries, Vec::<String>::new());
    let pair = |alias: &str, cluster: &str| (alias.to_owned(), cluster.to_owned());
    assert_eq!(options.identity.cluster_aliases, [pair("a", "x"), pair("b", "y"), pair("c", "z")]);
    assert_eq!(options.log.log_target.len(), 2, "a comma does not separate targets");
    assert_eq!(options.sources.config_dir, None);
    assert_eq!(options.keepalive.keepalive_max_server_connection_age, None);
    assert_eq!(options.tls.tls_cipher_suites.len(), 2);
}

#[test]
fn wrong_values_are_told_in_one_line() {
    let address = "an address is needed, such as :15010 (all addresses), 127.0.0.1:15010 or [::1]:15010; empty for none";
    check_refused(&["--grpcAddr", "15010"], &format!("--grpcAddr \"15010\": {address}"));
    check_refused(&["--httpAddr=web:80"], &format!("--httpAddr \"web:80\": {address}"));
    check_refused(&["--profile=maybe"], "--profile \"maybe\": true or false is needed");
    check_refused(
        &["--shutdownDuration=10"],
        "--shutdownDuration \"10\": a unit is missing: write it behind the number (ns, us, ms, s, m, h), such as 30s",
    );
    check_refused(
        &["--keepaliveInterval", "-1s"],
        "--keepaliveInterval \"-1s\": negative: a duration of zero or more is needed",
    );
    check_refused(&["--tls-min-version=1.1"], "--tls-min-version \"1.1\": 1.2 or 1.3 is needed");
    check_refused(
        &["--registries=Mock"],
        "--registries \"Mock\": Kubernetes is needed, or nothing",
    );
    check_refused(
        &["--log_output_level", "ads:loud"],
        "--log_output_level \"ads:loud\": a level is needed: none, fatal, error, warn, info or debug",
    );
    check_refused(
        &["--clusterAliases=a=x,b=x"],
        "--clusterAliases \"a=x,b=x\": one alias for each cluster is needed",
    );
    check_refused(
        &["--ctrlz_address=web"],
        "--ctrlz_address \"web\": localhost, an IP address or * is needed",
    );
    check_refused(&["--ctrlz_port=99999"], "--ctrlz_port \"99999\": 99999 is not in 0..=65535");
    check_refused(&["--domain"], "--domain needs a value");
    for words in [&["extra"][..], &["--", "--domain"], &["-h=x"]] {
        let line = parse(words).unwrap_err();
        assert_eq!(line.lines().count(), 1, "{words:?}: {line}");
    }
}

#[test]
fn flags_without_effect_exist() {
    let mut definition = definition(&Settings::default());
    definition.build();
    let discovery = definition.find_subcommand("discovery").unwrap();
    for flag in PENDING_FLAGS {
        assert!(discovery.get_arguments().any(|a| a.get_long() == Some(flag)), "{flag}");
    }
}
