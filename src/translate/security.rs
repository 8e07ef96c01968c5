//! Filters that refuse requests and connections, from the policies that apply to a workload.
//!
//! What applies is found once for each proxy and snapshot; what follows from it is memoised on the policies, so that
//! the workloads of a policy share its filters, and what did not change is the same by pointer.

pub mod authentication;

use self::authentication::Authentication;
use super::memo::{Recent, Same};
use crate::api::ObjectKey;
use crate::model::Proxy;
use crate::model::policy::attach::Workload;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use crate::snapshot::Snapshot;

/// What the builders remember.
#[derive(Debug, Default)]
pub struct Memos {
    authentication: Recent<authentication::Key, Authentication>,
}

impl Memos {
    /// See [`Recent::sweep`].
    pub fn sweep(&mut self) {
        self.authentication.sweep();
    }
}

/// The filters of a workload, or of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Guards {
    /// Which tokens of requests are believed; None if nobody asks.
    pub authentication: Option<Same<Authentication>>,
}

impl Guards {
    /// Those of a proxy.
    pub fn of(proxy: &Proxy, snapshot: &Snapshot, memos: &mut Memos) -> Guards {
        let root = &snapshot.mesh.root_namespace;
        let workload = Workload::of(proxy, &snapshot.features);
        let policies = snapshot.request_policies.of(&workload, root);
        let key = authentication::Key::of(policies, &snapshot.key_sets, proxy.kind);
        let authentication =
            key.map(|key| Same(memos.authentication.get(key, Authentication::new)));
        Guards { authentication }
    }

    /// Those of HTTP, in their order.
    pub fn http(&self) -> impl Iterator<Item = HttpFilter> {
        self.authentication.iter().map(|Same(authentication)| authentication.filter.clone())
    }

    /// The objects that they come from.
    pub fn origins(&self) -> impl Iterator<Item = &ObjectKey> {
        self.authentication.iter().flat_map(|Same(authentication)| &authentication.origins)
    }
}
