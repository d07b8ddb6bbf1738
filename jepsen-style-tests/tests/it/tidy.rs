//! The repository keeps its own rules: who may depend on whom, how long a file may be, what each
//! must say of itself, and that every promise is tested by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Lines of one source file.
const LINES_MAX: usize = 600;
/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Our crates, and which of ours each may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("rowlock-proto", &[]),
    ("rowlock-raft-store", &["rowlock-proto"]),
    ("rowlock-node", &["rowlock-proto", "rowlock-raft-store"]),
    ("rowlock-client", &["rowlock-proto"]),
    ("rowlock-api-server", &["rowlock-proto", "rowlock-client"]),
    ("rowlock-cluster", &["rowlock-proto", "rowlock-client"]),
    (
        "rowlock-jepsen",
        &[
            "rowlock-proto",
            "rowlock-raft-store",
            "rowlock-node",
            "rowlock-client",
            "rowlock-api-server",
            "rowlock-cluster",
        ],
    ),
];

/// Crates of others that only some of ours may name.
const NAMED_BY: &[(&str, &[&str])] = &[
    ("rocksdb", &["rowlock-raft-store"]),
    ("openraft", &["rowlock-raft-store", "rowlock-node"]),
    // The admin CLI speaks the Cluster service, which the client does not wrap.
    ("tonic", &["rowlock-proto", "rowlock-node", "rowlock-client", "rowlock-cluster"]),
    ("axum", &["rowlock-node", "rowlock-api-server"]),
];

/// Crates that must not link RocksDB, not even through a friend.
const WITHOUT_ROCKSDB: &[&str] =
    &["rowlock-proto", "rowlock-client", "rowlock-api-server", "rowlock-cluster"];

/// Promises that a test must name. P10 waits for what it promises to be built.
const PROMISES: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8, 9];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the workspace above this crate").to_owned()
}

fn metadata() -> Metadata {
    let manifest = root().join("Cargo.toml");
    // Crates of other platforms are in the lock file, but nobody has fetched them.
    let options = ["--locked", "--offline", "--filter-platform", &host()].map(str::to_owned);
    MetadataCommand::new().manifest_path(manifest).other_options(options).exec().unwrap()
}

/// The platform that this is built for, as the compiler calls it.
fn host() -> String {
    let told = Command::new("rustc").arg("-vV").output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

/// Every source file of ours, relative to the root.
fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, root: &Path, found: &mut Vec<(String, String)>) {
        let mut entries: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    for member in metadata().workspace_packages() {
        let dir = member.manifest_path.parent().unwrap();
        for part in ["src", "tests", "examples", "benches"] {
            let dir = dir.join(part).into_std_path_buf();
            if dir.is_dir() {
                walk(&dir, &root, &mut found);
            }
        }
    }
    assert!(found.len() > 50, "only {} sources were found", found.len());
    found
}

#[test]
fn crates_depend_on_whom_they_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let Some(arrows) = allowed.get(name) else {
            wrong.push(format!("{name} is not in the table of crates"));
            continue;
        };
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            // Tests may start what they test against.
            let ours = allowed.contains_key(other) && dependency.kind == DependencyKind::Normal;
            if ours && other != name && !arrows.contains(&other) {
                wrong.push(format!("{name} may not use {other}"));
            }
            for (crate_name, users) in NAMED_BY {
                if other == *crate_name && !users.contains(&name) {
                    wrong.push(format!("{name} may not name {other}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn those_outside_the_store_do_not_link_rocksdb() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<&PackageId, _> =
        resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    for package in metadata.workspace_packages() {
        if !WITHOUT_ROCKSDB.contains(&package.name.as_str()) {
            continue;
        }
        let mut seen: BTreeSet<&PackageId> = BTreeSet::new();
        let mut rest = vec![&package.id];
        while let Some(id) = rest.pop() {
            if !seen.insert(id) {
                continue;
            }
            let normal = nodes[id].deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            rest.extend(normal.map(|dependency| &dependency.pkg));
        }
        let linked =
            seen.iter().map(|id| metadata[id].name.as_str()).find(|name| name.contains("rocksdb"));
        assert_eq!(linked, None, "{} links it", package.name);
    }
}

/// Faults can be planted in the build of these tests alone: no binary asks for the feature.
#[test]
fn nothing_that_is_shipped_has_teeth() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let default = package.features.get("default").into_iter().flatten();
        assert!(default.into_iter().all(|feature| !feature.contains("teeth")), "{}", package.name);
        for dependency in &package.dependencies {
            let teeth = dependency.features.iter().any(|feature| feature == "teeth");
            let tests_alone = dependency.kind == DependencyKind::Development;
            assert!(!teeth || tests_alone, "{} ships with teeth", package.name);
        }
    }
}

#[test]
fn source_files_are_short() {
    let exempt: BTreeMap<&str, &str> = LONG_FILES.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let lines = text.lines().count();
        if lines > LINES_MAX && !exempt.contains_key(name.as_str()) {
            wrong.push(format!("{name} has {lines} lines"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn crates_and_modules_say_what_they_own() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let file = name.rsplit('/').next().unwrap();
        let opens = matches!(file, "lib.rs" | "mod.rs" | "main.rs");
        // An attribute of the whole file may come first.
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
        if opens && !first.is_some_and(|line| line.starts_with("//!")) {
            wrong.push(name);
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "without a header");
}

#[test]
fn every_promise_is_named_by_a_test() {
    let mut named: BTreeSet<u32> = BTreeSet::new();
    for (_, text) in sources() {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn p");
            let number =
                name.and_then(|name| name.split_once('_')).and_then(|(n, _)| n.parse().ok());
            let attributes = lines[index.saturating_sub(4)..index].iter();
            let tested = attributes.rev().any(|line| line.contains("test"));
            if let Some(number) = number.filter(|_| tested) {
                named.insert(number);
            }
        }
    }
    let missing: Vec<&u32> = PROMISES.iter().filter(|promise| !named.contains(promise)).collect();
    assert_eq!(missing, Vec::<&u32>::new(), "promises that no test names");
}

#[test]
fn nothing_is_left_to_do_or_ignored() {
    // Written apart, so that this file does not find itself.
    let marks: Vec<String> =
        [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("todo", "!"), ("#[ign", "ore")]
            .iter()
            .map(|(head, tail)| format!("{head}{tail}"))
            .collect();
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for (line, content) in (1..).zip(text.lines()) {
            if marks.iter().any(|mark| content.contains(mark.as_str())) {
                wrong.push(format!("{name}:{line}: {content}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn test_binaries_are_one_a_crate() {
    let mut wrong = Vec::new();
    for package in metadata().workspace_packages() {
        for target in package.targets.iter().filter(|target| target.is_test()) {
            if !target.src_path.ends_with("tests/it/main.rs") {
                wrong.push(target.src_path.to_string());
            }
            let text = fs::read_to_string(&target.src_path).unwrap();
            if !text.starts_with("#![cfg(test)]") && !text.contains("\n#![cfg(test)]") {
                wrong.push(format!("{} does not start with #![cfg(test)]", target.src_path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
