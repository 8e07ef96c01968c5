//! The binary from outside: exit codes, and what goes to which stream.

use std::process::Output;

use assert_cmd::Command;

/// Runs the daemon's binary with an environment of its own.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("istiod").unwrap();
    command.env_clear().args(arguments).output().unwrap()
}

#[track_caller]
fn check(arguments: &[&str], code: i32, stdout: &str, stderr: &str) {
    let output = run(arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let got = (output.status.code(), text(&output.stdout), text(&output.stderr));
    assert_eq!(got, (Some(code), stdout.to_owned(), stderr.to_owned()), "{arguments:?}");
}

#[test]
fn versions_are_printed() {
    check(&["version", "--short"], 0, "1.30.3\n", "");
    let json = run(&["version", "-o", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["clientVersion"]["version"], "1.30.3");
    let yaml = run(&["version", "-o", "yaml"]).stdout;
    let yaml: serde_json::Value = serde_yaml::from_slice(&yaml).unwrap();
    assert_eq!(json, yaml);
}

#[test]
fn what_is_not_understood_is_one_line_and_exit_code_2() {
    check(
        &["discovery", "--profile=maybe"],
        2,
        "",
        "istiod: --profile \"maybe\": true or false is needed\n",
    );
    check(
        &["discovery", "extra"],
        2,
        "",
        "istiod: unexpected argument 'extra' found (istiod --help lists commands and flags)\n",
    );
    check(
        &["discovery", "--log_target", "/nonexistent/log"],
        2,
        "",
        "istiod: --log_target \"/nonexistent/log\": a file that can be written is needed: \
         No such file or directory (os error 2)\n",
    );
}

#[test]
fn a_request_without_an_answer_fails() {
    let output = run(&["request", "GET", "a b"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

fn shop() -> String {
    format!("--configDir={}/samples/shop", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_pod_gets_a_bootstrap() {
    let arguments =
        ["bootstrap", "--proxy", "web", &shop(), "--address", "istiod:15010", "--delta"];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    assert_eq!(output.stdout, run(&arguments).stdout, "the same input gives the same bytes");
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let id = "sidecar~10.60.1.10~web-6f9c4d8b7d-x2k4p.shop~shop.svc.cluster.local";
    assert_eq!(made["node"]["id"], id);
    assert_eq!(made["node"]["locality"]["zone"], "eu-1a");
    let config = &made["node"]["metadata"]["PROXY_CONFIG"];
    assert_eq!(config["discoveryAddress"], "istiod.istio-system.svc:15012");
    assert_eq!(made["dynamic_resources"]["ads_config"]["api_type"], "DELTA_GRPC");
}

#[test]
fn a_node_of_a_file_gets_a_bootstrap() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(path, "id: router~10.0.0.1~edge.shop~shop.svc.cluster.local\n").unwrap();
    let output = run(&["bootstrap", "--node", path]);
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made["node"]["id"], "router~10.0.0.1~edge.shop~shop.svc.cluster.local");
    std::fs::write(path, "metadata: {}\n").unwrap();
    let want = format!("istiod: --node {path}: a node with an id is needed\n");
    check(&["bootstrap", "--node", path], 1, "", &want);
}

#[test]
fn a_bootstrap_needs_a_pod_and_its_objects() {
    check(&["bootstrap", "--proxy", "web"], 2, "", "istiod: missing: --configDir <DIR>\n");
    check(
        &["bootstrap", "--proxy", "web", &shop(), "--sds", "nowhere"],
        2,
        "",
        "istiod: --sds \"nowhere\": HOST:PORT or unix:PATH is needed\n",
    );
    let output = run(&["bootstrap", "--proxy", "nobody", &shop()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cart-7b5d9c6f4c-m8wzt.shop"));
}

#[test]
fn what_a_pod_would_be_served_is_printed() {
    let output = run(&["translate", "--proxy", "web", &shop(), "--type", "cds,nds", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    let served: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let types: Vec<&String> = served.as_object().unwrap().keys().collect();
    assert_eq!(types, ["cds", "nds"]);
    let names = served["cds"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap());
    let names: Vec<&str> = names.collect();
    assert!(names.is_sorted() && names.contains(&"outbound|8080||catalog.shop.svc.cluster.local"));
    let yaml = run(&["translate", "--proxy", "web", &shop(), "--type", "cds,nds"]).stdout;
    let yaml: serde_json::Value = serde_yaml::from_slice(&yaml).unwrap();
    assert_eq!(yaml, served);
}

#[test]
fn a_proxy_may_be_a_node_of_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let node = directory.path().join("node.yaml");
    let id = "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local";
    std::fs::write(&node, format!("name: web\nid: {id}\n")).unwrap();
    std::fs::write(directory.path().join("bad.yaml"), "kind: [").unwrap();
    let (node, objects) = (node.to_str().unwrap(), directory.path().to_str().unwrap());
    let arguments = ["translate", "--node", node, "--configDir", objects, "--type", "lds"];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0));
    let served: serde_json::Value = serde_yaml::from_slice(&output.stdout).unwrap();
    assert!(!served["lds"].as_array().unwrap().is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("error: bad.yaml:1: ") || said.contains("bad.yaml"), "{said}");
    check(&["translate", "--configDir", objects], 2, "", "istiod: missing: --proxy <NAME>\n");
}

/// Explains a request of the pod `web` of the shop.
fn explain(arguments: &[&str]) -> (Option<i32>, String) {
    let shop = shop();
    let output = run(&[&["explain", "--proxy", "web", shop.as_str()], arguments].concat());
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_way_of_a_request_is_explained() {
    let (code, text) = explain(&["--request", "GET http://catalog:8080/items?page=2"]);
    let want = "\
GET /items?page=2 to 10.61.0.20:8080 (catalog.shop.svc.cluster.local) through web-6f9c4d8b7d-x2k4p.shop (from the application)
listener 0.0.0.0_8080: has the wildcard of port 8080
    by Service shop/cart
  filter chain 0: transport protocol raw_buffer, application protocols http/1.1, h2c
    route configuration 8080: named by the listener
        by Service shop/cart, Service shop/catalog, Service shop/sessions
      virtual host catalog.shop.svc.cluster.local:8080: has the domain catalog
        route 0 \"default\": prefix /
            retries up to 2 times on connect-failure, refused-stream, unavailable, cancelled, retriable-status-codes
          cluster outbound|8080||catalog.shop.svc.cluster.local, host catalog:8080
              by Service shop/catalog, EndpointSlice shop/catalog-1
              chooses TLS by endpoint: tlsMode-istio, tlsMode-disabled
            endpoint 10.60.1.20:8080 in eu-1/eu-1a, tlsMode-istio
            endpoint 10.60.2.20:8080 in eu-1/eu-1b, tlsMode-istio
=> forwarded with path /items?page=2
";
    assert_eq!((code, text.as_str()), (Some(0), want));
}

#[test]
fn each_way_through_a_sidecar_is_explained() {
    for (arguments, code, lines) in [
        (&["--tcp", "orders-db:5432"][..], 0, &["listener 10.61.0.50_5432: has the address"][..]),
        (
            &["--request", "https://example.com"],
            0,
            &["an address of example.com", "virtualOutbound"],
        ),
        (
            &["--request", "http://catalog/"],
            0,
            &["note: Service shop/catalog has no port 80; its ports: 8080"],
        ),
        (
            &["--request", "http://web", "--direction", "inbound"],
            0,
            &["to 10.60.1.10:8080", "inbound|http|80"],
        ),
        (
            &["--request", "http://web", "--direction", "inbound", "--transport", "raw"],
            0,
            &["wants transport protocol tls; it is raw_buffer"],
        ),
        (
            &["--request", "http://web", "--direction", "inbound", "--transport", "tls"],
            1,
            &["=> goes nowhere: "],
        ),
        (&["--tcp", "127.0.0.1:9"], 1, &["the proxy does not listen on 127.0.0.1:9"]),
    ] {
        let (got, text) = explain(arguments);
        assert_eq!(got, Some(code), "{arguments:?}\n{text}");
        for line in lines {
            assert!(text.contains(line), "{arguments:?}: {line}\n{text}");
        }
    }
    let (_, json) = explain(&["--tcp", "orders-db:5432", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["backends"][0]["endpoints"][0]["address"], "10.60.1.50:5432");
}

#[test]
fn plain_text_is_judged_by_the_peer_authentication() {
    let folder = tempfile::tempdir().unwrap();
    let input = include_str!("golden/xds/peer-authentication/input.yaml");
    std::fs::write(folder.path().join("input.yaml"), input).unwrap();
    let objects = format!("--configDir={}", folder.path().display());
    let explain = |target: &str, transport: &str| {
        let way = ["--direction", "inbound", "--tcp", target, "--transport", transport];
        let output = run(&[&["explain", "--proxy", "cart-1.shop", &objects], &way[..]].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    for (target, transport, code, said) in [
        ("10.1.0.1:8081", "raw", 1, "wants transport protocol tls; it is raw_buffer"),
        (
            "10.1.0.1:8081",
            "mtls",
            0,
            "by PeerAuthentication istio-system/mesh, PeerAuthentication shop/cart",
        ),
        ("10.1.0.1:9999", "raw", 0, "port 9999, transport protocol raw_buffer"),
        ("10.1.0.1:7777", "raw", 1, "wants transport protocol tls; it is raw_buffer"),
    ] {
        let (got, text) = explain(target, transport);
        assert_eq!(got, Some(code), "{target} {transport}\n{text}");
        assert!(text.contains(said), "{target} {transport}: {said}\n{text}");
    }
}

#[test]
fn what_is_no_request_is_refused() {
    check(
        &["explain", "--proxy", "web", &shop(), "--request", "catalog"],
        2,
        "",
        "istiod: --request \"catalog\": a request is needed, such as GET http://reviews:9080/reviews\n",
    );
    check(
        &["explain", "--proxy", "web", &shop()],
        2,
        "",
        "istiod: missing: <--request <REQUEST>|--tcp <HOST:PORT>>\n",
    );
}

#[test]
fn objects_in_files_are_validated() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let sound = "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: a, namespace: shop}\n\
        spec:\n  egress:\n  - hosts: [./*]\n";
    let good = file("good.yaml", sound);
    check(&["validate", &good], 0, "1 object, 0 errors, 0 warnings\n", "");

    let bad = file("bad.yaml", &sound.replace("./*", "a"));
    let object = "Sidecar shop/a: ";
    let output = run(&["validate", &bad]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let start = format!("error: {bad}:6: {object}spec.egress[0].hosts[0]: ");
    assert!(lines[0].starts_with(&start), "{text}");
    assert_eq!((lines[1], lines.len()), ("1 object, 1 error, 0 warnings", 2));
    assert_eq!(output.status.code(), Some(1));

    let odd = sound.replace("./*", "./*, ./*");
    std::fs::remove_file(&bad).unwrap();
    let twice = file("twice.yaml", &odd.replace("name: a", "name: b"));
    let output = run(&["validate", directory.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with(&format!("warning: {twice}:6: Sidecar shop/b: ")), "{text}");
    assert!(text.ends_with("\n2 objects, 0 errors, 1 warning\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
    // What only one can define is said of both.
    let output = run(&["validate", &good, &file("again.yaml", sound)]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("defines it too") && text.ends_with("1 object, 0 errors, 2 warnings\n"),
        "{text}"
    );

    let mut command = Command::cargo_bin("istiod").unwrap();
    let output = command.args(["validate", "-"]).write_stdin("kind: [").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("error: stdin:"), "{text}");
    assert_eq!(output.status.code(), Some(1));

    let missing = directory.path().join("missing.yaml");
    let want = format!(
        "error: {}: cannot be read: No such file or directory (os error 2)\n0 objects, 1 error, 0 warnings\n",
        missing.display()
    );
    check(&["validate", missing.to_str().unwrap()], 1, &want, "");
}

#[test]
fn what_objects_name_is_looked_for_in_a_whole_mesh_only() {
    let directory = tempfile::tempdir().unwrap();
    let mesh = directory.path().join("mesh");
    std::fs::create_dir(&mesh).unwrap();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n\
        spec: {ports: [{port: 80}]}\n";
    std::fs::write(mesh.join("web.yaml"), service).unwrap();
    let route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: r, namespace: shop}\n\
        spec:\n  hosts: [front]\n  http:\n  - route:\n    - destination:\n        host: wbe\n";
    let file = directory.path().join("route.yaml");
    std::fs::write(&file, route).unwrap();
    let (mesh, file) = (mesh.to_str().unwrap(), file.to_str().unwrap());
    check(&["validate", file], 0, "1 object, 0 errors, 0 warnings\n", "");
    let output = run(&["validate", "--configDir", mesh, file]);
    let text = String::from_utf8(output.stdout).unwrap();
    let place = "VirtualService shop/r: spec.http[0].route[0].destination.host: ";
    assert!(text.starts_with(&format!("warning: {file}:9: {place}no service")), "{text}");
    assert!(text.ends_with("\n2 objects, 0 errors, 1 warning\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
    check(&["validate", "--configDir", mesh], 0, "1 object, 0 errors, 0 warnings\n", "");
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completion", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("keepaliveMaxServerConnectionAge"), "{shell}");
    }
}

#[test]
fn help_is_no_error() {
    for arguments in [&[][..], &["--help"], &["discovery", "--help"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stdout.len() > 100 && output.stderr.is_empty(), "{arguments:?}");
    }
}
