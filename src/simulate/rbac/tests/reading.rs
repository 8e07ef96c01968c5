//! Policies as Istio's documentation says what they mean, read from their JSON. Shares no code with translation.

use std::net::IpAddr;

use serde_json::Value;

use crate::simulate::request::{Http, Payload, Request};

/// A request for a workload of the namespace `a`, in a mesh with the trust domain `td`, which was `old` once.
pub struct Reading<'a> {
    request: &'a Request,
    http: Option<&'a Http>,
    /// Trust domain, namespace and account.
    identity: Option<[&'a str; 3]>,
}

/// Of a term, on a connection that is no HTTP.
const HTTP_ONLY: &[&str] = &[
    "hosts",
    "methods",
    "paths",
    "requestPrincipals",
    "notHosts",
    "notMethods",
    "notPaths",
    "notRequestPrincipals",
];

impl<'a> Reading<'a> {
    pub fn of(request: &'a Request) -> Reading<'a> {
        let identity = request.tls.as_ref().and_then(|tls| tls.identity.as_deref());
        let identity = identity.map(|identity| {
            let parts: Vec<&str> = identity.trim_start_matches("spiffe://").split('/').collect();
            [parts[0], parts[2], parts[4]]
        });
        let http = match &request.payload {
            Payload::Http(http) => Some(http),
            Payload::Tcp => None,
        };
        Reading { request, http, identity }
    }

    /// What DENY describes is refused; what no ALLOW describes too, if there is any.
    pub fn allows(&self, policies: &[Value]) -> bool {
        let of =
            |action: &'static str| policies.iter().filter(move |policy| policy["action"] == action);
        let describes = |policy: &Value| {
            let lenient = policy["action"] != "ALLOW";
            policy["rules"].as_array().unwrap().iter().any(|rule| self.describes(rule, lenient))
        };
        if of("DENY").any(describes) {
            return false;
        }
        of("ALLOW").next().is_none() || of("ALLOW").any(describes)
    }

    fn describes(&self, rule: &Value, lenient: bool) -> bool {
        let list = |name: &str| rule[name].as_array().unwrap();
        let tcp = self.http.is_none();
        let uses_http = |fields: &Value| {
            fields.as_object().unwrap().keys().any(|field| HTTP_ONLY.contains(&field.as_str()))
        };
        let is_http =
            |condition: &&Value| condition["key"].as_str().unwrap().starts_with("request.");
        if tcp && !lenient {
            let sources = list("from").iter().map(|from| &from["source"]);
            let operations = list("to").iter().map(|to| &to["operation"]);
            if sources.chain(operations).any(uses_http) || list("when").iter().any(|c| is_http(&c))
            {
                return false;
            }
        }
        let holds = |fields: &Value| {
            let mut fields = fields.as_object().unwrap().iter();
            fields.all(|(field, values)| {
                if tcp && HTTP_ONLY.contains(&field.as_str()) {
                    return true;
                }
                let plain = match field.strip_prefix("not") {
                    Some(rest) => rest[..1].to_lowercase() + &rest[1..],
                    None => field.clone(),
                };
                let one = texts(values).iter().any(|value| self.has(&plain, value));
                one != field.starts_with("not")
            })
        };
        let any = |list: &[Value], inner: &str| {
            list.is_empty() || list.iter().any(|one| holds(&one[inner]))
        };
        any(list("from"), "source")
            && any(list("to"), "operation")
            && list("when").iter().all(|condition| {
                if tcp && is_http(&condition) {
                    return true;
                }
                let key = condition["key"].as_str().unwrap();
                let one =
                    |field: &str| texts(&condition[field]).iter().any(|value| self.has(key, value));
                match condition.get("values") {
                    Some(_) => one("values"),
                    None => !one("notValues"),
                }
            })
    }

    /// Whether the request has this value of an attribute.
    fn has(&self, attribute: &str, value: &str) -> bool {
        let header = |name: &str| self.http.and_then(|http| http.get(name));
        let claim = |path: &[&str]| {
            let claims = self.request.claims.as_ref()?;
            path.iter().try_fold(claims, |value, name| value.get(name))
        };
        match attribute {
            "principals" | "source.principal" => self.is_principal(value),
            "namespaces" | "source.namespace" => {
                self.identity.is_some_and(|[_, namespace, _]| covers_anything(value, namespace))
            }
            "serviceAccounts" | "source.serviceAccount" => {
                let (namespace, account) = value.split_once('/').unwrap_or(("a", value));
                self.identity.is_some_and(|[_, of, own]| (of, own) == (namespace, account))
            }
            "trustDomains" | "source.trustDomain" => self.identity.is_some_and(|[domain, ..]| {
                let mesh = ["td", "old"];
                covers(value, domain) || mesh.contains(&value) && mesh.contains(&domain)
            }),
            "ipBlocks" | "source.ip" => within(value, self.request.source.ip()),
            "remoteIpBlocks" | "remote.ip" => within(value, "10.1.2.3".parse().unwrap()),
            "destination.ip" => within(value, self.request.destination.ip()),
            "ports" | "destination.port" => value == self.request.destination.port().to_string(),
            "connection.sni" => {
                let sni = self.request.tls.as_ref().and_then(|tls| tls.sni.as_deref());
                covers(value, sni.unwrap_or_default())
            }
            "hosts" => header(":authority")
                .is_some_and(|host| covers(&value.to_lowercase(), &host.to_lowercase())),
            "methods" => header(":method").is_some_and(|method| covers(value, method)),
            "paths" => {
                header(":path").is_some_and(|path| is_path(value, path.split('?').next().unwrap()))
            }
            "request.headers[x-a]" => header("x-a").is_some_and(|header| covers(value, header)),
            "requestPrincipals" | "request.auth.principal" => {
                let text = |name: &str| claim(&[name]).and_then(Value::as_str);
                let (Some(issuer), Some(subject)) = (text("iss"), text("sub")) else {
                    return false;
                };
                let whole = format!("{issuer}/{subject}");
                match (value, value.contains('/')) {
                    ("*", _) => true,
                    // Without a slash the issuer is meant, and its subjects are left open.
                    (_, false) => {
                        value.strip_suffix('*').is_some_and(|prefix| issuer.starts_with(prefix))
                    }
                    _ => covers(value, &whole),
                }
            }
            "request.auth.audiences" => is_claim(claim(&["aud"]), value),
            "request.auth.claims[groups]" => is_claim(claim(&["groups"]), value),
            "request.auth.claims[deep][er]" => is_claim(claim(&["deep", "er"]), value),
            other => panic!("{other}"),
        }
    }

    /// A whole identity names the mesh by any of its trust domains, or by `cluster.local`.
    fn is_principal(&self, value: &str) -> bool {
        let Some([domain, namespace, account]) = self.identity else { return false };
        let name = format!("{domain}/ns/{namespace}/sa/{account}");
        let mesh = ["td", "old"];
        match value.split_once('/') {
            Some((own, rest))
                if rest.split('/').count() == 4
                    && (mesh.contains(&own) || own == "cluster.local") =>
            {
                mesh.contains(&domain) && covers(rest, &format!("ns/{namespace}/sa/{account}"))
            }
            _ => covers(value, &name),
        }
    }
}

fn texts(values: &Value) -> Vec<String> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// All of it, its beginning, its end, or anything at all.
fn covers(value: &str, text: &str) -> bool {
    match (value.strip_prefix('*'), value.strip_suffix('*')) {
        _ if value == "*" => !text.is_empty(),
        (Some(suffix), _) => text.ends_with(suffix),
        (_, Some(prefix)) => text.starts_with(prefix),
        _ => value == text,
    }
}

/// The same for namespaces.
fn covers_anything(value: &str, text: &str) -> bool {
    value == "*" || covers(value, text)
}

fn is_claim(claim: Option<&Value>, value: &str) -> bool {
    match claim {
        Some(Value::String(text)) => covers(value, text),
        Some(Value::Array(all)) => all.iter().any(|one| covers(value, one.as_str().unwrap())),
        _ => false,
    }
}

fn is_path(value: &str, path: &str) -> bool {
    if !value.contains('{') {
        return covers(value, path);
    }
    let (mut wanted, mut given) = (value.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            // The last one in these tests.
            (Some("{**}"), Some(_)) => return true,
            (Some("{*}"), Some(segment)) if !segment.is_empty() => {}
            (Some(want), Some(segment)) if want == segment => {}
            _ => return false,
        }
    }
}

fn within(block: &str, ip: IpAddr) -> bool {
    let (address, length) = block.split_once('/').unwrap_or((block, ""));
    match (address.parse().unwrap(), ip) {
        (IpAddr::V4(block), IpAddr::V4(ip)) => {
            let length: u32 = length.parse().unwrap_or(32);
            let mask = u32::MAX << (32 - length);
            u32::from(block) & mask == u32::from(ip) & mask
        }
        _ => false,
    }
}
