//! What templates are given: the pod and the mesh under Go's names.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Injector, Request, image, openshift, workload};
use crate::webhooks::schema::typed::typed;
use crate::webhooks::schema::{Shape, Type};
use crate::webhooks::template::Value;
use crate::webhooks::template::value::Struct;

/// A struct of a type with some fields set.
fn record(name: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Shape::named(name).map_or(Value::Nil, |shape| {
        Value::Struct(Arc::new(Struct { shape, fields: fields.into_iter().collect() }))
    })
}

/// The dot of a template.
pub(super) fn data(
    injector: &Injector,
    request: &Request,
    pod: &Json,
    proxy_config: &Json,
) -> Value {
    let workload = request.workload.clone().unwrap_or_else(|| workload::of(pod));
    let part = |key: &str, name: &'static str| {
        typed(pod.get(key).unwrap_or(&Json::Null), &Type::Struct(name))
    };
    let (user, group) = openshift::ids(request.namespace_annotations.as_ref());
    let mode = injector.mesh.at("/inboundTrafficPolicy/mode").and_then(Json::as_str);
    let inbound = if mode == Some("LOCALHOST") { "localhost" } else { "passthrough" };
    record(
        "SidecarTemplateData",
        [
            (
                "TypeMeta",
                record(
                    "TypeMeta",
                    [
                        ("Kind", Value::text(workload.kind)),
                        ("APIVersion", Value::text(workload.api_version)),
                    ],
                ),
            ),
            (
                "DeploymentMeta",
                record(
                    "NamespacedName",
                    [
                        ("Name", Value::text(workload.name)),
                        ("Namespace", Value::text(workload.namespace)),
                    ],
                ),
            ),
            ("ObjectMeta", part("metadata", "ObjectMeta")),
            ("Spec", part("spec", "PodSpec")),
            ("ProxyConfig", typed(proxy_config, &Type::Struct("ProxyConfig"))),
            ("MeshConfig", injector.mesh.value.clone()),
            ("Values", injector.values.value.clone()),
            ("Revision", Value::text(&injector.revision)),
            ("NativeSidecars", Value::Bool(injector.native_sidecars)),
            ("ProxyImage", Value::text(image::proxy(&injector.values, pod, proxy_config))),
            ("ProxyUID", Value::Int(user)),
            ("ProxyGID", Value::Int(group)),
            ("InboundTrafficPolicyMode", Value::text(inbound)),
            ("CompliancePolicy", Value::text(&injector.compliance_policy)),
        ],
    )
}
