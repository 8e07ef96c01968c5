//! Endpoints that fail are left out for a while.

use crate::api::networking::destination_rule::OutlierDetection as Settings;
use crate::proto::envoy::envoy::config::cluster::v3::OutlierDetection;
use crate::proto::envoy::google::protobuf::UInt32Value;
use crate::translate::common::value::{duration, uint32};

/// What the settings say. Success rates, which Envoy would look at too, are not looked at.
pub fn detection(settings: &Settings) -> OutlierDetection {
    let local = settings.consecutive_local_origin_failures.filter(|number| *number > 0);
    let local = local.filter(|_| settings.split_external_local_origin_errors);
    let ejected = u32::try_from(settings.max_ejection_percent).ok().filter(|number| *number > 0);
    OutlierDetection {
        enforcing_success_rate: Some(uint32(0)),
        consecutive_5xx: settings.consecutive_5xx_errors.map(uint32),
        enforcing_consecutive_5xx: settings.consecutive_5xx_errors.map(enforcing),
        consecutive_gateway_failure: settings.consecutive_gateway_errors.map(uint32),
        enforcing_consecutive_gateway_failure: settings.consecutive_gateway_errors.map(enforcing),
        interval: settings.interval.map(|time| duration(time.0)),
        base_ejection_time: settings.base_ejection_time.map(|time| duration(time.0)),
        max_ejection_percent: ejected.map(uint32),
        split_external_local_origin_errors: settings.split_external_local_origin_errors,
        consecutive_local_origin_failure: local.map(uint32),
        enforcing_consecutive_local_origin_failure: local.map(enforcing),
        enforcing_local_origin_success_rate: settings
            .split_external_local_origin_errors
            .then(|| uint32(0)),
        ..OutlierDetection::default()
    }
}

/// Always, but a number of 0 switches it off.
fn enforcing(number: u32) -> UInt32Value {
    uint32(if number > 0 { 100 } else { 0 })
}
