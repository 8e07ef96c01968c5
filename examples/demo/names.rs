//! Names for the lab's namespaces, so that people can use `ip netns exec`, with a hosts file for each.
//!
//! The lab needs no names; they are the only thing that can outlive the process. They carry its id, and are
//! taken away when it ends; those that a killed process left go when the next one starts.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::shared::lab::Lab;
use crate::shared::lab::objects::{Objects, PodSpec, ServiceSpec};

/// Where `ip` keeps the names of namespaces.
const NAMED: &str = "/run/netns";
/// Where it looks for the files that replace those of `/etc` in a namespace.
const FILES: &str = "/etc/netns";
const PREFIX: &str = "shop-";

/// The names; dropping them takes them away.
pub struct Names {
    names: BTreeMap<String, String>,
}

impl Names {
    /// Names the hub and all pods.
    pub fn give(lab: &Lab) -> Result<Names> {
        remove_orphans();
        let mut given = Names { names: BTreeMap::new() };
        given.name("hub", lab.hub().tid())?;
        for pod in lab.pods() {
            let name = given.name(&pod.spec.workload, pod.namespace.tid())?;
            let folder = Path::new(FILES).join(name);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join("hosts"), hosts(&lab.objects, &pod.spec))?;
        }
        Ok(given)
    }

    /// The name of a workload's namespace.
    pub fn of<'a>(&'a self, workload: &'a str) -> &'a str {
        self.names.get(workload).map_or(workload, String::as_str)
    }

    fn name(&mut self, what: &str, tid: i32) -> Result<String> {
        let name = format!("{PREFIX}{}-{what}", std::process::id());
        // Not from inside of the lab: what is mounted there nobody else sees.
        let attached =
            Command::new("ip").args(["netns", "attach", &name, &tid.to_string()]).output()?;
        if !attached.status.success() {
            bail!("ip netns attach {name}: {}", String::from_utf8_lossy(&attached.stderr).trim());
        }
        self.names.insert(what.to_owned(), name.clone());
        Ok(name)
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.names.values().for_each(|name| remove(name));
    }
}

fn remove(name: &str) {
    // Nothing can be done about a failure, and the next start tries again.
    drop(Command::new("ip").args(["netns", "delete", name]).output());
    drop(std::fs::remove_dir_all(Path::new(FILES).join(name)));
}

/// Removes the names of processes that are gone.
fn remove_orphans() {
    let folders = [PathBuf::from(NAMED), PathBuf::from(FILES)];
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-'));
        let gone = |pid: &str| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists();
        if owner.is_some_and(|(pid, _)| gone(pid)) {
            remove(&name);
        }
    }
}

/// The hosts file of a pod: what cluster DNS would answer.
fn hosts(objects: &Objects, client: &PodSpec) -> String {
    let mut file = String::from("127.0.0.1 localhost\n");
    let mut add = |ip: String, name: &str, namespace: &str| {
        let qualified = format!("{name}.{namespace}");
        let short = if namespace == client.namespace { name } else { "" };
        let _ = writeln!(
            file,
            "{ip} {qualified} {qualified}.svc {qualified}.svc.cluster.local {short}"
        );
    };
    for service in &objects.services {
        let pods: Vec<&PodSpec> = objects.pods.iter().filter(|p| service.selects(p)).collect();
        if let Some(ip) = address(service, client, &pods) {
            add(ip, &service.name, &service.namespace);
        }
        if service.vip.is_none() {
            for pod in pods {
                let name = format!("{}.{}", pod.name, service.name);
                add(pod.ip.to_string(), &name, &service.namespace);
            }
        }
    }
    file
}

/// The service's own address, behind which only a sidecar finds anybody; the address of a pod where there is no
/// sidecar or no such address.
fn address(service: &ServiceSpec, client: &PodSpec, pods: &[&PodSpec]) -> Option<String> {
    let vip = service.vip.filter(|_| client.sidecar).map(|ip| ip.to_string());
    vip.or_else(|| pods.first().map(|pod| pod.ip.to_string()))
}
