use crate::rowctl;

/// Wrong usage exits with 2 and says what is wrong, on standard error only.
fn check(args: &[&str], expected: &str) {
    let output = rowctl(args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
    assert!(output.stdout.is_empty(), "{args:?}");
    assert!(error.contains(expected), "{args:?}: {error}");
}

#[test]
fn wrong_usage_exits_with_2() {
    check(&["frobnicate"], "unrecognized subcommand");
    check(&["workload", "onsale", "--release"], "hotseats");
    check(&["workload", "onsale", "--clients", "0"], "--clients");
    check(&["status", "--data", "x", "--endpoints", "127.0.0.1:1"], "twice");
    check(&["playground", "--nodes", "2", "--replicas", "3", "--data", "x"], "replicas");
    check(&["token", "--role", "king", "--subject", "x"], "invalid value");
}

#[test]
fn failures_exit_with_1_and_name_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    for args in [
        ["status", "--data", data].as_slice(),
        &["verify", "--data", data],
        &["workload", "hotseats", "--data", data],
        &["token", "--role", "admin", "--subject", "x", "--data", data],
    ] {
        let output = rowctl(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(data), "{args:?}");
    }
}

#[test]
fn stopping_what_does_not_run_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let output = rowctl(&["playground", "stop", "--data", data, "--output", "json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), r#"{"stopped":false}"#);
}
