//! Kinds and keys: what names an object across the whole process.

use std::fmt;

use super::Str;

macro_rules! kinds {
    ($($variant:ident $group:literal $version:literal $plural:literal [$($alias:literal),*] $scope:ident),* $(,)?) => {
        /// The kinds of objects that the project reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each variant is the Kubernetes kind of its name")]
        pub enum Kind { $($variant),* }

        impl Kind {
            /// Every kind, in declaration order.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),*];

            /// The kind as an object's `kind` field spells it.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$variant => stringify!($variant)),* }
            }

            /// The API group; empty for Kubernetes' core group.
            pub fn group(self) -> &'static str {
                match self { $(Kind::$variant => $group),* }
            }

            /// The version of the group in which the kind is stored.
            pub fn version(self) -> &'static str {
                match self { $(Kind::$variant => $version),* }
            }

            /// The resource name, as in URLs and RBAC rules.
            pub fn plural(self) -> &'static str {
                match self { $(Kind::$variant => $plural),* }
            }

            /// Other served versions that are accepted and mean the same.
            pub fn aliases(self) -> &'static [&'static str] {
                match self { $(Kind::$variant => &[$($alias),*]),* }
            }

            /// Whether objects of the kind live in a namespace.
            pub fn namespaced(self) -> bool {
                match self { $(Kind::$variant => matches!(Scope::$scope, Scope::Namespaced)),* }
            }
        }
    };
}

enum Scope {
    Namespaced,
    Cluster,
}

kinds! {
    Namespace "" "v1" "namespaces" [] Cluster,
    Node "" "v1" "nodes" [] Cluster,
    Pod "" "v1" "pods" [] Namespaced,
    Service "" "v1" "services" [] Namespaced,
    Endpoints "" "v1" "endpoints" [] Namespaced,
    EndpointSlice "discovery.k8s.io" "v1" "endpointslices" ["v1beta1"] Namespaced,
    ServiceAccount "" "v1" "serviceaccounts" [] Namespaced,
    Secret "" "v1" "secrets" [] Namespaced,
    ConfigMap "" "v1" "configmaps" [] Namespaced,
    VirtualService "networking.istio.io" "v1" "virtualservices" ["v1alpha3", "v1beta1"] Namespaced,
    Gateway "networking.istio.io" "v1" "gateways" ["v1alpha3", "v1beta1"] Namespaced,
    DestinationRule "networking.istio.io" "v1" "destinationrules" ["v1alpha3", "v1beta1"] Namespaced,
    ServiceEntry "networking.istio.io" "v1" "serviceentries" ["v1alpha3", "v1beta1"] Namespaced,
    WorkloadEntry "networking.istio.io" "v1" "workloadentries" ["v1alpha3", "v1beta1"] Namespaced,
    WorkloadGroup "networking.istio.io" "v1" "workloadgroups" ["v1alpha3", "v1beta1"] Namespaced,
    Sidecar "networking.istio.io" "v1" "sidecars" ["v1alpha3", "v1beta1"] Namespaced,
    EnvoyFilter "networking.istio.io" "v1alpha3" "envoyfilters" [] Namespaced,
    ProxyConfig "networking.istio.io" "v1beta1" "proxyconfigs" [] Namespaced,
    AuthorizationPolicy "security.istio.io" "v1" "authorizationpolicies" ["v1beta1"] Namespaced,
    RequestAuthentication "security.istio.io" "v1" "requestauthentications" ["v1beta1"] Namespaced,
    PeerAuthentication "security.istio.io" "v1" "peerauthentications" ["v1beta1"] Namespaced,
    Telemetry "telemetry.istio.io" "v1" "telemetries" ["v1alpha1"] Namespaced,
    WasmPlugin "extensions.istio.io" "v1alpha1" "wasmplugins" [] Namespaced,
    TrafficExtension "extensions.istio.io" "v1alpha1" "trafficextensions" [] Namespaced,
}

impl Kind {
    /// The kind that an object's `apiVersion` and `kind` name, in any version that is served.
    pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Kind::ALL.iter().copied().find(|k| {
            k.name() == kind
                && k.group() == group
                && (k.version() == version || k.aliases().contains(&version))
        })
    }

    /// The kind of a group, whatever the version.
    pub fn of_group(group: &str, kind: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|k| k.name() == kind && k.group() == group)
    }

    /// `group/version`, or `version` for the core group.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => self.version().to_owned(),
            group => format!("{group}/{}", self.version()),
        }
    }

    /// Whether the kind is one of Istio's own.
    pub fn is_istio(self) -> bool {
        self.group().ends_with("istio.io")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names one object. The order is by kind, namespace, name: the order in which things are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// What it is.
    pub kind: Kind,
    /// Its namespace; empty for kinds without one.
    pub namespace: Str,
    /// Its name.
    pub name: Str,
}

impl ObjectKey {
    /// A key from its parts.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey { kind, namespace: namespace.into(), name: name.into() }
    }
}

/// `VirtualService default/reviews`; without a namespace `Node node-a`.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}
