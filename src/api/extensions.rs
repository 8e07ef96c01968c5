//! The kinds of `extensions.istio.io`: code of users that runs in proxies.
//!
//! One file a kind, with what both have in common in [`common`] and [`wasm`]. Fields are named and defaulted as in
//! Istio's reference (<https://istio.io/latest/docs/reference/config/proxy_extensions/>).

pub mod common;
pub mod traffic_extension;
pub mod wasm;
pub mod wasm_plugin;

pub use self::traffic_extension::TrafficExtension;
pub use self::wasm_plugin::WasmPlugin;
