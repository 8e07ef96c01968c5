//! PeerAuthentications: which connections a workload takes.
//!
//! What is nearer to a workload counts: a policy that selects it, else that of its namespace, else that of the root
//! namespace, which is for the mesh. Each leaves unset what the next more general one decides. Of several in one place
//! the oldest counts.

mod conflicts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::config::Config;
use crate::api::meta::selects;
use crate::api::security::PeerAuthentication;
use crate::api::security::peer_authentication::{MutualTls, MutualTlsMode};
use crate::api::{Diagnostic, Labels, ObjectKey, Str};

/// Which connections are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Nobody's TLS is ended.
    Disable,
    /// mTLS and everything else is taken.
    #[default]
    Permissive,
    /// Only mTLS is taken.
    Strict,
}

impl Mode {
    /// What a policy asks for; None where it leaves that to a more general one.
    fn asked(mtls: Option<MutualTls>) -> Option<Mode> {
        match mtls?.mode {
            MutualTlsMode::Unset => None,
            MutualTlsMode::Disable => Some(Mode::Disable),
            MutualTlsMode::Permissive => Some(Mode::Permissive),
            MutualTlsMode::Strict => Some(Mode::Strict),
        }
    }
}

/// The modes of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Modes {
    /// Of ports that are not in `ports`, and of those that no service names.
    pub workload: Mode,
    /// By the number on which the workload serves.
    pub ports: BTreeMap<u16, Mode>,
}

impl Modes {
    /// Of a port.
    pub fn of_port(&self, port: u16) -> Mode {
        self.ports.get(&port).copied().unwrap_or(self.workload)
    }
}

/// What applies to a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Applied {
    /// The modes.
    pub modes: Modes,
    /// The objects that they come from, sorted.
    pub origins: Vec<ObjectKey>,
}

/// All policies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peers {
    /// Where no policy is but that for the mesh.
    elsewhere: Arc<Policies>,
    /// By namespace.
    own: BTreeMap<Str, Arc<Policies>>,
    /// See [`Refusing`].
    pub refusing: Arc<Refusing>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

/// The policies for the workloads of one namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    /// For the mesh.
    mesh: Option<Arc<Config<PeerAuthentication>>>,
    /// For all workloads of the namespace.
    general: Option<Arc<Config<PeerAuthentication>>>,
    /// For those that they select, the oldest first.
    selected: Vec<Arc<Config<PeerAuthentication>>>,
}

/// The policies of those namespaces in which something takes no mTLS. Clients depend on these only: it is the same to
/// them whether a server takes anything else beside mTLS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refusing {
    elsewhere: Option<Arc<Policies>>,
    /// None for a namespace in which everything takes mTLS although the mesh says otherwise.
    own: BTreeMap<Str, Option<Arc<Policies>>>,
}

impl Peers {
    /// Of these objects, oldest first. What is as `before` is kept.
    pub fn new(
        configs: &[Arc<Config<PeerAuthentication>>],
        root_namespace: &Str,
        before: &Peers,
    ) -> Peers {
        let mut by_namespace: BTreeMap<&Str, Policies> = BTreeMap::new();
        for config in configs {
            let policies = by_namespace.entry(&config.meta.namespace).or_default();
            if is_selective(config) {
                policies.selected.push(config.clone());
            } else if policies.general.is_none() {
                policies.general = Some(config.clone());
            }
        }
        let root = by_namespace.remove(root_namespace).unwrap_or_default();
        let mesh = root.general;
        let keep = |new: Policies, old: Option<&Arc<Policies>>| match old {
            Some(old) if **old == new => old.clone(),
            _ => Arc::new(new),
        };
        let own = by_namespace.into_iter().map(|(namespace, policies)| {
            let policies = Policies { mesh: mesh.clone(), ..policies };
            (namespace.clone(), keep(policies, before.own.get(namespace)))
        });
        let own: BTreeMap<Str, Arc<Policies>> = own.collect();
        let elsewhere = Policies { mesh, ..Policies::default() };
        let elsewhere = keep(elsewhere, Some(&before.elsewhere));
        let refusing = Refusing::of(&elsewhere, &own);
        Peers {
            refusing: match *before.refusing == refusing {
                true => before.refusing.clone(),
                false => Arc::new(refusing),
            },
            elsewhere,
            own,
            diagnostics: conflicts::of(configs, root_namespace),
        }
    }

    /// Those for the workloads of a namespace.
    pub fn of(&self, namespace: &str) -> &Arc<Policies> {
        self.own.get(namespace).unwrap_or(&self.elsewhere)
    }

    /// See [`Policies::loosest`], of all namespaces.
    pub fn loosest(&self, labels: &Labels) -> Option<(Mode, Option<ObjectKey>)> {
        let mut all = [&self.elsewhere].into_iter().chain(self.own.values());
        all.find_map(|policies| policies.loosest(labels))
    }
}

impl Policies {
    /// What applies to a workload with these labels.
    pub fn apply(&self, labels: &Labels) -> Applied {
        let selected = self.selecting(labels);
        let mut applied = self.general();
        let Some(policy) = selected else { return applied };
        if let Some(mode) = Mode::asked(policy.spec.mtls) {
            applied = Applied { modes: Modes { workload: mode, ..Modes::default() }, ..applied };
            applied.origins.clear();
        }
        let workload = applied.modes.workload;
        for (port, mtls) in policy.spec.port_level_mtls.iter().flatten() {
            if let Ok(port @ 1..) = u16::try_from(*port) {
                let mode = Mode::asked(Some(*mtls)).unwrap_or(workload);
                applied.modes.ports.insert(port, mode);
            }
        }
        applied.origins.push(policy.key());
        applied.origins.sort();
        applied
    }

    /// What applies to workloads that no policy selects.
    pub fn general(&self) -> Applied {
        let nearest = [&self.general, &self.mesh].into_iter().flatten();
        let mut asking =
            nearest.filter_map(|policy| Some((policy, Mode::asked(policy.spec.mtls)?)));
        let (origins, workload) = match asking.next() {
            Some((policy, mode)) => (vec![policy.key()], mode),
            None => (Vec::new(), Mode::default()),
        };
        Applied { modes: Modes { workload, ..Modes::default() }, origins }
    }

    /// A mode other than STRICT that workloads with these labels have somewhere, and the object that it is from; None
    /// if they take nothing but mTLS. Of those that have more labels than these, their own policies decide.
    pub fn loosest(&self, labels: &Labels) -> Option<(Mode, Option<ObjectKey>)> {
        let Applied { modes, origins } = self.apply(labels);
        let mut all = [modes.workload].into_iter().chain(modes.ports.into_values());
        let loose = all.find(|mode| *mode != Mode::Strict)?;
        Some((loose, origins.into_iter().next_back()))
    }

    /// The mode of a port of a workload with these labels.
    pub fn mode(&self, labels: &Labels, port: u16) -> Mode {
        let selected = self.selecting(labels);
        let ports = selected.and_then(|policy| policy.spec.port_level_mtls.as_ref());
        let of_port = ports.and_then(|ports| ports.get(&u32::from(port)).copied());
        let nearest = [selected, self.general.as_ref(), self.mesh.as_ref()].into_iter().flatten();
        let levels = nearest.map(|policy| policy.spec.mtls);
        [of_port].into_iter().chain(levels).find_map(Mode::asked).unwrap_or_default()
    }

    /// The objects, sorted.
    pub fn origins(&self) -> Vec<ObjectKey> {
        let all = self.mesh.iter().chain(&self.general).chain(&self.selected);
        let mut origins: Vec<ObjectKey> = all.map(|policy| policy.key()).collect();
        origins.sort();
        origins
    }

    fn selecting(&self, labels: &Labels) -> Option<&Arc<Config<PeerAuthentication>>> {
        self.selected.iter().find(|policy| selects(selector(policy), labels))
    }

    /// Whether some workload takes no mTLS on some port.
    fn refuse(&self) -> bool {
        let asks = |mtls: &MutualTls| mtls.mode == MutualTlsMode::Disable;
        self.general().modes.workload == Mode::Disable
            || self.selected.iter().any(|policy| {
                policy.spec.mtls.iter().any(asks)
                    || policy.spec.port_level_mtls.iter().flatten().any(|(_, mtls)| asks(mtls))
            })
    }
}

impl Refusing {
    fn of(elsewhere: &Arc<Policies>, own: &BTreeMap<Str, Arc<Policies>>) -> Refusing {
        let refusing = |policies: &Arc<Policies>| policies.refuse().then(|| policies.clone());
        let elsewhere = refusing(elsewhere);
        let own = own.iter().map(|(namespace, policies)| (namespace.clone(), refusing(policies)));
        let own = own.filter(|(_, policies)| policies.is_some() || elsewhere.is_some());
        Refusing { own: own.collect(), elsewhere }
    }

    /// The policies of a namespace, if something there takes no mTLS.
    pub fn of_namespace(&self, namespace: &str) -> Option<&Arc<Policies>> {
        self.own.get(namespace).unwrap_or(&self.elsewhere).as_ref()
    }

    /// The object by which the workloads of a namespace take no mTLS, but for those that a policy selects.
    pub fn generally(&self, namespace: &str) -> Option<ObjectKey> {
        let Applied { modes, origins } = self.of_namespace(namespace)?.general();
        origins.into_iter().next().filter(|_| modes.workload == Mode::Disable)
    }
}

/// Whether a policy is for some workloads only.
fn is_selective(config: &Config<PeerAuthentication>) -> bool {
    !selector(config).is_empty()
}

fn selector(config: &Config<PeerAuthentication>) -> &Labels {
    static NONE: Labels = Labels::new();
    config.spec.selector.as_ref().map_or(&NONE, |selector| &selector.match_labels)
}
