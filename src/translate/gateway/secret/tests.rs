use super::of;
use crate::api::networking::gateway::ServerTls;
use crate::translate::common::credential::CREDENTIAL_CLUSTER;
use crate::translate::scope::SecretSources;

#[test]
fn a_server_of_credentials_beside_the_proxy_serves_those_that_ask_for_it() {
    let check = |name: &str, server: bool, want: &str, local: bool| {
        let settings = ServerTls { credential_name: name.into(), ..ServerTls::default() };
        let sources = SecretSources { credential_server: server, ..SecretSources::default() };
        let got = of(&settings, &sources).certificates.remove(0);
        assert_eq!(got.name, want);
        let there = format!("{:?}", got.sds_config).contains(CREDENTIAL_CLUSTER);
        assert_eq!(there, local, "{name} {server}");
    };
    check("sds://x", true, "sds://x", true);
    check("sds://x", false, "kubernetes://x", false);
    check("x", true, "kubernetes://x", false);
}
