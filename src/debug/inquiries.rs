//! Questions about the control plane over streams, as istioctl asks them: the same endpoints, the same rules about who
//! may ask for what, for whoever the stream's client was proved to be.
//!
//! `istio.io/debug` names an endpoint and gets its body, whatever its status. `istio.io/debug/syncz` and
//! `istio.io/debug/config_dump` are answered by messages instead. Who was not recognised is told nothing.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tonic::Status;
use tower::ServiceExt as _;

use super::access::{OF_OWN_PROXIES, Reader};
use super::answer::Refusal;
use super::config_dump;
use super::connections::{find, sorted};
use super::{Context, State, answers, sync};
use crate::api::Str;
use crate::model::ProxyKind;
use crate::model::identity::Spiffe;
use crate::proto::{Any, json as messages};
use crate::serve::ads::inquiry::{Inquiries, Inquiry, Told};
use crate::serve::connections::Connection;
use crate::version;

const ENDPOINTS: &str = "istio.io/debug";
const SYNC: &str = "istio.io/debug/syncz";
const DUMP: &str = "istio.io/debug/config_dump";

/// What Go's server says of paths that it does not know.
const UNKNOWN: &[u8] = b"404 page not found\n";

/// Answers questions on streams. `replica` is the name of this process.
pub fn inquiries(state: State, replica: &str) -> Inquiries {
    let asked = Asked {
        endpoints: answers(&state),
        context: Context { state, gate: super::answer::Gate::default() },
        identifier: identifier(replica).into(),
    };
    Inquiries::new(move |inquiry| asked.clone().answer(inquiry))
}

#[derive(Clone)]
struct Asked {
    endpoints: Router,
    context: Context,
    identifier: Str,
}

impl Asked {
    async fn answer(self, inquiry: Inquiry) -> Result<Told, Status> {
        match &*inquiry.type_url {
            ENDPOINTS => self.endpoint(inquiry).await,
            SYNC => self.sync(inquiry).await,
            DUMP => self.dump(inquiry).await,
            _ => Ok(Told::default()),
        }
    }

    /// The body of an endpoint. Namespaces may ask for the same as over HTTP, even where they may ask for all there.
    async fn endpoint(self, inquiry: Inquiry) -> Result<Told, Status> {
        let identity = inquiry.identity.ok_or_else(unknown)?;
        let [name] = <[String; 1]>::try_from(inquiry.names)
            .map_err(|_| Status::invalid_argument("exactly one debug request is required"))?;
        let uri: Uri = format!("/debug/{name}")
            .parse()
            .map_err(|_| Status::invalid_argument(format!("{name:?} is no debug request")))?;
        let endpoint = uri.path().strip_prefix("/debug/").unwrap_or_default();
        if !self.is_privileged(&identity) && !OF_OWN_PROXIES.contains(&endpoint) {
            let text =
                format!("the debug info is not available for current identity: \"{identity}\"");
            return Err(Status::permission_denied(text));
        }
        let reader = self.reader(&identity);
        let request = Request::get(uri).extension(reader).body(Body::empty());
        let request = request.map_err(|error| Status::internal(error.to_string()))?;
        let Ok(response) = self.endpoints.oneshot(request).await;
        let status = response.status();
        let body = response.into_body().collect().await;
        let mut value = body.map_err(|error| Status::internal(error.to_string()))?.to_bytes();
        if value.is_empty() && !status.is_success() {
            value = UNKNOWN.into();
        }
        let resource = Any { type_url: ENDPOINTS.to_owned(), value: value.into() };
        Ok(Told { resources: vec![(name, resource)], identifier: String::new() })
    }

    /// What each connected proxy was sent and accepted, as Envoy's status messages.
    async fn sync(self, inquiry: Inquiry) -> Result<Told, Status> {
        let reader = self.reader_of(inquiry.identity.as_ref())?;
        let Asked { context: Context { state, gate }, identifier, .. } = self;
        let make = move || {
            let proxies = sorted(&state).into_iter().filter(|connection| {
                is_proxy(connection) && reader.sees(&connection.proxy.namespace)
            });
            let resources = proxies.map(|connection| {
                let id = connection.proxy.id.to_string();
                Ok((id, message(CLIENT_CONFIG, &client(&connection))?))
            });
            resources.collect::<Result<Vec<_>, Refusal>>()
        };
        let resources =
            gate.make(make).await.map_err(|refusal| Status::internal(refusal.text()))?;
        Ok(Told { resources, identifier: identifier.to_string() })
    }

    /// What one proxy is served; nothing where it is not connected here, or is of another namespace.
    async fn dump(self, inquiry: Inquiry) -> Result<Told, Status> {
        let reader = self.reader_of(inquiry.identity.as_ref())?;
        let Ok([name]) = <[String; 1]>::try_from(inquiry.names) else {
            return Ok(Told::default());
        };
        let Context { state, gate } = self.context;
        let make = move || {
            let parameters = BTreeMap::from([("proxyID".to_owned(), name)]);
            let Ok(connection) = find(&state, &reader, &parameters) else { return Ok(Vec::new()) };
            let sections = config_dump::sections_as_json(&state, &connection)?.into_iter();
            let resources = sections.map(|section| {
                let type_url =
                    section.get("@type").and_then(Value::as_str).unwrap_or_default().to_owned();
                Ok((String::new(), message(&type_url, &without_type(section))?))
            });
            resources.collect::<Result<Vec<_>, Refusal>>()
        };
        let resources =
            gate.make(make).await.map_err(|refusal| Status::internal(refusal.text()))?;
        Ok(Told { resources, identifier: String::new() })
    }

    fn reader(&self, identity: &Spiffe) -> Reader {
        self.context.state.access.reader(&identity.namespace, &self.root())
    }

    fn is_privileged(&self, identity: &Spiffe) -> bool {
        self.context.state.access.is_privileged(&identity.namespace, &self.root())
    }

    /// What a client may see that need not be recognised where namespaces do not decide.
    fn reader_of(&self, identity: Option<&Spiffe>) -> Result<Reader, Status> {
        match identity {
            Some(identity) => Ok(self.reader(identity)),
            None if !self.context.state.access.by_namespace => Ok(Reader::Unrestricted),
            None => Err(unknown()),
        }
    }

    fn root(&self) -> Str {
        self.context.state.snapshots.load().mesh.root_namespace.clone()
    }
}

fn unknown() -> Status {
    Status::unauthenticated("authentication required")
}

/// Tools that merely ask are no proxies: their nodes have no configuration.
fn is_proxy(connection: &Connection) -> bool {
    let proxy = &connection.proxy;
    proxy.kind == ProxyKind::Ztunnel || proxy.metadata.get("PROXY_CONFIG").is_some()
}

const CLIENT_CONFIG: &str = "type.googleapis.com/envoy.service.status.v3.ClientConfig";

/// A proxy, and how far it is with each type.
fn client(connection: &Connection) -> Value {
    let proxy = &connection.proxy;
    let mut metadata = serde_json::Map::new();
    for key in ["CLUSTER_ID", "NAMESPACE", "ISTIO_VERSION"] {
        let told = proxy.metadata.get(key).filter(|told| told.as_str() != Some(""));
        metadata.extend(told.map(|told| (key.to_owned(), told.clone())));
    }
    let mut types: Vec<(&str, Value)> = connection.watched().iter().map(sync::as_status).collect();
    types.sort_by_key(|(type_url, _)| *type_url);
    let types: Vec<Value> = types.into_iter().map(|(_, status)| status).collect();
    json!({ "node": { "id": proxy.id, "metadata": metadata }, "genericXdsConfigs": types })
}

fn message(type_url: &str, value: &Value) -> Result<Any, Refusal> {
    let bytes = messages::from_json(type_url, value)
        .map_err(|error| Refusal::internal(format!("{type_url}: {error}")))?;
    Ok(Any { type_url: type_url.to_owned(), value: bytes.into() })
}

fn without_type(mut message: Value) -> Value {
    if let Some(fields) = message.as_object_mut() {
        fields.remove("@type");
    }
    message
}

/// Which control plane this is, as istioctl reads it.
fn identifier(replica: &str) -> String {
    let info = json!({
        "version": version::VERSION, "revision": version::REVISION, "golang_version": "",
        "status": version::STATUS, "tag": version::VERSION,
    });
    json!({ "Component": "istiod", "ID": replica, "Info": info }).to_string()
}
