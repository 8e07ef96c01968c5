//! What the control plane may do is what its code does, rule by rule.

use std::collections::BTreeSet;

use istiod::controllers::cluster_trust_bundle;
use istiod::controllers::lock::{Duty, LockKind};
use istiod::sources::kubernetes::{Ignored, watches};
use k8s_openapi::api::rbac::v1::PolicyRule;

use super::files::{self, installed, signers};

/// What rules allow, one thing each: `list gateways.networking.istio.io`, `get configmaps istio`.
fn grants(rules: &[PolicyRule]) -> Vec<String> {
    let mut grants = Vec::new();
    for rule in rules {
        assert_eq!(rule.non_resource_urls, None);
        let names = rule.resource_names.clone().unwrap_or(vec![String::new()]);
        for (group, resource) in pairs(rule.api_groups.as_ref(), rule.resources.as_ref()) {
            for (verb, name) in pairs(Some(&rule.verbs), Some(&names)) {
                let words = [group, resource, verb, name];
                assert!(words.iter().all(|word| !word.contains('*')), "{rule:?}");
                grants.push(grant(verb, group, resource, name));
            }
        }
    }
    grants
}

fn pairs<'a>(a: Option<&'a Vec<String>>, b: Option<&'a Vec<String>>) -> Vec<(&'a str, &'a str)> {
    let b = || b.into_iter().flatten().map(String::as_str);
    a.into_iter().flatten().flat_map(|a| b().map(move |b| (a.as_str(), b))).collect()
}

/// An empty name stands for all.
fn grant(verb: &str, group: &str, resource: &str, name: &str) -> String {
    format!("{verb} {resource}.{group} {name}").replace(". ", " ").trim_end().to_owned()
}

/// What following a collection, or one object, takes. Nothing is read one by one for that.
fn followed(group: &str, resource: &str, name: &str) -> [String; 2] {
    ["list", "watch"].map(|verb| grant(verb, group, resource, name))
}

#[track_caller]
fn check(rules: Option<&Vec<PolicyRule>>, want: BTreeSet<String>) {
    let grants = grants(rules.unwrap());
    let set: BTreeSet<String> = grants.iter().cloned().collect();
    assert_eq!(set.len(), grants.len(), "a rule says what another says: {grants:?}");
    let missing: Vec<_> = want.difference(&set).collect();
    let unused: Vec<_> = set.difference(&want).collect();
    assert!(missing.is_empty() && unused.is_empty(), "missing {missing:?}, unused {unused:?}");
}

#[test]
fn in_all_namespaces_what_is_followed_and_written_there() {
    let role = &installed().cluster_role;
    let kinds = watches(&Ignored::new("", ""), "").into_iter().map(|watched| watched.kind);
    let mut want: BTreeSet<String> =
        kinds.flat_map(|kind| followed(kind.group(), kind.plural(), "")).collect();
    for wanted in ["configmaps", "secrets"] {
        want.extend(followed("", wanted, ""));
    }
    want.insert(grant("create", "authorization.k8s.io", "subjectaccessreviews", ""));
    want.extend(followed("apiextensions.k8s.io", "customresourcedefinitions", ""));
    for webhooks in ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"] {
        want.extend(followed("admissionregistration.k8s.io", webhooks, ""));
        want.insert(grant("patch", "admissionregistration.k8s.io", webhooks, ""));
    }
    want.insert(grant("create", "authentication.k8s.io", "tokenreviews", ""));
    for name in ["istio-ca-crl", "istio-ca-root-cert"] {
        want.extend(followed("", "configmaps", name));
        want.insert(grant("patch", "", "configmaps", name));
    }
    let (certificates, bundles) = ("certificates.k8s.io", "clustertrustbundles");
    want.extend(followed(certificates, bundles, cluster_trust_bundle::NAME));
    want.insert(grant("patch", certificates, bundles, cluster_trust_bundle::NAME));
    want.insert(grant("create", certificates, bundles, ""));
    want.insert(grant("attest", certificates, "signers", cluster_trust_bundle::SIGNER));
    want.insert(grant("create", "", "configmaps", ""));
    for (verb, resource) in [
        ("get", "serviceentries"),
        ("get", "workloadentries"),
        ("create", "workloadentries"),
        ("delete", "workloadentries"),
        ("patch", "serviceentries/status"),
        ("patch", "workloadentries"),
        ("patch", "workloadentries/status"),
    ] {
        want.insert(grant(verb, "networking.istio.io", resource, ""));
    }
    check(role.rules.as_ref(), want);
}

#[test]
fn in_its_own_namespace_what_the_mesh_is_and_who_leads() {
    let installed = installed();
    assert_eq!(installed.role.metadata.namespace.as_deref(), Some(installed.namespace()));
    let mesh = installed.config.metadata.name.as_deref().unwrap();
    let mut want = BTreeSet::from(followed("", "configmaps", mesh));
    let injector = installed.injector.metadata.name.as_deref().unwrap();
    want.extend(followed("", "configmaps", injector));
    want.extend(followed("", "secrets", ""));
    want.insert(grant("create", "", "configmaps", ""));
    want.extend(["get", "patch"].map(|verb| grant(verb, "", "secrets", "istio-ca-secret")));
    want.insert(grant("create", "", "secrets", ""));
    want.insert(grant("create", "networking.istio.io", "gateways", ""));
    for duty in [Duty::Addresses, Duty::RootCertificates] {
        let lock = duty.lock("default");
        assert_eq!(lock.kind, LockKind::ConfigMap);
        want.extend(["get", "update"].map(|verb| grant(verb, "", "configmaps", &lock.name)));
    }
    check(installed.role.rules.as_ref(), want);
}

#[test]
fn where_signers_sign_requests_are_made_and_approved() {
    let mut want = BTreeSet::new();
    let group = "certificates.k8s.io";
    for verb in ["create", "get", "watch", "delete"] {
        want.insert(grant(verb, group, "certificatesigningrequests", ""));
    }
    want.insert(grant("update", group, "certificatesigningrequests/approval", ""));
    want.insert(grant("approve", group, "signers", "signers.example.com/mesh"));
    check(signers().0.rules.as_ref(), want);
}

#[test]
fn all_of_it_is_for_the_account_of_the_pods() {
    let installed = installed();
    let (signers, signers_binding) = signers();
    let pod = installed.deployment.spec.template.spec.unwrap();
    let account = pod.service_account_name.unwrap();
    assert_eq!(Some(&account), installed.account.metadata.name.as_ref());
    let bindings = [
        (
            installed.cluster_role_binding.role_ref,
            installed.cluster_role_binding.subjects,
            installed.cluster_role.metadata.name,
        ),
        (signers_binding.role_ref, signers_binding.subjects, signers.metadata.name),
        (
            installed.role_binding.role_ref,
            installed.role_binding.subjects,
            installed.role.metadata.name,
        ),
    ];
    for (role, subjects, name) in bindings {
        assert_eq!(Some(role.name), name);
        let [subject] = &subjects.unwrap()[..] else { panic!("one subject") };
        assert_eq!((subject.kind.as_str(), &subject.name), ("ServiceAccount", &account));
        assert_eq!(subject.namespace, installed.account.metadata.namespace);
    }
}

/// `# src/sources/kubernetes: services` above a rule is a promise that somebody finds the code there.
#[test]
fn each_rule_says_which_code_needs_it() {
    let text =
        ["manifests/rbac.yaml", "manifests/signers/rbac.yaml"].map(files::text).join("---\n");
    let mut needed_by = None;
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("# src/") {
            let module = format!("src/{}", said.split(':').next().unwrap());
            assert!(files::path(&module).exists(), "{module} does not exist");
            needed_by = Some(module);
        } else if line == "rules:" {
            needed_by = None;
        } else if line.starts_with("- apiGroups:") {
            assert!(needed_by.is_some(), "nothing above {line:?} tells who needs it");
        }
    }
}
