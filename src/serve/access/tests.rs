use http::HeaderMap;

use super::*;
use crate::api::Str;
use crate::model::caller::{Method, PodClaims};
use crate::serve::fixture::proxy;
use crate::serve::transport::Session;

fn caller(identities: &[&str]) -> Caller {
    Caller {
        identities: identities.iter().map(|id| Str::from(*id)).collect(),
        method: Method::Certificate,
        pod: PodClaims::default(),
        cluster: None,
    }
}

fn tls(identities: &[&str]) -> Transport {
    Transport::Tls(Arc::new(Session::new(identities.iter().map(|id| Str::from(*id)).collect())))
}

fn presented(transport: &Transport) -> Credentials {
    Credentials {
        peer: "10.0.0.1:1".parse().unwrap(),
        certificate: transport.identities(),
        headers: HeaderMap::new(),
    }
}

#[test]
fn a_proxy_is_of_the_namespace_and_account_that_were_proved() {
    let access = Access { identity: true, ..Access::default() };
    let web = "spiffe://cluster.local/ns/shop/sa/web";
    for (identities, account, want) in [
        (&[web][..], "", Ok(Some(web))),
        (&[web], "web", Ok(Some(web))),
        (&[web], "db", Err("([spiffe://cluster.local/ns/shop/sa/web]) matched shop/db")),
        (&["spiffe://td/ns/other/sa/web", web], "web", Ok(Some(web))),
        (
            &["spiffe://td/ns/other/sa/web"],
            "",
            Err("([spiffe://td/ns/other/sa/web]) matched shop/"),
        ),
        (&["gateway.example.com"], "", Err("([gateway.example.com]) matched shop/")),
    ] {
        let mut proxy = proxy("web-1");
        proxy.service_account = account.into();
        let got = access.identity(Some(&caller(identities)), &proxy);
        let got = got.map(|id| id.map(|id| id.to_string()));
        let want = want
            .map(|id| id.map(str::to_owned))
            .map_err(|text| format!("authorization failed: no identities {text}"));
        assert_eq!(got.map_err(|status| status.message().to_owned()), want);
    }
}

#[test]
fn who_was_not_verified_has_no_identity() {
    let proxy = proxy("web-1");
    let checked = Access { identity: true, ..Access::default() };
    assert_eq!(checked.identity(None, &proxy).unwrap(), None);
    let unchecked = Access::default();
    assert_eq!(unchecked.identity(Some(&caller(&["anything"])), &proxy).unwrap(), None);
}

#[tokio::test]
async fn who_is_asked_depends_on_the_port_and_the_operator() {
    let id = "spiffe://cluster.local/ns/shop/sa/web";
    let asks = Access { tls: true, ..Access::default() };
    let never = Access::default();
    let always = Access { tls: true, plaintext: true, ..Access::default() };
    for (access, transport, want) in [
        (&asks, tls(&[id]), Ok(true)),
        (&asks, Transport::Plaintext, Ok(false)),
        (&asks, tls(&[]), Err(())),
        (&never, tls(&[]), Ok(false)),
        (&always, Transport::Plaintext, Err(())),
    ] {
        let got = access.caller(&transport, &presented(&transport)).await;
        if let Err(status) = &got {
            assert_eq!(status.code(), tonic::Code::Unauthenticated);
            assert_eq!(
                status.message(),
                "authentication failure: client certificate: none was presented"
            );
        }
        assert_eq!(got.map(|caller| caller.is_some()).map_err(drop), want);
    }
}
