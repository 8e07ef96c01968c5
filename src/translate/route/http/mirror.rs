//! Copies of requests.

use super::destination::Resolver;
use super::percent::{fixed, fraction, whole};
use crate::api::networking::common::Destination;
use crate::api::networking::virtual_service::HttpRoute;
use crate::proto::envoy::envoy::config::route::v3::route_action::RequestMirrorPolicy;
use crate::proto::envoy::envoy::r#type::v3::FractionalPercent;
use crate::translate::common::value::boolean;

/// Where copies go: `mirror`, then `mirrors`. A share of zero makes none. `as_is` keeps the host without a mark.
pub(super) fn convert(
    rule: &HttpRoute,
    as_is: bool,
    resolver: &Resolver<'_>,
) -> Vec<RequestMirrorPolicy> {
    let one = rule.mirror.iter().filter_map(|to| Some((to, share_of_one(rule)?)));
    let more = rule.mirrors.iter().filter_map(|mirror| {
        let share = match mirror.percentage {
            Some(percent) => (percent.value > 0.0).then(|| fraction(percent))?,
            None => whole(100),
        };
        Some((&mirror.destination, share))
    });
    one.chain(more).map(|(to, share)| policy(to, share, as_is, resolver)).collect()
}

/// The share of `mirror`, in its new spelling or its old one; all when unset.
fn share_of_one(rule: &HttpRoute) -> Option<FractionalPercent> {
    match (rule.mirror_percentage, rule.mirror_percent) {
        (Some(percent), _) => (percent.value > 0.0).then(|| fraction(percent)),
        (None, Some(percent)) => (percent > 0).then(|| whole(percent)),
        (None, None) => Some(whole(100)),
    }
}

fn policy(
    to: &Destination,
    share: FractionalPercent,
    as_is: bool,
    resolver: &Resolver<'_>,
) -> RequestMirrorPolicy {
    RequestMirrorPolicy {
        cluster: resolver.cluster(to),
        runtime_fraction: Some(fixed(share)),
        trace_sampled: Some(boolean(false)),
        disable_shadow_host_suffix_append: as_is,
        ..RequestMirrorPolicy::default()
    }
}
