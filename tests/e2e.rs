//! End to end: the daemon configures real Envoys, which carry real requests.
//!
//! One mesh for each protocol of ADS, brought up from samples/shop; the steps run in order on it, because a
//! step's change is the next one's ground. Where the machine lacks what a mesh needs, the tests say so and pass.

mod authorization;
mod changes;
mod ingress;
mod load;
mod peers;
mod restart;
mod routing;
mod secured;
mod survival;
mod tokens;
mod traffic;

use std::path::Path;

use anyhow::{Context, Result};

use crate::lab::{Lab, Settings, installed_envoy, obstacle};
use crate::skip::skipped;

/// Runs the steps in order; each one's name leads its error.
macro_rules! steps {
    ($lab:expr, $($module:ident::$step:ident),* $(,)?) => {
        $(
            let name = concat!(stringify!($module), "::", stringify!($step));
            let begun = std::time::Instant::now();
            $module::$step($lab).await.context(name)?;
            println!("{name}: {:?}", begun.elapsed());
        )*
    };
}

async fn run(lab: &mut Lab) -> Result<()> {
    steps!(
        lab,
        traffic::envoys_accept_everything,
        traffic::http_goes_by_mtls,
        traffic::every_form_of_a_name_is_known,
        traffic::both_versions_are_used,
        traffic::endpoints_come_from_pods,
        traffic::grpc_goes_by_mtls,
        traffic::tcp_goes_by_mtls,
        traffic::headless_pods_are_reached_one_by_one,
        traffic::pods_without_sidecar_are_reached_in_plaintext,
        traffic::pods_without_sidecar_reach_the_mesh,
        traffic::unknown_destinations_are_passed_through,
        restart::no_request_is_lost,
        restart::what_changed_meanwhile_arrives,
        changes::a_new_endpoint_is_used,
        changes::a_removed_endpoint_is_not,
        changes::a_removed_service_is_not_served,
        changes::others_come_and_go,
        changes::a_broken_file_changes_nothing,
        changes::an_unready_pod_gets_no_requests,
        changes::a_port_changes_its_protocol,
        changes::unknown_destinations_are_refused,
        peers::strict_refuses_plaintext,
        peers::one_port_takes_plaintext,
        peers::without_mtls_clients_send_plaintext,
        peers::permissive_takes_both,
        authorization::nobody_may_what_no_policy_allows,
        authorization::identities_are_told_apart,
        authorization::denials_come_first,
        authorization::addresses_are_told_apart,
        authorization::byte_streams_are_refused_too,
        authorization::providers_decide,
        authorization::without_policies_everybody_may_everything,
        tokens::tokens_are_found_wherever_they_are,
        tokens::what_is_not_the_issuers_is_refused,
        tokens::a_key_that_changes_is_followed,
        tokens::keys_hold_while_the_issuer_is_away,
        tokens::nobody_speaks_for_an_issuer_who_never_answered,
        tokens::gateways_route_by_claims,
        routing::routes_arrive,
        routing::weights_split,
        routing::headers_choose,
        routing::timeouts_end,
        routing::failures_are_retried,
        routing::copies_are_mirrored,
        routing::redirects_tell_where,
        routing::origins_are_checked,
        routing::paths_and_headers_are_rewritten,
        routing::outliers_are_ejected,
        routing::routes_change_under_load,
        routing::known_hosts_outside_are_reached,
        routing::names_are_looked_up,
        ingress::hosts_and_paths_are_routed,
        ingress::requests_go_on_by_mtls,
        ingress::tls_is_ended,
        ingress::http3_is_spoken,
        ingress::tls_is_passed_on,
        ingress::connections_are_routed,
        ingress::plain_http_is_redirected,
        traffic::envoys_accept_everything,
    );
    lab.daemon.stop()
}

/// The shop; None where the machine lacks what it needs.
fn shop(delta: bool) -> Option<Settings> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let envoy = installed_envoy();
    if let Some(obstacle) = obstacle(&envoy) {
        skipped(obstacle);
        return None;
    }
    Some(Settings {
        istiod: env!("CARGO_BIN_EXE_istiod").into(),
        envoy,
        objects: root.join("samples/shop"),
        kubeconfig: None,
        mesh: root.join("samples/mesh.yaml"),
        delta,
    })
}

async fn mesh(delta: bool) {
    let Some(settings) = shop(delta) else { return };
    let mut lab = Lab::start(settings).await.unwrap_or_else(|error| panic!("{error:#}"));
    if let Err(error) = run(&mut lab).await {
        panic!("{error:#}\n{}", lab.logs());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mesh_over_state_of_the_world() {
    mesh(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mesh_over_delta() {
    mesh(true).await;
}

/// Identities come from the daemon's CA, configuration from 15012; each pod has an agent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mesh_with_a_ca_of_its_own() {
    let Some(settings) = shop(true) else { return };
    let lab = Lab::start_secured(settings, &secured::SHORT_LIVED).await;
    let mut lab = lab.unwrap_or_else(|error| panic!("{error:#}"));
    if let Err(error) = run_secured(&mut lab).await {
        panic!("{error:#}\n{}", lab.logs());
    }
}

async fn run_secured(lab: &mut Lab) -> Result<()> {
    steps!(
        lab,
        traffic::envoys_accept_everything,
        traffic::http_goes_by_mtls,
        traffic::grpc_goes_by_mtls,
        traffic::tcp_goes_by_mtls,
        traffic::headless_pods_are_reached_one_by_one,
        secured::certificates_renew_under_traffic,
        secured::a_token_that_is_gone_stops_nothing,
        secured::a_control_plane_that_is_away_is_waited_for,
        secured::an_agent_ends_and_starts_again,
        secured::a_new_root_takes_over_under_traffic,
        peers::strict_refuses_plaintext,
        ingress::requests_go_on_by_mtls,
        ingress::tls_is_ended,
        traffic::envoys_accept_everything,
    );
    lab.daemon.stop()
}
