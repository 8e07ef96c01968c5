//! An issuer of tokens beside the daemon: it signs them, and tells its keys as OpenID Connect has it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::namespace::Namespace;
use super::network::HUB;
use super::wait::until;

/// How long tokens are good for.
const LIFETIME: Duration = Duration::from_secs(600);

/// A running issuer; dropping it ends it.
pub struct Issuer {
    /// Its name, which is where its configuration is.
    pub name: String,
    key: Key,
    /// What it serves at its keys' place; None for a failure.
    served: Arc<Mutex<Option<String>>>,
    _task: JoinSet<()>,
}

/// A key of an issuer.
pub struct Key {
    name: String,
    pair: KeyPair,
}

impl Key {
    /// A new one with this name.
    pub fn new(name: &str) -> Result<Key> {
        Ok(Key { name: name.to_owned(), pair: KeyPair::generate()? })
    }

    /// Its public half as a JSON web key.
    fn public(&self) -> Value {
        // A byte that says how the point is written, then the point.
        let (x, y) = self.pair.public_key_raw().split_at(1).1.split_at(32);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": self.name, "x": text(x), "y": text(y) })
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        let header = Header { kid: Some(self.name.clone()), ..Header::new(Algorithm::ES256) };
        let key = EncodingKey::from_ec_der(&self.pair.serialize_der());
        encode(&header, claims, &key).context("a token cannot be signed")
    }
}

impl Issuer {
    /// At a port of the hub, once nobody else is there: one that was dropped goes in its own time.
    pub async fn start(hub: &Namespace, port: u16) -> Result<Issuer> {
        let name = format!("http://{HUB}:{port}");
        let key = Key::new("first")?;
        let served = Arc::new(Mutex::new(Some(json!({ "keys": [key.public()] }).to_string())));
        let address = SocketAddr::from((HUB, port));
        let listener =
            until(&format!("{address} is free"), async || Ok(hub.listen(address).ok())).await?;
        let mut task = JoinSet::new();
        task.spawn(serve(listener, name.clone(), served.clone()));
        Ok(Issuer { name, key, served, _task: task })
    }

    /// The claims of a good token for somebody.
    pub fn claims(&self, subject: &str) -> Result<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(
            json!({ "iss": self.name, "sub": subject, "aud": "shop", "exp": (now + LIFETIME).as_secs() }),
        )
    }

    /// A good token for somebody.
    pub fn token(&self, subject: &str) -> Result<String> {
        self.sign(&self.claims(subject)?)
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        self.key.sign(claims)
    }

    /// Has another key from now on.
    pub fn rotate(&mut self, name: &str) -> Result<()> {
        self.key = Key::new(name)?;
        self.serve(true)
    }

    /// Tells its keys, or fails to.
    pub fn serve(&self, serves: bool) -> Result<()> {
        let keys = serves.then(|| json!({ "keys": [self.key.public()] }).to_string());
        *self.served.lock().ok().context("the issuer panicked")? = keys;
        Ok(())
    }
}

async fn serve(listener: TcpListener, name: String, keys: Arc<Mutex<Option<String>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (name, keys) = (name.clone(), keys.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let body = match request.uri().path() {
                "/.well-known/openid-configuration" => {
                    Some(json!({ "issuer": name, "jwks_uri": format!("{name}/keys") }).to_string())
                }
                "/keys" => keys.lock().ok().and_then(|keys| keys.clone()),
                _ => None,
            };
            let mut response =
                Response::new(Full::new(Bytes::from(body.clone().unwrap_or_default())));
            if body.is_none() {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            async move { Ok::<_, std::convert::Infallible>(response) }
        });
        let server = hyper::server::conn::http1::Builder::new();
        tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
    }
}
