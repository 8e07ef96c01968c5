//! The wires between namespaces: a bridge in the hub, a cable from each pod to it, and the redirection of a
//! pod's traffic to its sidecar.
//!
//! Everything lives inside the namespaces; the machine's own network is not touched, so that several labs
//! run side by side with the same addresses.

use std::net::Ipv4Addr;

use anyhow::Result;

use super::namespace::Namespace;

/// The hub's address in the pods' network, where the control plane listens.
pub const HUB: Ipv4Addr = Ipv4Addr::new(10, 60, 0, 1);
/// Its hardware address. A bridge without one of its own takes the lowest of its ports', which changes as pods
/// come, and those that know the old one talk to nobody until they ask again.
const HUB_MAC: &str = "02:00:00:00:00:01";
/// The length of the prefix that all pods share.
const PREFIX: u8 = 16;
/// The hub's address in the network outside of the mesh.
const OUTSIDE_GATEWAY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The group that a sidecar runs as; its own traffic is not redirected.
pub const SIDECAR_GROUP: u32 = 1337;

/// What istio-init does in a pod: outbound connections go to port 15001 and inbound ones to 15006, but for the
/// sidecar's own, for loopback, and for the ports on which the sidecar itself answers. Connections that the
/// sidecar opens to its own pod's address are inbound once more, except those of inbound clusters, which come
/// from 127.0.0.6.
const REDIRECTION: &str = r#"
table ip sidecar {
    chain outbound {
        type nat hook output priority -100;
        oifname "lo" ip saddr 127.0.0.6 return
        oifname "lo" ip daddr != 127.0.0.1 meta skgid 1337 meta l4proto tcp redirect to :15006
        oifname "lo" return
        meta skgid 1337 return
        ip daddr 127.0.0.1 return
        meta l4proto tcp redirect to :15001
    }
    chain inbound {
        type nat hook prerouting priority -100;
        tcp dport { 15020, 15021, 15090 } return
        meta l4proto tcp redirect to :15006
    }
}
"#;

/// What has no way is refused by resetting the connection. To say that the destination is unreachable would often
/// not do: a client that is about to connect takes that for a passing trouble and tries again for seconds.
const REFUSAL: &str = r#"
table ip hub {
    chain forward {
        type filter hook forward priority 0;
        oifname "nowhere" reject with tcp reset
    }
}
"#;

/// Makes a namespace the hub: the bridge of the pods, which forwards, and refuses at once what has no way.
pub fn make_hub(hub: &Namespace) -> Result<()> {
    let commands = format!(
        "link add pods address {HUB_MAC} type bridge\n\
         addr add {HUB}/{PREFIX} dev pods\n\
         link set pods up\n\
         link add nowhere type bridge\n\
         link set nowhere up\n\
         route add default dev nowhere\n"
    );
    hub.command("ip", &["-batch", "-"], &commands)?;
    hub.command("nft", &["-f", "-"], REFUSAL)?;
    // The file is that of the namespace in which it is opened.
    hub.run(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1"))
}

/// Connects a pod with the hub.
pub fn attach_pod(hub: &Namespace, pod: &Namespace, index: usize, ip: Ipv4Addr) -> Result<()> {
    plug(hub, pod, &format!("pod{index}"), "master pods")?;
    address(pod, &format!("{ip}/{PREFIX}"), HUB)
}

/// Connects a namespace that stands for the world outside of the mesh.
pub fn attach_outside(hub: &Namespace, outside: &Namespace, ip: Ipv4Addr) -> Result<()> {
    plug(hub, outside, "outside", "")?;
    let gateway = format!("{OUTSIDE_GATEWAY}/24");
    hub.command("ip", &["addr", "add", &gateway, "dev", "outside"], "")?;
    address(outside, &format!("{ip}/24"), OUTSIDE_GATEWAY)
}

/// Redirects a pod's traffic to its sidecar.
pub fn redirect(pod: &Namespace) -> Result<()> {
    pod.command("nft", &["-f", "-"], REDIRECTION)
}

/// Lays a cable: `port` in the hub, `eth0` in the other namespace.
fn plug(hub: &Namespace, other: &Namespace, port: &str, options: &str) -> Result<()> {
    let commands = format!(
        "link add {port} type veth peer name eth0 netns {}\nlink set {port} {options} up\n",
        other.path().display()
    );
    hub.command("ip", &["-batch", "-"], &commands)
}

fn address(namespace: &Namespace, address: &str, gateway: Ipv4Addr) -> Result<()> {
    let commands =
        format!("addr add {address} dev eth0\nlink set eth0 up\nroute add default via {gateway}\n");
    namespace.command("ip", &["-batch", "-"], &commands)
}
