use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::{has_node, rowctl};

/// Ends the playground however its test ends.
pub(crate) struct Running<'a>(pub(crate) &'a Path);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        rowctl(&["playground", "stop", "--data", self.0.to_str().unwrap()]);
    }
}

/// Three ports in a row that no other test of this process was given, below those that the kernel
/// gives to outgoing connections: while a node is down, one of the others' attempts to reach it could
/// otherwise be given the node's own port.
pub(crate) fn free_ports() -> u16 {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap();
    let first = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap();
    let start = next.unwrap_or(first);
    let found = (start..32_000)
        .chain(10_000..start)
        .step_by(3)
        .find(|&port| (port..port + 3).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()))
        .unwrap();
    *next = Some(found + 3);
    found
}

pub(crate) fn json(args: &[&str], data: &Path) -> Value {
    let data = data.to_str().unwrap();
    let output = rowctl(&[args, &["--data", data, "--output", "json"]].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {error}");
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_playground_sells_each_seat_once_and_outlives_a_killed_leader() {
    if !has_node() {
        // Only a build of this package alone has no node beside it.
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let _running = Running(data);
    let port = free_ports().to_string();
    let start = ["playground", "--apis", "0", "--shards", "4", "--grpc-port", &port, "--detach"];
    let started = json(&start, data);
    assert_eq!(started["nodes"].as_array().unwrap().len(), 3);
    let again = rowctl(&[&start[..], &["--data", data.to_str().unwrap()]].concat());
    assert_eq!(again.status.code(), Some(2));

    let workload = ["workload", "hotseats", "--clients", "16", "--seconds", "30"];
    let sold = json(&workload, data);
    assert_eq!((&sold["holds_ok"], &sold["double_sales"]), (&250.into(), &0.into()));
    assert_eq!(json(&["verify"], data)["ok"], true);

    // The node that leads the shard with the sold seats.
    let status = json(&["status"], data);
    let hot = status["shards"].as_array().unwrap().iter().max_by_key(|s| s["revision"].as_u64());
    let leader = hot.unwrap()["leader"].as_u64().unwrap();
    let pid = |of: &Value| {
        let node = of["nodes"].as_array().unwrap().iter().find(|node| node["id"] == leader);
        i32::try_from(node.unwrap()["pid"].as_i64().unwrap()).unwrap()
    };
    kill(Pid::from_raw(pid(&started)), Signal::SIGKILL).unwrap();
    let sold = json(&workload, data);
    assert_eq!((&sold["holds_ok"], &sold["double_sales"]), (&250.into(), &0.into()));
    let verify = rowctl(&["verify", "--data", data.to_str().unwrap()]);
    assert_eq!(verify.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verify.stdout).contains(&format!("on node {leader}")));

    json(&["playground", "restart-node", "--node", &leader.to_string()], data);
    assert_eq!(json(&["verify"], data)["ok"], true);
    assert_eq!(json(&["playground", "stop"], data)["stopped"], true);
    assert_eq!(json(&["playground", "stop"], data)["stopped"], false);
}
