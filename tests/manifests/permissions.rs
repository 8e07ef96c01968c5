//! What the control plane may do is what its code does, rule by rule.

use std::collections::BTreeSet;

use istiod::api::Kind;
use k8s_openapi::api::rbac::v1::PolicyRule;

use super::files::{self, installed};

/// A resource and what may be done with it: `networking.istio.io/gateways list`.
fn grants(rules: &[PolicyRule]) -> Vec<String> {
    let mut grants = Vec::new();
    for rule in rules {
        assert_eq!(rule.non_resource_urls, None);
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                for verb in &rule.verbs {
                    assert!([group, resource, verb].iter().all(|word| *word != "*"), "{rule:?}");
                    grants.push(format!("{group}/{resource} {verb}"));
                }
            }
        }
    }
    grants
}

/// What following collections takes. Nothing is read one by one.
fn followed(group: &str, resource: &str) -> [String; 2] {
    ["list", "watch"].map(|verb| format!("{group}/{resource} {verb}"))
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
fn in_all_namespaces_only_what_is_followed_there() {
    let role = installed().cluster_role;
    // Slices tell what Endpoints do; the others are followed by name, or not at all.
    let elsewhere = [Kind::Endpoints, Kind::ConfigMap, Kind::Secret, Kind::ServiceAccount];
    let kinds = Kind::ALL.iter().filter(|kind| !elsewhere.contains(kind));
    let mut want: BTreeSet<String> =
        kinds.flat_map(|kind| followed(kind.group(), kind.plural())).collect();
    want.extend(followed("apiextensions.k8s.io", "customresourcedefinitions"));
    want.extend(followed("admissionregistration.k8s.io", "mutatingwebhookconfigurations"));
    check(role.rules.as_ref(), want);
}

#[test]
fn in_its_own_namespace_what_the_mesh_is() {
    let installed = installed();
    assert_eq!(installed.role.metadata.namespace.as_deref(), Some(installed.namespace()));
    check(installed.role.rules.as_ref(), followed("", "configmaps").into());
    let rules = installed.role.rules.iter().flatten();
    let rule = rules.clone().find(|rule| rule.resources.iter().flatten().eq(["configmaps"]));
    assert_eq!(
        rule.unwrap().resource_names.as_deref(),
        Some(&[installed.config.metadata.name.unwrap()][..])
    );
}

#[test]
fn all_of_it_is_for_the_account_of_the_pods() {
    let installed = installed();
    let pod = installed.deployment.spec.template.spec.unwrap();
    let account = pod.service_account_name.unwrap();
    assert_eq!(Some(&account), installed.account.metadata.name.as_ref());
    let bindings = [
        (
            installed.cluster_role_binding.role_ref,
            installed.cluster_role_binding.subjects,
            installed.cluster_role.metadata.name,
        ),
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
    let text = files::text("manifests/rbac.yaml");
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
