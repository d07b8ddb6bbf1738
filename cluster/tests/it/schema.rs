//! What the OpenAPI document says, asked of a server by a tool of others.

use std::process::Command;

use crate::playground::{Running, free_ports, json};
use crate::{has_node, rowctl};

#[test]
fn a_server_answers_as_its_document_says_and_outlives_all_that_is_wrong() {
    if !has_node() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let _running = Running(data);
    let port = free_ports();
    let ports = ["--grpc-port", &port.to_string(), "--http-port", &(port + 1).to_string()];
    let start = ["playground", "--nodes", "1", "--apis", "1", "--shards", "2", "--detach"];
    let started = json(&[&start[..], &ports].concat(), data);
    let path = data.to_str().unwrap();
    let token = rowctl(&["token", "--role", "admin", "--subject", "schema", "--data", path]);
    let token = String::from_utf8(token.stdout).unwrap();

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/schemathesis");
    let url = format!("http://127.0.0.1:{}", port + 1);
    let judged = Command::new(script).args([&url, token.trim()]).output().unwrap();
    let words = String::from_utf8_lossy(&judged.stdout);
    let errors = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success(), "{words}\n{errors}");
    assert!(words.contains("Tested:"), "{words}");

    // Thousands of requests later the processes are the same, and all is as it should be.
    let status = json(&["status"], data);
    assert_eq!(status["nodes"][0]["alive"], true, "{status}");
    assert_eq!(json(&["verify"], data)["ok"], true);
    let now: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(data.join("playground.json")).unwrap())
            .unwrap();
    assert_eq!(now["nodes"][0]["pid"], started["nodes"][0]["pid"]);
    assert_eq!(now["apis"][0]["pid"], started["apis"][0]["pid"]);
}
