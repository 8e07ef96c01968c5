//! Trust domains that mean the same: a policy that names one of them names them all.

use std::borrow::Cow;

use super::asker::Asker;
use super::rule::Term;
use crate::api::Str;

/// What stands for the trust domain of the mesh, whatever that is called.
const ANY_MESH: &str = "cluster.local";

/// Rewrites a term for a mesh with these trust domains, its own first.
pub fn migrate(term: &mut Term<'_, Asker<'_>>, trust_domains: &[Str]) {
    let of: fn(&[Str], &[Str]) -> Vec<Str> = match term.attribute {
        Asker::Principal => principals,
        Asker::TrustDomain => expand,
        _ => return,
    };
    for values in [&mut term.values, &mut term.not_values] {
        *values = Cow::Owned(of(values, trust_domains));
    }
}

/// A name that is one of them becomes all of them; none comes twice.
fn expand(values: &[Str], trust_domains: &[Str]) -> Vec<Str> {
    let mut all: Vec<Str> = Vec::with_capacity(values.len());
    for value in values {
        let same =
            if trust_domains.contains(value) { trust_domains } else { std::slice::from_ref(value) };
        for one in same {
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
    }
    all
}

/// `TRUST_DOMAIN/ns/NAMESPACE/sa/NAME`, in each of the trust domains. Others, and what is no such name, stay.
fn principals(values: &[Str], trust_domains: &[Str]) -> Vec<Str> {
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        match value.split_once('/') {
            Some((own, rest))
                if rest.matches('/').count() == 3 && own != "*" && is_known(own, trust_domains) =>
            {
                all.extend(in_each(value, own, rest, trust_domains));
            }
            _ => all.push(value.clone()),
        }
    }
    all
}

/// Whether a trust domain, or an end of one, is one of the mesh.
fn is_known(own: &str, trust_domains: &[Str]) -> bool {
    let covers = |pattern: &str, text: &str| {
        pattern.strip_suffix('*').is_some_and(|prefix| text.starts_with(prefix))
            || ends_as(text, pattern)
    };
    own == ANY_MESH || trust_domains.iter().any(|d| **d == *own || covers(d, own) || covers(own, d))
}

fn in_each(value: &Str, own: &str, rest: &str, trust_domains: &[Str]) -> Vec<Str> {
    let mut all: Vec<Str> = Vec::new();
    for domain in trust_domains {
        // A pattern that covers this one need not be written out.
        let one =
            if ends_as(domain, own) { value.clone() } else { format!("{domain}/{rest}").into() };
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// Whether a text ends as a pattern says that begins with an asterisk.
fn ends_as(text: &str, pattern: &str) -> bool {
    pattern.strip_prefix('*').is_some_and(|suffix| text.ends_with(suffix))
}
