//! What RBAC knows of a request: its connection, who is at the other end, and what filters before found out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::proto::envoy::envoy::config::core::v3::CidrRange;
use crate::proto::envoy::envoy::r#type::matcher::v3::list_matcher::MatchPattern as ListPattern;
use crate::proto::envoy::envoy::r#type::matcher::v3::metadata_matcher::path_segment::Segment;
use crate::proto::envoy::envoy::r#type::matcher::v3::value_matcher::MatchPattern;
use crate::proto::envoy::envoy::r#type::matcher::v3::{
    MetadataMatcher, StringMatcher, ValueMatcher,
};
use crate::simulate::address::longest_prefix;
use crate::simulate::matchers::{holds, wants};
use crate::simulate::request::{Http, Request};
use crate::simulate::verdict::Verdict;

/// The filter that verifies tokens, and where it leaves what they claim.
const TOKENS: &str = "envoy.filters.http.jwt_authn";
const CLAIMS: &str = "payload";

/// See the module.
#[derive(Debug)]
pub(in crate::simulate) struct Subject<'a> {
    /// The connection.
    pub request: &'a Request,
    /// The request on it, where the filter chain reads HTTP.
    pub http: Option<&'a Http>,
    /// From where the request first came, as far as the proxy believes what it is told.
    pub remote: IpAddr,
    /// The filter chain ended mTLS.
    pub mutual: bool,
    /// What filters of RBAC noted, by filter and key.
    pub notes: BTreeMap<(String, String), String>,
}

impl Subject<'_> {
    /// Who is at the other end, as the certificate says.
    pub fn identity(&self, wanted: &StringMatcher) -> Verdict {
        let certificate =
            self.request.tls.as_ref().filter(|tls| self.mutual && tls.client_certificate);
        let Some(tls) = certificate else {
            return Verdict::No("the client proved no identity by mTLS".to_owned());
        };
        match &tls.identity {
            None => Verdict::Unknown(
                "it depends on the client's identity, which is not given".to_owned(),
            ),
            Some(identity) => text("the client", wanted, identity),
        }
    }

    /// The server name in TLS; empty in plaintext.
    pub fn server_name(&self, wanted: &StringMatcher) -> Verdict {
        let sni = self.request.tls.as_ref().and_then(|tls| tls.sni.as_deref());
        text("the server name", wanted, sni.unwrap_or_default())
    }

    /// What filters before this one left.
    pub fn metadata(&self, matcher: &MetadataMatcher) -> Verdict {
        let path: Vec<&str> = matcher
            .path
            .iter()
            .filter_map(|segment| {
                let Segment::Key(key) = segment.segment.as_ref()?;
                Some(key.as_str())
            })
            .collect();
        let Some(wanted) = &matcher.value else {
            return Verdict::No("the matcher of metadata wants nothing".to_owned());
        };
        let (what, found) = match (&*matcher.filter, path.as_slice()) {
            (TOKENS, [CLAIMS, claims @ ..]) => {
                let Some(token) = &self.request.claims else {
                    return Verdict::No("the request has no token that was verified".to_owned());
                };
                let found = claims.iter().try_fold(token, |value, claim| value.get(claim));
                (format!("the claim {}", claims.join(".")), found.cloned())
            }
            (filter, [key]) if filter.ends_with(".rbac") => {
                let noted = self.notes.get(&(filter.to_owned(), (*key).to_owned()));
                (format!("what {filter} noted"), noted.cloned().map(Value::from))
            }
            (filter, _) => {
                return Verdict::Unknown(format!("it depends on what {filter} finds out"));
            }
        };
        match found {
            None => Verdict::No(format!("{what} is absent")),
            Some(found) => value(&what, wanted, &found),
        }
    }
}

/// A text.
pub(super) fn text(what: &str, wanted: &StringMatcher, is: &str) -> Verdict {
    let held = holds(wanted, is);
    held.map(|held| Verdict::of(held, format!("{what} is {is:?}"), wants(wanted))).into()
}

/// An address.
pub(super) fn block(what: &str, wanted: &CidrRange, is: IpAddr) -> Verdict {
    let length = wanted.prefix_len.as_ref().map_or(0, |length| length.value);
    let held = longest_prefix(std::slice::from_ref(wanted), is).is_some();
    Verdict::of(held, format!("{what} is {is}"), format!("{}/{length}", wanted.address_prefix))
}

fn value(what: &str, wanted: &ValueMatcher, is: &Value) -> Verdict {
    match (&wanted.match_pattern, is) {
        (Some(MatchPattern::StringMatch(wanted)), Value::String(is)) => text(what, wanted, is),
        (Some(MatchPattern::ListMatch(list)), Value::Array(elements)) => {
            match &list.match_pattern {
                Some(ListPattern::OneOf(wanted)) => {
                    Verdict::one(elements.iter().map(|is| value(what, wanted, is)))
                }
                None => Verdict::No(format!("{what} is a list")),
            }
        }
        (Some(MatchPattern::OrMatch(any)), _) => {
            Verdict::one(any.value_matchers.iter().map(|wanted| value(what, wanted, is)))
        }
        (Some(MatchPattern::StringMatch(_) | MatchPattern::ListMatch(_)), _) => {
            Verdict::No(format!("{what} is {is}, which is of another type"))
        }
        _ => Verdict::Unknown(format!("{what} is compared in a way that is not simulated")),
    }
}
