use super::*;

/// The names are those of istiod: with others, two programs would do the same work.
#[test]
fn locks_are_those_of_istiod() {
    let check = |duty: Duty, revision, name, kind, prioritised| {
        assert_eq!(duty.lock(revision), Lock { name: Str::from(name), kind, prioritised });
    };
    check(Duty::Addresses, "canary", "istio-ip-autoallocate", LockKind::ConfigMap, true);
    check(Duty::AmbientStatus, "canary", "istio-status-leader", LockKind::Lease, true);
    let own = "istio-gateway-deployment-canary";
    check(Duty::GatewayDeployment, "canary", own, LockKind::Lease, false);
    let own = "istio-gateway-status-leader-default";
    check(Duty::GatewayStatus, "", own, LockKind::Lease, false);
}
