//! Sessions that stay with an endpoint: which services ask for them, and how Envoy's filter is told.
//!
//! The filter stands empty in connection managers; virtual hosts of a service that asks for sessions, and routes that
//! lead to one, say how.

use std::collections::HashMap;

use crate::api::Str;
use crate::api::features::SessionLabels;
use crate::model::Service;
use crate::proto::Any;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::core::v3::TypedExtensionConfig;
use crate::proto::envoy::envoy::extensions::filters::http::stateful_session::v3::stateful_session_per_route::Override;
use crate::proto::envoy::envoy::extensions::filters::http::stateful_session::v3::{
    StatefulSession, StatefulSessionPerRoute,
};
use crate::proto::envoy::envoy::extensions::http::stateful_session::cookie::v3::CookieBasedSessionState;
use crate::proto::envoy::envoy::extensions::http::stateful_session::header::v3::HeaderBasedSessionState;
use crate::proto::envoy::envoy::r#type::http::v3::Cookie;

/// The name of the filter.
pub const FILTER: &str = "envoy.filters.http.stateful_session";

/// What carries a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Session {
    /// A cookie, which ends with the client.
    Cookie {
        /// Its name.
        name: Str,
        /// For which paths it is.
        path: Str,
    },
    /// A header.
    Header(Str),
}

impl Session {
    /// What a service asks for; None for no sessions.
    pub fn of(service: &Service, labels: &SessionLabels) -> Option<Session> {
        let cookie = service.label(labels.cookie).map(|cookie| {
            let (name, path) = cookie.split_once(':').unwrap_or((cookie, "/"));
            Session::Cookie { name: name.into(), path: path.into() }
        });
        cookie.or_else(|| service.label(labels.header).cloned().map(Session::Header))
    }

    /// Tells the filter, as a route or a virtual host does.
    pub fn put(&self, configs: &mut HashMap<String, Any>) {
        let stateful =
            StatefulSession { session_state: Some(self.state()), ..StatefulSession::default() };
        let config =
            StatefulSessionPerRoute { r#override: Some(Override::StatefulSession(stateful)) };
        configs.insert(FILTER.into(), any(&config));
    }

    fn state(&self) -> TypedExtensionConfig {
        let (name, config) = match self {
            Session::Cookie { name, path } => {
                let cookie =
                    Cookie { name: name.to_string(), path: path.to_string(), ..Cookie::default() };
                ("cookie", any(&CookieBasedSessionState { cookie: Some(cookie) }))
            }
            Session::Header(name) => {
                ("header", any(&HeaderBasedSessionState { name: name.to_string() }))
            }
        };
        TypedExtensionConfig {
            name: format!("envoy.http.stateful_session.{name}"),
            typed_config: Some(config),
        }
    }
}

/// The filter's configuration where nobody asks for sessions.
pub fn none() -> Any {
    any(&StatefulSession::default())
}

#[cfg(test)]
mod tests;
