//! Fixed responses.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};

use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{DirectResponse, HttpBody};
use crate::proto::envoy::envoy::config::core::v3::DataSource;
use crate::proto::envoy::envoy::config::core::v3::data_source::Specifier;
use crate::proto::envoy::envoy::config::route::v3::DirectResponseAction;
use crate::proto::envoy::envoy::config::route::v3::route::Action;
use crate::translate::route::MAX_DIRECT_RESPONSE_BYTES;

/// A response. None, with an issue, when Envoy would not take it.
pub(super) fn convert(response: &DirectResponse, issues: &mut Vec<Issue>) -> Option<Action> {
    let at = FieldPath::of("directResponse");
    let mut refuse = |path: FieldPath, why: String| {
        issues.push(Issue::error(path, format!("the route is left out: {why}")));
    };
    if !(200..600).contains(&response.status) {
        refuse(at.key("status"), format!("{} is no status from 200 to 599", response.status));
        return None;
    }
    let body = match response.body.as_ref().map(body).transpose() {
        Ok(body) => body.flatten(),
        Err(why) => {
            refuse(at.key("body"), why);
            return None;
        }
    };
    Some(Action::DirectResponse(DirectResponseAction {
        status: response.status,
        body: body
            .map(|specifier| DataSource { specifier: Some(specifier), ..DataSource::default() }),
        ..DirectResponseAction::default()
    }))
}

fn body(body: &HttpBody) -> Result<Option<Specifier>, String> {
    let (specifier, size) = match (&body.string, &body.bytes) {
        (Some(text), _) => (Specifier::InlineString(text.to_string()), text.len()),
        (None, Some(encoded)) => {
            let bytes = decode(encoded)?;
            let size = bytes.len();
            (Specifier::InlineBytes(bytes), size)
        }
        (None, None) => return Ok(None),
    };
    if size > MAX_DIRECT_RESPONSE_BYTES as usize {
        return Err(format!("a body can have {MAX_DIRECT_RESPONSE_BYTES} bytes at most"));
    }
    Ok(Some(specifier))
}

/// Base64 as proto JSON takes it: either alphabet, with padding or without.
fn decode(text: &str) -> Result<Vec<u8>, String> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
    let engine = GeneralPurpose::new(&alphabet, config);
    engine.decode(text).map_err(|_| "bytes must be in base64".to_owned())
}
