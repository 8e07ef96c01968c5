//! The fields of messages that several others hold.

use super::super::schema::Fields;
use super::super::schema::Type::{Bool, Duration, Enum, List, Optional, Text, Uint};

/// `ClientTLSSettings`.
pub(super) static CLIENT_TLS: Fields = &[
    ("mode", Enum(&["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"])),
    ("clientCertificate", Text),
    ("privateKey", Text),
    ("caCertificates", Text),
    ("credentialName", Text),
    ("subjectAltNames", List(&Text)),
    ("sni", Text),
    ("insecureSkipVerify", Optional(&Bool)),
    ("caCrl", Text),
];

/// `ConnectionPoolSettings.TCPSettings.TcpKeepalive`.
pub(super) static TCP_KEEPALIVE: Fields =
    &[("probes", Uint), ("time", Duration), ("interval", Duration)];
