//! How requests are traced: the shares that are sampled, and what spans tell of the workload.

use crate::api::features;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::Tracing;
use crate::proto::envoy::envoy::r#type::metadata::v3::metadata_key::PathSegment;
use crate::proto::envoy::envoy::r#type::metadata::v3::metadata_key::path_segment::Segment;
use crate::proto::envoy::envoy::r#type::metadata::v3::{MetadataKey, MetadataKind, metadata_kind};
use crate::proto::envoy::envoy::r#type::tracing::v3::CustomTag;
use crate::proto::envoy::envoy::r#type::tracing::v3::custom_tag::{Literal, Metadata, Type};
use crate::proto::envoy::envoy::r#type::v3::Percent;
use crate::translate::scope::TraceTags;

/// The filter whose metadata tells what a policy on trial would have done.
const RBAC: &str = "envoy.filters.http.rbac";

/// Names of such metadata, by the tag that shows it.
const DRY_RUN: [(&str, &str); 4] = [
    ("allow_policy.name", "istio_dry_run_allow_shadow_effective_policy_id"),
    ("allow_policy.result", "istio_dry_run_allow_shadow_engine_result"),
    ("deny_policy.name", "istio_dry_run_deny_shadow_effective_policy_id"),
    ("deny_policy.result", "istio_dry_run_deny_shadow_engine_result"),
];

/// The tracing of a workload's connection managers; tags are sorted by name. A span needs every tag, so what
/// the workload does not tell has Istio's words for it. `sampling` is the share that is traced when nobody asked
/// for it.
pub fn tracing(tags: &TraceTags, sampling: features::Percent) -> Tracing {
    let literals = [
        ("canonical_revision", &tags.canonical_revision, "latest"),
        ("canonical_service", &tags.canonical_service, "unknown"),
        ("cluster_id", &tags.cluster, "unknown"),
        ("mesh_id", &tags.mesh, "unknown"),
        ("namespace", &tags.namespace, "default"),
    ];
    let literals = literals.map(|(tag, value, otherwise)| {
        let value = if value.is_empty() { otherwise } else { value };
        custom_tag(tag, Type::Literal(Literal { value: value.into() }))
    });
    let dry_run = DRY_RUN
        .map(|(tag, key)| custom_tag(&format!("authorization.dry_run.{tag}"), rbac_metadata(key)));
    Tracing {
        client_sampling: Some(Percent { value: 100.0 }),
        random_sampling: Some(Percent { value: sampling.value() }),
        overall_sampling: Some(Percent { value: 100.0 }),
        custom_tags: dry_run.into_iter().chain(literals).collect(),
        ..Tracing::default()
    }
}

fn custom_tag(name: &str, value: Type) -> CustomTag {
    CustomTag { tag: format!("istio.{name}"), r#type: Some(value) }
}

fn rbac_metadata(key: &str) -> Type {
    Type::Metadata(Metadata {
        kind: Some(MetadataKind {
            kind: Some(metadata_kind::Kind::Request(metadata_kind::Request {})),
        }),
        metadata_key: Some(MetadataKey {
            key: RBAC.into(),
            path: vec![PathSegment { segment: Some(Segment::Key(key.into())) }],
        }),
        ..Metadata::default()
    })
}
