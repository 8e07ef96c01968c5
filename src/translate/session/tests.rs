use super::*;
use crate::translate::fixture::plain::service;

#[test]
fn labels_name_what_carries_a_session() {
    let cookie =
        |name: &str, path: &str| Some(Session::Cookie { name: name.into(), path: path.into() });
    let header = |name: &str| Some(Session::Header(name.into()));
    let check = |labels: &[(&str, &str)], want: Option<Session>| {
        let mut service = service(1, "web.shop", &[], &[("http", 80)]);
        service.labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_eq!(Session::of(&service, &SessionLabels::default()), want, "{labels:?}");
        let renamed = SessionLabels { cookie: "sticky", header: "", ..SessionLabels::default() };
        assert_eq!(Session::of(&service, &renamed), None, "{labels:?}");
    };
    const COOKIE: &str = "istio.io/persistent-session";
    const HEADER: &str = "istio.io/persistent-session-header";
    check(&[], None);
    check(&[(COOKIE, "id")], cookie("id", "/"));
    check(&[(COOKIE, "id:/a:b")], cookie("id", "/a:b"));
    check(&[(COOKIE, "id:")], cookie("id", ""));
    check(&[(HEADER, "x-id")], header("x-id"));
    check(&[(HEADER, "x-id"), (COOKIE, "id")], cookie("id", "/"));
    check(&[(HEADER, "x-id"), (COOKIE, "")], header("x-id"));
}
