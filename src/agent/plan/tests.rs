use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, json};

use super::{Plan, arguments, log_arguments, plan};
use crate::agent::proxy_config::ProxyConfig;
use crate::agent::secrets::Files;
use crate::settings::agent::AgentSettings;

const MESH: &str = "./var/run/secrets/istio/root-cert.pem";
const PAIR: [&str; 2] = ["./etc/certs/cert-chain.pem", "./etc/certs/key.pem"];

fn settings(environment: &[(&str, &str)]) -> AgentSettings {
    let owned = environment.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    AgentSettings::read(owned).0
}

fn config(text: &str) -> ProxyConfig {
    ProxyConfig::read(("", ""), ("", text), &BTreeMap::new(), Map::new()).unwrap()
}

fn made(environment: &[(&str, &str)], text: &str, files: &[&str]) -> anyhow::Result<Plan> {
    let node = json!({
        "id": "sidecar~10.0.0.1~a.shop~shop.svc.cluster.local",
        "metadata": {
            "NAMESPACE": "shop",
            "SERVICE_ACCOUNT": "web",
            "TLS_CLIENT_CERT_CHAIN": "/c",
            "TLS_CLIENT_KEY": "/k",
            "TLS_CLIENT_ROOT_CERT": "/r",
        },
    });
    let exists = |file: &Path| files.iter().any(|known| Path::new(known) == file);
    plan(&settings(environment), &config(text), &node, exists)
}

#[test]
fn by_default_certificates_come_from_the_control_plane() {
    let plan = made(&[], "", &[MESH]).unwrap();
    assert_eq!((plan.mounted, plan.mounted_roots), (None, None));
    assert_eq!(plan.policy.spiffe, "spiffe://cluster.local/ns/shop/sa/web");
    let ca = plan.ca.unwrap();
    assert_eq!(ca.address.to_string(), "istiod.istio-system.svc:15012");
    let tls = ca.tls.unwrap();
    assert_eq!(tls.server_name, "istiod.istio-system.svc");
    assert_eq!(tls.roots, Path::new(MESH));
    assert_eq!(ca.credentials.token, Path::new("./var/run/secrets/tokens/istio-token"));
    let tls = plan.bootstrap.xds_tls.unwrap();
    assert_eq!(tls.server_name, "istiod.istio-system.svc");
    assert_eq!(tls.certificate, "default");
    // With those that come with the certificate.
    assert_eq!(tls.roots, "control-plane-roots");
    assert_eq!(plan.control_plane_roots, Some(Files::Roots(MESH.into())));
    assert!(ca_of_mesh(&[]) && !ca_of_mesh(&[("CA_ROOT_CA", MESH)]));
}

fn ca_of_mesh(environment: &[(&str, &str)]) -> bool {
    made(environment, "", &[MESH]).unwrap().ca.unwrap().tls.unwrap().of_mesh
}

#[test]
fn roots_that_are_not_there_are_an_error_at_once() {
    let error = made(&[], "", &[]).unwrap_err().to_string();
    assert!(error.contains(MESH) && error.contains("XDS_ROOT_CA"), "{error}");
    let error = made(&[("XDS_ROOT_CA", "/x")], "", &["/x"]).unwrap_err().to_string();
    assert!(error.contains(MESH) && error.contains("CA_ROOT_CA"), "{error}");
    // Those of PROV_CERT may be written later.
    let plan = made(&[("PROV_CERT", "/p")], "", &[]).unwrap();
    assert_eq!(plan.ca.unwrap().tls.unwrap().roots, Path::new("/p/root-cert.pem"));
    let provided = Files::Roots("/p/root-cert.pem".into());
    assert_eq!(plan.control_plane_roots, Some(provided));
    // Another's roots are its own affair.
    let plan = made(&[("XDS_ROOT_CA", "/x")], "", &["/x", MESH]).unwrap();
    assert_eq!(plan.bootstrap.xds_tls.unwrap().roots, "file-root:/x");
}

#[test]
fn plaintext_is_asked_for_by_policy_or_port() {
    let plan = made(&[], "{discoveryAddress: 'h:15010'}", &[]).unwrap();
    assert_eq!(plan.bootstrap.xds_tls, None);
    assert!(plan.ca.unwrap().tls.is_none());
    let files = [&PAIR[..], &[MESH]].concat();
    let plan = made(&[], "{controlPlaneAuthPolicy: NONE}", &files).unwrap();
    assert_eq!(plan.bootstrap.xds_tls, None);
    assert!(plan.ca.is_none());
}

#[test]
fn mounted_files_make_the_ca_unnecessary() {
    let files = Some(Files::Identity(PAIR[0].into(), PAIR[1].into()));
    let roots = Some(Files::Roots("./etc/certs/root-cert.pem".into()));
    let plan = made(&[], "", &[&PAIR[..], &[MESH]].concat()).unwrap();
    assert_eq!((plan.mounted, plan.mounted_roots), (files.clone(), None));
    assert!(plan.ca.is_none());
    // What the agent itself writes there does not count.
    let output = [("OUTPUT_CERTS", "etc/certs/")];
    let plan = made(&output, "", &[&PAIR[..], &[MESH]].concat()).unwrap();
    assert!(plan.mounted.is_none() && plan.ca.is_some());
    // Said so, they may come later; a pair of its own is shown to the control plane.
    let plan = made(&[("FILE_MOUNTED_CERTS", "true")], "", &["/r"]).unwrap();
    assert_eq!((plan.mounted, plan.mounted_roots), (files, roots));
    let tls = plan.bootstrap.xds_tls.unwrap();
    assert_eq!((&*tls.certificate, &*tls.roots), ("file-cert:/c~/k", "file-root:/r"));
    let both = [("FILE_MOUNTED_CERTS", "true"), ("PROV_CERT", "/p")];
    assert!(made(&both, "", &[]).is_err());
}

#[test]
fn servers_have_the_names_that_they_are_given() {
    let with = |environment: &[(&str, &str)], config: &str| {
        let plan = made(environment, config, &[MESH]).unwrap();
        (plan.ca.unwrap().tls.unwrap().server_name, plan.bootstrap.xds_tls.unwrap().server_name)
    };
    let pair = |ca: &str, xds: &str| (ca.to_owned(), xds.to_owned());
    let address = "{discoveryAddress: '10.0.0.1:15012'}";
    assert_eq!(with(&[], address), pair("10.0.0.1", "10.0.0.1"));
    assert_eq!(with(&[("ISTIOD_SAN", "s")], address), pair("s", "s"));
    let other = [("ISTIOD_SAN", "s"), ("CA_ADDR", "ca:443")];
    assert_eq!(with(&other, address), pair("ca", "s"));
    let tunnel = "{discoveryAddress: 'localhost:15012'}";
    let istiod = "istiod.istio-system.svc";
    assert_eq!(with(&[], tunnel), pair(istiod, istiod));
}

#[test]
fn envoy_is_told_how_to_run() {
    let words = |environment: &[(&str, &str)], text: &str, ips: &str| {
        let node = json!({ "metadata": { "INSTANCE_IPS": ips } });
        let words = arguments(&settings(environment), &config(text), &node);
        words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let plain = words(&[], "", "10.0.0.1,fd00::1");
    assert!(plain.starts_with("--drain-time-s 45 --drain-strategy immediate"), "{plain}");
    assert!(plain.contains("--local-address-ip-version v4"), "{plain}");
    assert!(!plain.contains("--concurrency"), "{plain}");
    assert!(words(&[], "", "fd00::1").contains("--local-address-ip-version v6"));
    assert!(words(&[("ISTIO_CPU_LIMIT", "3")], "", "").ends_with("--concurrency 3"));
    assert!(words(&[("ISTIO_CPU_LIMIT", "3")], "concurrency: 2", "").ends_with("--concurrency 2"));
}

#[test]
fn levels_are_split_for_envoy() {
    let check = |level: &str, components: &str, want: &[&str]| {
        assert_eq!(log_arguments(level, components), want, "{level}");
    };
    check("warning,misc:error", "", &["-l", "warning", "--component-log-level", "misc:error"]);
    check("info", "a:debug", &["-l", "info", "--component-log-level", "a:debug"]);
    check("a:debug,b:info", "c:off", &["--component-log-level", "a:debug,b:info"]);
    check("", "", &[]);
}
