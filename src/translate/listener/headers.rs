//! The headers by which connection managers tell about the proxy and its client, as the ProxyConfig asks.

use super::connection_manager::Side;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    ForwardClientCertDetails, ServerHeaderTransformation, SetCurrentClientCertDetails,
};
use crate::translate::common::value::boolean;
use crate::translate::proxy_config::{
    ForwardClientCert, Headers, ProxyConfig, Topology,
};

/// The `server` header of answers to other workloads. What a workload itself gets from others keeps Envoy's own.
const SERVER_NAME: &str = "istio-envoy";

/// Sets what depends on the ProxyConfig.
pub fn apply(manager: &mut HttpConnectionManager, config: &ProxyConfig, side: Side) {
    let headers = &config.proxy_headers;
    manager.generate_request_id = headers.request_id.disabled.then_some(boolean(false));
    manager.append_x_forwarded_port = headers.x_forwarded_port.enabled;
    if headers.server.disabled {
        manager.server_header_transformation = ServerHeaderTransformation::PassThrough.into();
    } else if !headers.server.value.is_empty() {
        manager.server_name = headers.server.value.to_string();
    } else if side != Side::Outbound {
        manager.server_name = SERVER_NAME.into();
    }
    match side {
        Side::Inbound => of_sidecar(manager, headers),
        Side::Outbound => {}
        Side::Gateway => of_gateway(manager, &config.gateway_topology),
    }
}

/// The client is another sidecar: its certificate is appended to what it says of its own client.
fn of_sidecar(manager: &mut HttpConnectionManager, headers: &Headers) {
    let details = forwarding(headers.forwarded_client_cert)
        .unwrap_or(ForwardClientCertDetails::AppendForward);
    manager.forward_client_cert_details = details.into();
    let told = headers.set_current_client_cert_details.unwrap_or_default();
    manager.set_current_client_cert_details = Some(SetCurrentClientCertDetails {
        subject: Some(boolean(told.subject.unwrap_or(true))),
        cert: told.cert.unwrap_or(false),
        chain: told.chain.unwrap_or(false),
        dns: told.dns.unwrap_or(true),
        uri: told.uri.unwrap_or(true),
        ..SetCurrentClientCertDetails::default()
    });
}

/// The client may be anyone: what it says of itself is replaced, unless a trusted proxy stands before the gateway.
fn of_gateway(manager: &mut HttpConnectionManager, topology: &Topology) {
    manager.xff_num_trusted_hops = topology.num_trusted_proxies;
    let details = forwarding(topology.forward_client_cert_details)
        .unwrap_or(ForwardClientCertDetails::SanitizeSet);
    manager.forward_client_cert_details = details.into();
    manager.set_current_client_cert_details = tells(details).then(|| SetCurrentClientCertDetails {
        subject: Some(boolean(true)),
        cert: true,
        dns: true,
        uri: true,
        ..SetCurrentClientCertDetails::default()
    });
}

/// Envoy adds what it knows of the client itself.
fn tells(details: ForwardClientCertDetails) -> bool {
    matches!(
        details,
        ForwardClientCertDetails::AppendForward | ForwardClientCertDetails::SanitizeSet
    )
}

fn forwarding(asked: ForwardClientCert) -> Option<ForwardClientCertDetails> {
    Some(match asked {
        ForwardClientCert::Undefined => return None,
        ForwardClientCert::Sanitize => ForwardClientCertDetails::Sanitize,
        ForwardClientCert::ForwardOnly => ForwardClientCertDetails::ForwardOnly,
        ForwardClientCert::AppendForward => ForwardClientCertDetails::AppendForward,
        ForwardClientCert::SanitizeSet => ForwardClientCertDetails::SanitizeSet,
        ForwardClientCert::AlwaysForwardOnly => ForwardClientCertDetails::AlwaysForwardOnly,
    })
}
