//! What is required of requests: that a token, if there is one, is believed.

use crate::proto::envoy::envoy::config::route::v3::RouteMatch;
use crate::proto::envoy::envoy::config::route::v3::route_match::PathSpecifier;
use crate::proto::envoy::envoy::extensions::filters::http::jwt_authn::v3::jwt_requirement::RequiresType;
use crate::proto::envoy::envoy::extensions::filters::http::jwt_authn::v3::requirement_rule::RequirementType;
use crate::proto::envoy::envoy::extensions::filters::http::jwt_authn::v3::{
    JwtRequirement, JwtRequirementAndList, JwtRequirementOrList, RequirementRule,
};
use crate::proto::envoy::google::protobuf::Empty;

/// What is required of every request by these providers.
///
/// Each of them must be content or find no token. That alone would refuse the token of one where two look at one place:
/// so it is enough, too, that any of them verifies a token.
pub(super) fn of_all_paths(providers: &[String]) -> RequirementRule {
    let content = |name: &String| {
        any_of(vec![verified(name), requirement(RequiresType::AllowMissing(Empty {}))])
    };
    let required = match providers {
        [only] => content(only),
        _ => {
            let all = providers.iter().map(content).collect();
            let all = RequiresType::RequiresAll(JwtRequirementAndList { requirements: all });
            any_of(providers.iter().map(|name| verified(name)).chain([requirement(all)]).collect())
        }
    };
    RequirementRule {
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::Prefix("/".to_owned())),
            ..RouteMatch::default()
        }),
        requirement_type: Some(RequirementType::Requires(required)),
    }
}

fn verified(provider: &str) -> JwtRequirement {
    requirement(RequiresType::ProviderName(provider.to_owned()))
}

fn any_of(requirements: Vec<JwtRequirement>) -> JwtRequirement {
    requirement(RequiresType::RequiresAny(JwtRequirementOrList { requirements }))
}

fn requirement(requires: RequiresType) -> JwtRequirement {
    JwtRequirement { requires_type: Some(requires) }
}
