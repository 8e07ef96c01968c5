//! Who asks: attributes of requests that become principals.

use super::attribute::{Alternatives, Attribute, block, each};
use super::metadata::{claim, itself_or_in_list, text, texts};
use super::node::{Node, principal};
use super::pattern::{Pattern, Piece};
use super::text::{SPIFFE, Text};
use crate::api::Str;
use crate::proto::envoy::envoy::config::rbac::v3::Principal;
use crate::proto::envoy::envoy::config::rbac::v3::principal::{Authenticated, Identifier};
use crate::proto::envoy::envoy::r#type::matcher::v3::{MetadataMatcher, StringMatcher};
use crate::translate::common::value::prefix;

/// Such an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker<'a> {
    /// The identity that mTLS proved.
    Principal,
    /// The issuer and subject of the token.
    RequestPrincipal,
    /// The service account of the identity.
    ServiceAccount {
        /// That of accounts which name none.
        namespace: &'a str,
    },
    /// The trust domain of the identity.
    TrustDomain,
    /// The namespace of the identity.
    Namespace,
    /// The address from which the request first came.
    RemoteIp,
    /// The address of who is connected.
    SourceIp,
    /// Whom the token is for.
    Audiences,
    /// Whom the token was given to.
    Presenter,
    /// A claim of the token, by its path.
    Claim(Vec<&'a str>),
    /// A header.
    Header(&'a str),
    /// A key of a header or a claim that names none.
    Malformed,
}

impl<'a> Asker<'a> {
    /// By the key of a condition, in a policy of this namespace; None if it is no such attribute.
    pub fn of_key(key: &'a str, namespace: &'a str) -> Option<Asker<'a>> {
        Some(match key {
            "source.ip" => Asker::SourceIp,
            "remote.ip" => Asker::RemoteIp,
            "source.namespace" => Asker::Namespace,
            "source.trustDomain" => Asker::TrustDomain,
            "source.serviceAccount" => Asker::ServiceAccount { namespace },
            "source.principal" => Asker::Principal,
            "request.auth.principal" => Asker::RequestPrincipal,
            "request.auth.audiences" => Asker::Audiences,
            "request.auth.presenter" => Asker::Presenter,
            _ => {
                match (key.strip_prefix("request.headers"), key.strip_prefix("request.auth.claims"))
                {
                    (Some(name), _) => in_brackets(name).map_or(Asker::Malformed, Asker::Header),
                    (_, Some(path)) => nested(path).map_or(Asker::Malformed, Asker::Claim),
                    _ => return None,
                }
            }
        })
    }
}

/// `[NAME]`.
fn in_brackets(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.strip_suffix(']').filter(|name| !name.is_empty())
}

/// `[NAME][NAME]…`. What is no such list of names is one name, brackets and all.
fn nested(text: &str) -> Option<Vec<&str>> {
    let names = in_brackets(text)?;
    let path: Vec<&str> = names.split("][").collect();
    let plain = |name: &&str| !name.contains(['[', ']']);
    Some(if path.iter().all(plain) { path } else { vec![names] })
}

impl Attribute for Asker<'_> {
    type Node = Principal;

    fn is_http(&self) -> bool {
        use Asker::{Audiences, Claim, Header, Malformed, Presenter, RequestPrincipal};
        matches!(self, RequestPrincipal | Audiences | Presenter | Claim(_) | Header(_) | Malformed)
    }

    fn alternatives(&self, values: &[Str]) -> Alternatives<Principal> {
        match self {
            Asker::Principal => {
                each(values, |value| Some(authenticated(Text::of(value).identity())))
            }
            Asker::Namespace => each(values, |value| Some(authenticated(of_namespace(value)))),
            Asker::ServiceAccount { namespace } => {
                each(values, |value| Some(authenticated(of_account(value, namespace))))
            }
            Asker::TrustDomain => each(values, |value| Some(authenticated(of_trust_domain(value)))),
            Asker::SourceIp => {
                each(values, |value| Some(principal(Identifier::DirectRemoteIp(block(value)?))))
            }
            Asker::RemoteIp => {
                each(values, |value| Some(principal(Identifier::RemoteIp(block(value)?))))
            }
            Asker::Header(name) => each(values, |value| {
                Some(principal(Identifier::Header(Text::of(value).header(name, false))))
            }),
            Asker::RequestPrincipal => Alternatives::Whole(Some(request_principals(values))),
            Asker::Audiences => of_claim(&["aud"], values),
            Asker::Presenter => of_claim(&["azp"], values),
            Asker::Claim(path) => of_claim(path, values),
            Asker::Malformed => Alternatives::Whole(None),
        }
    }
}

fn authenticated(name: StringMatcher) -> Principal {
    principal(Identifier::Authenticated(Authenticated { principal_name: Some(name) }))
}

/// `TRUST_DOMAIN/ns/NAMESPACE/sa/…`. Asterisks may stand anywhere.
fn of_namespace(value: &str) -> StringMatcher {
    let mut pieces = vec![Piece::Any, Piece::Text("/ns/")];
    for (index, literal) in value.split('*').enumerate() {
        pieces.extend((index > 0).then_some(Piece::Any));
        pieces.push(Piece::Text(literal));
    }
    pieces.extend([Piece::Text("/"), Piece::Any]);
    Pattern::new(pieces).matcher()
}

/// `[NAMESPACE/]NAME`. An identity may tell more than these two, between them and after them.
fn of_account(value: &str, own: &str) -> StringMatcher {
    let (namespace, account) = value.split_once('/').unwrap_or((own, value));
    let pattern = Pattern::new([
        Piece::Text(SPIFFE),
        Piece::Some,
        Piece::Text("/ns/"),
        Piece::Text(namespace),
        Piece::Text("/"),
        Piece::Between,
        Piece::Text("sa/"),
        Piece::Text(account),
        Piece::Below,
    ]);
    pattern.matcher()
}

/// All of a trust domain, or a part of it before or behind an asterisk.
fn of_trust_domain(value: &str) -> StringMatcher {
    match value.split_once('*') {
        Some(("", "")) => prefix(SPIFFE),
        None => prefix(format!("{SPIFFE}{value}/")),
        Some((before, behind)) => {
            let pieces = [Piece::Text(before), Piece::Segment, Piece::Text(behind)];
            let ends = [Piece::Text("/"), Piece::Any];
            Pattern::new([Piece::Text(SPIFFE)].into_iter().chain(pieces).chain(ends)).matcher()
        }
    }
}

fn of_claim(path: &[&str], values: &[Str]) -> Alternatives<Principal> {
    let value = itself_or_in_list(texts(values));
    Alternatives::Whole(Some(of_token(claim(path.iter().copied(), value))))
}

fn of_token(matcher: MetadataMatcher) -> Principal {
    #[allow(deprecated, reason = "what Istio sends, and Envoys of all ages read")]
    principal(Identifier::Metadata(matcher))
}

/// One of several `ISSUER/SUBJECT`.
fn request_principals(values: &[Str]) -> Principal {
    let one = |value: &Str| {
        let (issuer, subject) = issuer_and_subject(value);
        let claim = |name, value: Text<'_>| of_token(claim([name], text(value.matcher())));
        Principal::all(vec![claim("iss", issuer), claim("sub", subject)])
    };
    let mut all: Vec<Principal> = values.iter().map(one).collect();
    match (all.len(), all.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            all.extend(last);
            Principal::one(all)
        }
    }
}

/// The issuer may have slashes itself. An asterisk at the beginning is about the issuer, one at the end about the
/// subject; without a slash it leaves the other open.
fn issuer_and_subject(value: &str) -> (Text<'_>, Text<'_>) {
    let parts = value.rsplit_once('/');
    match (value, parts) {
        ("*", _) => (Text::Present, Text::Present),
        (_, Some((issuer, subject))) if value.starts_with('*') => {
            (Text::of(issuer), Text::Exact(subject))
        }
        (_, Some((issuer, subject))) if value.ends_with('*') => {
            (Text::Exact(issuer), Text::beginning(subject))
        }
        (_, Some((issuer, subject))) => (Text::Exact(issuer), Text::Exact(subject)),
        (_, None) => match Text::of(value) {
            Text::Suffix(subject) => (Text::Present, Text::Suffix(subject)),
            Text::Prefix(issuer) => (Text::Prefix(issuer), Text::Present),
            _ => (Text::Exact(value), Text::Exact("")),
        },
    }
}
