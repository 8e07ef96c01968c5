use serde::Deserialize;
use serde_json::json;

use super::ProtoJson;
use crate::api::networking::gateway::{TlsMode, TlsProtocol};
use crate::api::networking::{DestinationRule, Gateway, VirtualService};

fn read<T: for<'de> Deserialize<'de>>(value: serde_json::Value) -> Result<T, String> {
    T::deserialize(ProtoJson(value)).map_err(|e| e.to_string())
}

#[test]
fn fields_are_camel_or_snake_and_keys_of_maps_are_kept() {
    let got: VirtualService = read(json!({
        "http": [{
            "mirror_percent": 5,
            "match": [{"without_headers": {"x_y": {"exact": "z"}}, "ignoreUriCase": true}],
        }],
    }))
    .unwrap();
    let route = &got.http[0];
    assert_eq!(route.mirror_percent, Some(5));
    assert!(route.matches[0].without_headers.contains_key("x_y"));
    assert!(route.matches[0].ignore_uri_case);
}

#[test]
fn enumerations_are_names_or_numbers_and_null_is_absent() {
    let got: Gateway = read(json!({
        "servers": [{
            "port": {"number": "443", "name": null, "protocol": "HTTPS"},
            "tls": {"mode": 2, "minProtocolVersion": "TLSV1_2"},
        }],
    }))
    .unwrap();
    let server = &got.servers[0];
    let tls = server.tls.as_ref().unwrap();
    assert_eq!(server.port.number, 443);
    assert_eq!((tls.mode, tls.min_protocol_version), (TlsMode::Mutual, TlsProtocol::V1_2));
    let error = read::<Gateway>(json!({"servers": [{"tls": {"mode": "SIMPEL"}}]})).unwrap_err();
    assert!(error.contains("SIMPEL") && error.contains("OPTIONAL_MUTUAL"), "{error}");
}

#[test]
fn durations_are_gos() {
    let got: DestinationRule = read(json!({
        "trafficPolicy": {"outlierDetection": {"interval": "1h30m", "baseEjectionTime": "0.5s", "consecutive_5xx_errors": 7.0}},
    }))
    .unwrap();
    let outlier = got.traffic_policy.unwrap().outlier_detection.unwrap();
    assert_eq!(outlier.interval.unwrap().0.as_secs(), 5400);
    assert_eq!(outlier.base_ejection_time.unwrap().0.as_millis(), 500);
    assert_eq!(outlier.consecutive_5xx_errors, Some(7));
    assert_eq!(
        serde_json::to_value(&outlier).unwrap(),
        json!({"interval": "5400s", "baseEjectionTime": "0.5s", "consecutive5xxErrors": 7})
    );
}

#[test]
fn what_has_another_type_is_refused() {
    assert!(read::<Gateway>(json!({"servers": {}})).is_err());
    assert!(read::<Gateway>(json!({"servers": [[]]})).is_err());
    assert!(read::<Gateway>(json!({"servers": [{"port": {"number": 1.5}}]})).is_err());
    assert!(read::<Gateway>(json!({"servers": [{"hosts": [5]}]})).is_err());
}
