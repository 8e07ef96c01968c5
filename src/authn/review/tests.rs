use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::UserInfo;

use super::*;

fn reviewer() -> Reviewer {
    let (_, remotes) = watch::channel(Arc::new(BTreeMap::new()));
    let (_, mesh) = watch::channel(Arc::new(MeshConfig::default()));
    let clusters = Clusters {
        own: "Kubernetes".into(),
        client: None,
        remotes,
        aliases: vec![("alias".into(), "Kubernetes".into())],
    };
    Reviewer::new(clusters, vec!["istio-ca".to_owned()], mesh)
}

fn status(user: &str, groups: &[&str]) -> TokenReviewStatus {
    let extra = [(POD_NAME, "web-1"), (POD_UID, "u"), (NODE_NAME, "n")];
    TokenReviewStatus {
        authenticated: Some(true),
        user: Some(UserInfo {
            username: Some(user.to_owned()),
            groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()),
            extra: Some(
                extra.iter().map(|(k, v)| ((*k).to_owned(), vec![(*v).to_owned()])).collect(),
            ),
            ..UserInfo::default()
        }),
        ..TokenReviewStatus::default()
    }
}

#[test]
fn only_service_accounts_are_callers() {
    let (reviewer, cluster) = (reviewer(), Str::from("Kubernetes"));
    let caller =
        reviewer.read(&cluster, status("system:serviceaccount:shop:web", &[GROUP])).unwrap();
    assert_eq!(caller.identities, ["spiffe://cluster.local/ns/shop/sa/web".into()]);
    assert_eq!(caller.pod, PodClaims { name: "web-1".into(), uid: "u".into(), node: "n".into() });
    assert_eq!(caller.cluster.as_deref(), Some("Kubernetes"));
    let refused = TokenReviewStatus { authenticated: Some(false), ..TokenReviewStatus::default() };
    let error = TokenReviewStatus { error: Some("expired".to_owned()), ..status("", &[]) };
    for (status, want) in [
        (refused, "the token is not authenticated"),
        (error, "the service account authentication returns an error: expired"),
        (status("admin", &["system:masters"]), "the token is not a service account's"),
        (
            status("system:serviceaccount:shop", &[GROUP]),
            "the user \"system:serviceaccount:shop\" is no service account",
        ),
    ] {
        assert_eq!(reviewer.read(&cluster, status).unwrap_err(), want);
    }
}

#[test]
fn a_foreign_cluster_is_told_what_is_known() {
    let clusters = reviewer().clusters;
    for own in ["", "Kubernetes", "alias"] {
        assert_eq!(clusters.find(own).err().unwrap(), "there is no API server to ask");
    }
    assert_eq!(
        clusters.find("elsewhere").err().unwrap(),
        "client claims to be in cluster \"elsewhere\", but we only know about local cluster \"Kubernetes\" and remote clusters []"
    );
}
