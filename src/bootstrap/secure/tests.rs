use std::fs;

use super::*;
use crate::ca::bundle::{Anchor, Voucher};
use crate::ca::fixture::{DAY, now, root, self_signed};

/// What follows these flags and a CA, with a mesh of this discovery host.
fn securing(flags: &[&str], ca: Option<State>, host: &str) -> Option<Securing> {
    // What was sent last stays when the sender goes.
    following(flags, ca.map(|state| watch::channel(state).1), host)
}

/// The same of a CA that may change.
fn following(flags: &[&str], ca: Option<watch::Receiver<State>>, host: &str) -> Option<Securing> {
    let settings = Settings { custom_hosts: "a.example.com, b".to_owned(), ..Settings::default() };
    let options = Options::parse(flags, &settings).unwrap();
    let mesh = MeshConfig { discovery_host: host.into(), ..MeshConfig::default() };
    let (_, mesh) = watch::channel(Arc::new(mesh));
    let signs = ca.clone().map(Signs::Ca);
    let trusted = Trusted { ca, signers: None, bundle: watch::channel(Arc::default()).1, mesh };
    Securing::new(&options, &settings, trusted, signs, Arc::new(Metrics::new("test"))).unwrap()
}

#[tokio::test]
async fn a_certificate_of_our_own_has_all_names_and_follows_the_ca() {
    let first = Arc::new(self_signed(&root("a", DAY)));
    let (tells, ca) = watch::channel(State::Ready(first));
    let mut securing = following(&["--namespace=mesh"], Some(ca), "istiod.mesh.svc").unwrap();
    let (made, _) = securing.look(None).await.unwrap().unwrap();
    let leaf = Certificate::from_der(made.chain[0].clone()).unwrap();
    let names: Vec<&str> = leaf.dns_names.iter().map(|name| &**name).collect();
    let want =
        ["a.example.com", "b", "istiod.mesh.svc", "istiod-remote.mesh.svc", "istio-pilot.mesh.svc"];
    assert_eq!(names, want);
    assert!(securing.look(Some(&made)).await.unwrap().is_none(), "nothing is new");
    let second = Arc::new(self_signed(&root("b", DAY)));
    tells.send_replace(State::Ready(second.clone()));
    let (made, _) = securing.look(Some(&made)).await.unwrap().unwrap();
    let leaf = Certificate::from_der(made.chain[0].clone()).unwrap();
    assert!(leaf.was_signed_by(&second.certificate));
}

#[tokio::test]
async fn clients_of_the_mesh_are_known_by_the_roots_for_its_trust_domain() {
    let own = Arc::new(self_signed(&root("a", DAY)));
    let mut securing = securing(&[], Some(State::Ready(own.clone())), "").unwrap();
    let mesh = MeshConfig { trust_domain_aliases: vec!["old".into()], ..MeshConfig::default() };
    securing.trusted.mesh = watch::channel(Arc::new(mesh)).1;
    let anchor = |name: &str, domains: &[&str]| {
        let domains: Vec<_> = domains.iter().map(|domain| Str::from(*domain)).collect();
        let text = root(name, DAY).certificate;
        Anchor::read(&text, &domains, Voucher::MeshConfig).unwrap()
    };
    let (any, old, foreign) = (anchor("any", &[]), anchor("old", &["old"]), anchor("f", &["f"]));
    let bundle = Bundle::new(vec![any.clone(), old.clone(), foreign]);
    securing.trusted.bundle = watch::channel(Arc::new(bundle)).1;
    let (made, _) = securing.look(None).await.unwrap().unwrap();
    let der = |anchor: &Anchor| anchor.certificates[0].der.clone();
    let want = Roots::from([
        ("cluster.local".into(), vec![own.roots[0].der.clone(), der(&any)]),
        ("old".into(), vec![own.roots[0].der.clone(), der(&any), der(&old)]),
    ]);
    assert!(made.trusted.roots == want, "roots of other trust domains are no roots of clients");
}

#[tokio::test]
async fn files_of_flags_come_first_and_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let issuer = self_signed(&root("a", DAY));
    let write = |host: &str| {
        let key = Key::p256().unwrap();
        let issued = issuer.issue(&key.public(), &[host], DAY, now()).unwrap();
        fs::write(file("crt"), &issued.chain[0]).unwrap();
        fs::write(file("key"), key.pem()).unwrap();
        fs::write(file("ca"), &issuer.root_pem).unwrap();
    };
    let flags = ["caCertFile=ca", "tlsCertFile=crt", "tlsKeyFile=key"];
    let flags: Vec<String> = flags
        .iter()
        .map(|flag| {
            let (flag, name) = flag.split_once('=').unwrap();
            format!("--{flag}={}", file(name).display())
        })
        .collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let waiting = Some(State::Waiting("later".to_owned()));
    let mut securing = securing(&flags, waiting, "").unwrap();
    assert!(securing.look(None).await.is_err(), "they are missing");
    write("one");
    let (made, _) = securing.look(None).await.unwrap().unwrap();
    assert_eq!(
        made.trusted.roots.keys().map(|domain| &**domain).collect::<Vec<_>>(),
        ["cluster.local"]
    );
    write("two");
    let (made, _) = securing.look(Some(&made)).await.unwrap().unwrap();
    let leaf = Certificate::from_der(made.chain[0].clone()).unwrap();
    assert_eq!(&*leaf.dns_names[0], "two");
}

#[test]
fn without_a_ca_and_files_there_is_nothing() {
    assert!(securing(&[], None, "").is_none());
    assert!(securing(&["--tlsCertFile=x"], None, "").is_none(), "all three are needed");
}
