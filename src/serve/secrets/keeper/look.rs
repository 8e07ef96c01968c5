//! One look at what a proxy asks for: what it is to have of it, and what is wrong with the rest.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::Account;
use super::super::name::{self, Meaning, Place, Unknown};
use super::super::review::Answer;
use super::super::told::{Mentions, Trouble};
use super::super::wanted::{MAX_WANTED, Object};
use crate::api::{Kind, ObjectKey, Severity, Str};
use crate::model::Proxy;
use crate::model::credential::{Certificate, Credential, Roots, Validity};
use crate::snapshot::Snapshot;
use crate::translate::Resource;
use crate::translate::secret::{self, Provider};

/// What a proxy has, by name: what it was made from, and the resource.
pub(super) type Held = BTreeMap<Str, (Source, Arc<Resource>)>;

/// What a resource was made from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Certificate(Arc<Certificate>, Option<Provider>),
    Roots(Arc<Roots>),
}

impl Source {
    fn is(&self, other: &Source) -> bool {
        match (self, other) {
            (Source::Certificate(a, own), Source::Certificate(b, others)) => {
                Arc::ptr_eq(a, b) && own == others
            }
            (Source::Roots(a), Source::Roots(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn validity(&self) -> Validity {
        match self {
            Source::Certificate(certificate, _) => certificate.validity(),
            Source::Roots(roots) => roots.validity(),
        }
    }
}

/// Who looks, and at what.
pub(super) struct Look<'a> {
    pub snapshot: &'a Snapshot,
    pub proxy: &'a Proxy,
    pub account: Option<&'a Account>,
    /// The cluster of the proxy, unless it is the one that configures the mesh.
    pub cluster: Option<Str>,
    /// Whether the account may read secrets, if that was asked.
    pub answer: Option<&'a Answer>,
    /// What the proxy has so far.
    pub held: &'a Held,
    /// What is not there may be on its way.
    pub patient: bool,
    /// Who names secrets; found when there is something to say.
    pub mentions: OnceCell<Mentions>,
}

/// What was found.
#[derive(Default)]
pub(super) struct Seen {
    /// What the proxy is to have.
    pub held: Held,
    /// The objects that are to be read for it.
    pub wants: BTreeSet<Object>,
    /// What is wrong.
    pub troubles: Vec<Trouble>,
    /// How long it takes until something of it becomes valid, or is so no more.
    pub changes: Option<Duration>,
}

/// Whether the name is one that only those accounts may have that may read secrets.
pub(super) fn needs_review(name: &str, account: &Account) -> bool {
    let own = |meaning: &Meaning| meaning.namespace == *account.namespace;
    name::parse(name, &account.namespace).is_ok_and(|meaning| !meaning.roots && own(&meaning))
}

/// What is said of an object that is not read because there are too many.
pub(super) fn too_many((_, key): &Object) -> Trouble {
    Trouble {
        severity: Severity::Error,
        of: vec![(Some(key.clone()), String::new())],
        message: format!("is not read: proxies ask for more than {MAX_WANTED} objects"),
    }
}

impl Look<'_> {
    /// At these names.
    pub(super) fn at(&self, names: &[Str]) -> Seen {
        let mut seen = Seen::default();
        let Some(account) = self.account else {
            seen.troubles.extend(names.first().map(|name| self.trouble(name, &[], UNPROVEN)));
            return seen;
        };
        for name in names {
            let allowed = name::parse(name, &account.namespace).map_err(|unknown| match unknown {
                Unknown::Invalid => None,
                Unknown::Malformed(why) => {
                    Some(self.trouble(name, &[], format!("`{name}` names no secret: {why}")))
                }
            });
            match allowed.and_then(|meaning| self.allow(name, account, meaning).map_err(Some)) {
                Ok(meaning) => self.serve(name, meaning, &mut seen),
                Err(trouble) => seen.troubles.extend(trouble),
            }
        }
        seen
    }

    /// Whether an account may have what a name means.
    fn allow(&self, name: &Str, account: &Account, meaning: Meaning) -> Result<Meaning, Trouble> {
        let Account { namespace, name: of } = account;
        if meaning.objects.iter().any(|key| key.kind == Kind::ConfigMap) {
            return Ok(meaning);
        }
        if *meaning.namespace != **namespace {
            let message = format!(
                "is not given to the account {namespace}/{of}: proxies get secrets of their own namespace only; put it \
                 into {namespace}, and name it without a namespace"
            );
            return Err(self.trouble(name, &meaning.objects, message));
        }
        if meaning.roots {
            // Roots are no secret.
            return Ok(meaning);
        }
        let why = match self.answer {
            Some(Answer::Allowed) => return Ok(meaning),
            Some(Answer::Denied(how)) => format!("it may not list secrets in {namespace}: {how}"),
            Some(Answer::Unknown(why)) => {
                format!("whether it may read secrets is not known: {why}")
            }
            None => "whether it may read secrets was not asked".to_owned(),
        };
        let message = format!("is not given to the account {namespace}/{of}: {why}");
        Err(self.trouble(name, &meaning.objects, message))
    }

    fn serve(&self, name: &Str, meaning: Meaning, seen: &mut Seen) {
        let clusters: Vec<Option<Str>> = match (meaning.place, &self.cluster) {
            (Place::Near, Some(remote)) => vec![Some(remote.clone()), None],
            _ => vec![None],
        };
        for cluster in &clusters {
            let objects = meaning.objects.iter().map(|key| (cluster.clone(), key.clone()));
            seen.wants.extend(objects);
        }
        let found: Vec<&Arc<Credential>> = clusters
            .iter()
            .filter_map(|cluster| self.first(cluster.as_deref(), &meaning))
            .collect();
        let usable = found.iter().find_map(|credential| {
            self.source(credential, meaning.roots).map(|source| (source, *credential))
        });
        let Some((source, credential)) = usable else {
            if !self.patient || !found.is_empty() {
                seen.troubles.push(self.missing(name, &meaning, &found));
            }
            return;
        };
        self.warn(name, &source, credential, seen);
        let kept = self.held.get(name).filter(|(before, _)| before.is(&source));
        let resource = kept.map(|(_, resource)| resource.clone()).unwrap_or_else(|| {
            Arc::new(match &source {
                Source::Certificate(certificate, provider) => {
                    secret::certificate(name, certificate, provider.as_ref(), &credential.object)
                }
                Source::Roots(roots) => secret::roots(name, roots, &credential.object),
            })
        });
        seen.held.insert(name.clone(), (source, resource));
    }

    /// The first of the objects that exists in a cluster.
    fn first(&self, cluster: Option<&str>, meaning: &Meaning) -> Option<&Arc<Credential>> {
        let all = &self.snapshot.credentials;
        meaning.objects.iter().find_map(|key| all.find(cluster, key))
    }

    fn source(&self, credential: &Credential, roots: bool) -> Option<Source> {
        if roots {
            return credential.roots.good.clone().map(Source::Roots);
        }
        let certificate = credential.certificate.good.clone()?;
        let provider = Provider::of_proxy(self.proxy, &self.snapshot.mesh);
        Some(Source::Certificate(certificate, provider))
    }

    fn missing(&self, name: &Str, meaning: &Meaning, found: &[&Arc<Credential>]) -> Trouble {
        let what = match meaning.roots {
            true => "a bundle of roots (ca.crt, or cacert)",
            false => "a certificate with its key (tls.crt and tls.key, or cert and key)",
        };
        let Some(credential) = found.first() else {
            let names: Vec<String> = meaning.objects.iter().map(ToString::to_string).collect();
            let message =
                format!("{} does not exist, or holds nothing for TLS", names.join(" or "));
            return self.trouble(name, &[], format!("{message}: make it, with {what}"));
        };
        let object = &credential.object;
        let faults = match meaning.roots {
            true => &credential.roots.faults,
            false => &credential.certificate.faults,
        };
        let message = match faults.first() {
            Some(fault) => format!("{object} cannot be used: {} {}", fault.path, fault.message),
            None => format!("{object} holds nothing that can be served: it takes {what}"),
        };
        // The object itself is told by who reads it.
        self.trouble(name, &[], message)
    }

    /// Says what is wrong with something that is served all the same.
    fn warn(&self, name: &Str, source: &Source, credential: &Credential, seen: &mut Seen) {
        let now = Timestamp::now();
        let validity = source.validity();
        if let Some(change) = validity.changes_after(now) {
            let wait = Duration::try_from(change.duration_since(now)).unwrap_or_default();
            seen.changes = Some(seen.changes.map_or(wait, |other| other.min(wait)));
        }
        let object = &credential.object;
        let faults = match source {
            Source::Certificate(..) => &credential.certificate.faults,
            Source::Roots(_) => &credential.roots.faults,
        };
        let old = faults.iter().find(|fault| fault.severity == Severity::Error);
        let words = match (validity.fault_at(now), old) {
            (Some(fault), _) => format!("the certificate of {object} {fault}: renew it"),
            (None, Some(fault)) => format!("{object}: {} {}", fault.path, fault.message),
            (None, None) => return,
        };
        let mut trouble = self.trouble(name, &[], words);
        trouble.severity = Severity::Warning;
        seen.troubles.push(trouble);
    }

    /// Said of the objects that name the secret, and of the secret itself if `objects` are named.
    fn trouble(&self, name: &str, objects: &[ObjectKey], message: impl Into<String>) -> Trouble {
        let mentions = self.mentions.get_or_init(|| Mentions::of(self.snapshot, self.proxy));
        let mut of = mentions.find(name);
        of.extend(objects.first().map(|key| (Some(key.clone()), String::new())));
        if of.is_empty() {
            of.push((None, String::new()));
        }
        let message = message.into();
        // What is said of the secret itself needs no name.
        let message = match objects.first() {
            Some(key) => format!("{key} {message}"),
            None => message,
        };
        Trouble { severity: Severity::Error, of, message }
    }
}

/// What is said to those who did not prove who they are.
const UNPROVEN: &str = "the proxy gets no secrets, as it did not prove who it is: connect it with its certificate, or a \
                        token of its account, to the port with TLS (--secureGRPCAddr)";
