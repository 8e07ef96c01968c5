//! Names of headers that keep their case in HTTP/1.
//!
//! Envoy writes them in lower case otherwise, as HTTP/2 wants them, which some old clients and servers do not take.

use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::core::v3::TypedExtensionConfig;
use crate::proto::envoy::envoy::config::core::v3::http1_protocol_options::{
    HeaderKeyFormat, header_key_format::HeaderFormat,
};
use crate::proto::envoy::envoy::extensions::http::header_formatters::preserve_case::v3::PreserveCaseFormatterConfig;

/// The format that keeps it.
pub fn preserved() -> HeaderKeyFormat {
    HeaderKeyFormat {
        header_format: Some(HeaderFormat::StatefulFormatter(TypedExtensionConfig {
            name: "preserve_case".into(),
            typed_config: Some(any(&PreserveCaseFormatterConfig::default())),
        })),
    }
}
