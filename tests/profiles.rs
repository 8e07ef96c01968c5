//! Profiles of the running daemon, opened by `go tool pprof`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::daemon::Daemon;
use crate::skip::skipped;

/// The status and the body of the answer to a GET.
fn get(address: SocketAddr, path: &str) -> (u16, Vec<u8>) {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_off(end + 4))
}

/// What `go tool pprof -top` says of a profile; None, and a line that says so, without Go.
fn top(directory: &Path, name: &str, profile: &[u8]) -> Option<String> {
    let file = directory.join(name);
    std::fs::write(&file, profile).unwrap();
    let output =
        Command::new("go").args(["tool", "pprof", "-top", "-nodecount=5000"]).arg(&file).output();
    let Ok(output) = output else {
        skipped("Go is not installed: nothing opens profiles");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
    Some(text)
}

fn start(arguments: &[&str]) -> (Daemon, SocketAddr) {
    let config = format!("--configDir={}/samples/shop", env!("CARGO_MANIFEST_DIR"));
    let mut all = vec![
        config.as_str(),
        "--meshConfig=",
        "--grpcAddr=",
        "--ctrlz_port=0",
        "--monitoringAddr=127.0.0.1:0",
    ];
    all.extend(arguments);
    // Small as it is, it shows something when samples are taken often.
    let mut daemon = Daemon::start_with(&[("MALLOC_CONF", "lg_prof_sample:14")], &all);
    let address = daemon.address("--monitoringAddr");
    daemon.until("\tready");
    (daemon, address)
}

#[test]
fn go_opens_profiles_of_time_and_memory() {
    let directory = tempfile::tempdir().unwrap();
    let (_daemon, address) = start(&[]);
    let finished = AtomicBool::new(false);
    let (profile, second) = std::thread::scope(|threads| {
        threads.spawn(|| {
            while !finished.load(Ordering::Relaxed) {
                get(address, "/metrics");
                get(address, "/debug/configz");
            }
        });
        let profile = threads.spawn(|| get(address, "/debug/pprof/profile?seconds=3"));
        // Only one is taken at a time. Whichever of the two came second is refused.
        let second = get(address, "/debug/pprof/profile?seconds=3");
        let profile = profile.join().unwrap();
        finished.store(true, Ordering::Relaxed);
        if profile.0 == 200 { (profile, second) } else { (second, profile) }
    });
    assert_eq!(profile.0, 200, "{}", String::from_utf8_lossy(&profile.1));
    let refusal = "another CPU profile is being taken: ask again when it ended\n";
    assert_eq!((second.0, String::from_utf8_lossy(&second.1).as_ref()), (503, refusal));
    for (name, profile, what) in [
        ("profile", profile, "Type: cpu"),
        ("heap", get(address, "/debug/pprof/heap"), "Type: inuse_space"),
        ("allocs", get(address, "/debug/pprof/allocs"), "Type: alloc_space"),
    ] {
        assert_eq!(profile.0, 200, "{name}: {}", String::from_utf8_lossy(&profile.1));
        let Some(top) = top(directory.path(), name, &profile.1) else { return };
        assert!(top.contains(what), "{name}: {top}");
        assert!(top.contains("istiod::"), "{name} names no function of ours: {top}");
        assert!(!top.contains("perf_signal_handler"), "{name} shows the sampler: {top}");
    }
}

#[test]
fn what_cannot_be_profiled_is_told() {
    let (_daemon, address) = start(&[]);
    let check = |path: &str, status, text: &str| {
        let (got, body) = get(address, path);
        assert_eq!((got, String::from_utf8_lossy(&body).as_ref()), (status, text), "{path}");
    };
    check("/debug/pprof/goroutine", 501, "goroutine: there are no goroutines\n");
    check("/debug/pprof/profile?seconds=0", 400, "seconds=0: 1 to 300 are possible\n");
    check("/debug/pprof/symbol", 200, "num_symbols: 0\n");
    let (_, arguments) = get(address, "/debug/pprof/cmdline");
    assert!(arguments.starts_with(env!("CARGO_BIN_EXE_istiod").as_bytes()));
    assert!(arguments.windows(11).any(|part| part == b"\0discovery\0"));
}

#[test]
fn profiles_are_served_where_the_flag_says_so() {
    let (_daemon, address) = start(&["--profile=false"]);
    assert_eq!(get(address, "/debug/pprof/heap").0, 404);
    assert_eq!(get(address, "/debug/syncz").0, 200);
}
