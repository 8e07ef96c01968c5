//! The connected proxies, in the form that debug endpoints show.

use std::sync::Arc;

use crate::debug::{Client, Watched};
use crate::serve::connections::{self, Connection, Connections};

/// All of them, at the moment of each call.
pub fn clients(connections: Arc<Connections>) -> Arc<dyn Fn() -> Vec<Client> + Send + Sync> {
    Arc::new(move || connections.list().iter().map(|connection| client(connection)).collect())
}

fn client(connection: &Connection) -> Client {
    Client {
        id: connection.id.clone(),
        proxy: connection.proxy.clone(),
        connected: connection.connected,
        address: connection.peer,
        watches: connection.watched().into_iter().map(watched).collect(),
        view: Some(connection.view().as_ref().clone()),
    }
}

fn watched(watched: connections::Watched) -> Watched {
    let nonce = |nonce: Option<u64>| nonce.map(|nonce| format!("{nonce:x}")).unwrap_or_default();
    Watched {
        type_url: watched.kind.type_url().into(),
        names: if watched.wildcard { Arc::default() } else { watched.names },
        sent: nonce(watched.sent),
        accepted: nonce(watched.accepted),
        sent_at: watched.sent_at,
        error: watched.refusal.map(|refusal| refusal.message.to_string()).unwrap_or_default(),
    }
}
