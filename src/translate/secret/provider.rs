//! Private key providers: what does the work with private keys in place of the proxy.

use crate::api::MeshConfig;
use crate::api::duration;
use crate::model::Proxy;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::core::v3::DataSource;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::{
    PrivateKeyProvider, private_key_provider::ConfigType,
};
use crate::proto::envoy::google::protobuf::Duration;
use crate::proto::private_key_providers::cryptomb::CryptoMbPrivateKeyMethodConfig;
use crate::proto::private_key_providers::qat::QatPrivateKeyMethodConfig;
use crate::translate::common::value;
use crate::translate::proxy_config::{Accelerator, ProxyConfig};

/// What works with the private keys of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    kind: Kind,
    settings: Accelerator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    CryptoMb,
    Qat,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::CryptoMb => "cryptomb",
            Kind::Qat => "qat",
        }
    }
}

impl Provider {
    /// Of a proxy, if its configuration asks for one that it has.
    pub fn of_proxy(proxy: &Proxy, mesh: &MeshConfig) -> Option<Provider> {
        let asked = ProxyConfig::of(proxy, mesh).private_key_provider;
        let cryptomb = asked.cryptomb.map(|settings| Provider { kind: Kind::CryptoMb, settings });
        let qat = || asked.qat.map(|settings| Provider { kind: Kind::Qat, settings });
        let provider = cryptomb.or_else(qat)?;
        let name = format!("envoy.tls.key_providers.{}", provider.kind.name());
        let listed =
            |list: &[crate::model::proxy::Extension]| list.iter().any(|e| *e.name == *name);
        proxy.extensions.as_ref().is_none_or(|list| listed(list)).then_some(provider)
    }

    /// The provider, given a key.
    pub(super) fn of(&self, private_key: Option<DataSource>) -> PrivateKeyProvider {
        let poll_delay = poll_delay(&self.settings.poll_delay);
        let config = match self.kind {
            Kind::CryptoMb => any(&CryptoMbPrivateKeyMethodConfig { private_key, poll_delay }),
            Kind::Qat => any(&QatPrivateKeyMethodConfig { private_key, poll_delay }),
        };
        PrivateKeyProvider {
            provider_name: self.kind.name().to_owned(),
            fallback: self.settings.fallback,
            config_type: Some(ConfigType::TypedConfig(config)),
        }
    }
}

fn poll_delay(text: &str) -> Option<Duration> {
    duration::parse(text).ok().map(value::duration)
}
