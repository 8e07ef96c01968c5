//! Shares of requests.

use crate::api::networking::common::Percent;
use crate::proto::envoy::envoy::config::core::v3::RuntimeFractionalPercent;
use crate::proto::envoy::envoy::r#type::v3::FractionalPercent;
use crate::proto::envoy::envoy::r#type::v3::fractional_percent::DenominatorType;

/// A share in ten thousandths of a percent, rounded down.
pub(super) fn fraction(percent: Percent) -> FractionalPercent {
    FractionalPercent {
        numerator: (percent.value * 10_000.0) as u32,
        denominator: DenominatorType::Million.into(),
    }
}

/// A share in whole percent.
pub(super) fn whole(percent: u32) -> FractionalPercent {
    FractionalPercent { numerator: percent, denominator: DenominatorType::Hundred.into() }
}

/// A share that nothing changes while Envoy runs.
pub(super) fn fixed(value: FractionalPercent) -> RuntimeFractionalPercent {
    RuntimeFractionalPercent { default_value: Some(value), ..RuntimeFractionalPercent::default() }
}
