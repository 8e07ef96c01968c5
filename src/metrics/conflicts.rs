//! Problems of users' objects that istiod counts. They are diagnostics here, which say more; the gauges are what is so
//! at the moment, over all proxies that are connected.

use super::{Counter, Family, Gauge};

metrics! {
    /// What contradicts something else, or leads nowhere.
    Conflicts {}
    /// Outbound listeners of byte streams on which the traffic of two services cannot be told apart.
    outbound_listeners: Gauge = "pilot_conflict_outbound_listener_tcp_over_current_tcp", Gauge::default();
    /// Ports of workloads on which two services speak different protocols.
    inbound_listeners: Gauge = "pilot_conflict_inbound_listener", Gauge::default();
    /// Services of whose host another object says more, so that its clusters are not served.
    duplicate_clusters: Gauge = "pilot_duplicate_envoy_clusters", Gauge::default();
    /// Ports of services whose cluster resolves names, and has none.
    dns_without_endpoints: Gauge = "pilot_dns_cluster_without_endpoints", Gauge::default();
    /// Hosts that several virtual services or services claim on one listener.
    duplicate_domains: Gauge = "pilot_vservice_dup_domain", Gauge::default();
    /// Subsets that are ignored because the host has another of the name.
    duplicate_subsets: Gauge = "pilot_destrule_subsets", Gauge::default();
    /// Sidecars that are connected and that no service leads to.
    no_service: Gauge = "pilot_no_ip", Gauge::default();
    /// Parts of objects that were ignored because they contradict others, by kind and name of the object.
    rejected: Family<Counter> = "pilot_total_rejected_configs", Family::counters(&["name", "type"]);
    /// Providers that configuration names and that cannot be reached, by what they are for.
    providers: Family<Counter> = "provider_lookup_cluster_failures", Family::counters(&["type"]);
}
