//! Clusters of services that follow DestinationRules.

mod balancing;
mod pools;
mod subsets;
mod tls;

use std::sync::Arc;

use serde_json::{Value, json};

use super::{HTTP_OPTIONS, ISTIO, router, unchanged};
use crate::api::mesh::{TcpKeepalive, TlsDefaults};
use crate::api::{Kind, MeshConfig, ObjectKey};
use crate::model::{Protocol, Proxy, Registry, Resolution, Service, ServiceTarget, TlsMode};
use crate::translate::cluster::{Memos, inbound, outbound};
use crate::translate::fixture::{World, at, build, endpoint, find, scope, service, workload};
use crate::translate::resource::ResourceType;

const HOST: &str = "web.default.svc.cluster.local";
const TLS: &str = "/transport_socket/typed_config";

/// A service with a rule, and who looks at it.
struct Case {
    service: Service,
    rule: Value,
    mesh: MeshConfig,
    proxy: fn(&mut Proxy),
    endpoints: TlsMode,
}

impl Case {
    fn new(rule: Value) -> Case {
        Case {
            service: service("web.default", &[("http", 80, Protocol::Http)]),
            rule,
            mesh: MeshConfig::default(),
            proxy: unchanged,
            endpoints: TlsMode::Istio,
        }
    }

    fn policy(policy: Value) -> Case {
        Case::new(json!({ "trafficPolicy": policy }))
    }

    fn world(&self) -> World {
        let mut world = World::new(self.mesh.clone());
        let mut pod = workload("web-1.default", "", "");
        pod.tls_mode = self.endpoints;
        world.serve(&self.service, vec![endpoint("10.1.0.1", 80, &Arc::new(pod))]);
        world.apply(self.service.clone());
        world.rule("web.default", HOST, self.rule.clone());
        world
    }

    fn clusters(&self) -> crate::translate::translator::Built {
        let snapshot = self.world().snapshot();
        let scope = scope(&snapshot, self.proxy);
        build(&snapshot, &scope, |context| outbound(context, &mut Memos::default()))
    }

    fn subset(&self, subset: &str) -> Value {
        let name = format!("outbound|80|{subset}|{HOST}");
        find(&self.clusters(), ResourceType::Cluster, &name).unwrap()
    }

    fn cluster(&self) -> Value {
        self.subset("")
    }
}

/// The HTTP options of a cluster, without their type.
fn http_options(cluster: &Value) -> Value {
    let mut options = at(cluster, HTTP_OPTIONS).clone();
    if let Some(fields) = options.as_object_mut() {
        fields.remove("@type");
    }
    options
}
