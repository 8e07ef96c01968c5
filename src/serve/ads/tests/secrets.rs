//! Secrets on a stream, to its end: who asks is believed here, as it comes from a loopback address.

use super::*;
use crate::model::credential::fixture::{certificate, tls};
use crate::model::{Credential, Credentials};

const URL: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const SITE: &str = "kubernetes://site";

impl Daemon {
    /// Publishes a snapshot in which the namespaces have a secret `site`, new ones each time.
    fn publish_secrets(&self, generation: u64, namespaces: &[&str]) {
        let mut credentials = Credentials::default();
        for namespace in namespaces {
            let secret = tls(namespace, "site", &certificate("site", 2020, 2090));
            credentials.insert(None, Arc::new(Credential::of_secret(&secret, None)));
        }
        let credentials = Arc::new(credentials);
        self.publisher.publish(Arc::new(Snapshot {
            generation,
            credentials,
            ..Snapshot::default()
        }));
    }
}

fn came(nonce: &str, names: &[&str]) -> Came {
    let resources = names.iter().map(|name| ((*name).to_owned(), String::new()));
    Came::Response(nonce.to_owned(), resources.collect())
}

#[tokio::test]
async fn a_proxy_is_served_the_secrets_of_its_namespace() {
    for protocol in [Protocol::Sotw, Protocol::Delta] {
        let daemon = start(0).await;
        let mut client = daemon.open(protocol).await;
        let node = node("edge-1");
        let asked = [SITE, "kubernetes://bank/site"];
        let ask = Ask { url: URL, names: &asked, node: &node, ..Ask::default() };
        client.send(&ask).await;
        // The other type tells that the stream goes on although nothing is said of secrets.
        client.send(&Ask::default()).await;
        assert_eq!(client.next().await, cluster("1", "1"));
        daemon.publish_secrets(2, &["bank"]);
        daemon.publish_secrets(3, &["bank", "shop"]);
        assert_eq!(client.next().await, came("2", &[SITE]), "{protocol:?}");
        let names = if protocol == Protocol::Sotw { &asked[..] } else { &[] };
        client.send(&Ask { url: URL, names, nonce: "2", ..Ask::default() }).await;
        daemon.publish_secrets(4, &["bank", "shop"]);
        assert_eq!(client.next().await, came("3", &[SITE]), "a renewed one");
        let wanted = daemon.ads.connections().list()[0].watched();
        let secrets = wanted.iter().find(|watched| watched.kind == ResourceType::Secret).unwrap();
        assert_eq!((secrets.sent, secrets.accepted), (Some(3), Some(2)));
        assert!(daemon.metrics.sds_errors.get() > 0, "of the other namespace");
        assert_eq!(daemon.metrics.pushes.with(&["sds"]).get(), 2);
    }
}
