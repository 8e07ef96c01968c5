//! The texts in a ConfigMap, which is followed by its name.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::Client;
use tokio::sync::{mpsc, watch};

use super::super::kubernetes::wanted::{self, WantedObjects};
use super::super::report::Reporter;
use super::{CONFIG, CONFIG_MAP, DEFAULT_REVISION, Place, Take, Taker, Texts, VALUES};
use crate::api::core::ConfigMap;
use crate::api::{Change, Diagnostic, Kind, Object, ObjectKey, Wanted};

/// How many batches of one object may wait.
const AHEAD: usize = 4;

/// What to follow, and whom to tell.
pub struct InjectorMap {
    /// The API server.
    pub client: Client,
    /// The namespace of the control plane.
    pub namespace: String,
    /// Its revision.
    pub revision: String,
    /// Who takes the texts.
    pub take: Take,
    /// Where is shown what is wrong with what it says.
    pub diagnostics: watch::Sender<Arc<[Diagnostic]>>,
    /// Where is shown why it cannot be read.
    pub unread: watch::Sender<Arc<[Diagnostic]>>,
}

impl InjectorMap {
    /// The ConfigMap.
    pub fn key(namespace: &str, revision: &str) -> ObjectKey {
        let name = match revision {
            "" | DEFAULT_REVISION => CONFIG_MAP.to_owned(),
            revision => format!("{CONFIG_MAP}-{revision}"),
        };
        ObjectKey::new(Kind::ConfigMap, namespace, &name)
    }

    /// Follows it for ever. A ConfigMap that is gone leaves what was taken last.
    pub async fn run(self) {
        let key = InjectorMap::key(&self.namespace, &self.revision);
        let wanted: Wanted = [(None, BTreeSet::from([key.clone()]))].into();
        let wanted = watch::Sender::new(Arc::new(wanted));
        let (batches, mut inlet) = mpsc::channel(AHEAD);
        let mut reporter = Reporter::new(self.diagnostics);
        let mut taker = Taker::new(self.take);
        let source = WantedObjects {
            client: self.client,
            cluster: None,
            wanted: wanted.subscribe(),
            batches,
            diagnostics: self.unread,
        };
        let follow = async {
            while let Some(batch) = inlet.recv().await {
                for change in batch.changes {
                    match change {
                        Change::Apply(Object::ConfigMap(map)) => {
                            reporter.report(taken(&mut taker, &key, &map).await);
                        }
                        // That it is not there is no fault: then nobody is injected.
                        Change::Remove(_) if !taker.taken => reporter.report(Vec::new()),
                        Change::Remove(_) => {
                            let place = Place::ConfigMap(key.clone());
                            let gone = place.wrong(CONFIG, "the ConfigMap is gone".to_owned());
                            reporter.report(vec![taker.kept(gone)]);
                        }
                        Change::Apply(_) => {}
                    }
                }
            }
        };
        tokio::join!(wanted::run(source), follow);
    }
}

/// Takes what a ConfigMap says. What is wrong with it.
async fn taken(taker: &mut Taker, key: &ObjectKey, map: &ConfigMap) -> Vec<Diagnostic> {
    let place = Place::ConfigMap(key.clone());
    let text = |key: &str| map.data.get(key).map(|text| text.to_string());
    match (text(CONFIG), text(VALUES)) {
        (Some(config), Some(values)) => taker.take(Texts { config, values, place }).await,
        (config, values) => [(CONFIG, config), (VALUES, values)]
            .into_iter()
            .filter(|(_, text)| text.is_none())
            .map(|(key, _)| taker.kept(place.wrong(key, "missing".to_owned())))
            .collect(),
    }
}
