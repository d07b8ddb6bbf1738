//! A file with settings, in TOML, under the names of the flags.
//!
//! What the file says counts where neither a flag nor the environment says anything. It is put behind the
//! arguments as flags would be, so that it is read and checked as they are.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Config;

/// The environment's name for the file.
const FILE_ENV: &str = "ROWLOCK_API_CONFIG";
const FILE_FLAG: &str = "--config";

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("read the configuration file {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not TOML")]
    Form { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{path}: there is no setting {name:?}; `rowlock-api --help` lists them")]
    Unknown { path: PathBuf, name: String },
    #[error("{path}: {name} must be {wanted}")]
    Kind { path: PathBuf, name: String, wanted: &'static str },
}

/// The arguments with those of the file that they name, or that the environment names.
pub(super) fn with_file(
    arguments: Vec<OsString>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<OsString>, Error> {
    let named = given(&arguments, FILE_FLAG).or_else(|| env(FILE_ENV));
    let Some(path) = named.map(PathBuf::from) else { return Ok(arguments) };
    let text = std::fs::read_to_string(&path)
        .map_err(|source| Error::Read { path: path.clone(), source })?;
    let added = from_text(&text, &path, &arguments, env)?;
    Ok(arguments.into_iter().chain(added).collect())
}

fn from_text(
    text: &str,
    path: &Path,
    arguments: &[OsString],
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<OsString>, Error> {
    let table: toml::Table = text
        .parse()
        .map_err(|source| Error::Form { path: path.to_owned(), source: Box::new(source) })?;
    let command = Config::command();
    let mut added = Vec::new();
    for (name, value) in &table {
        let argument = setting(&command, name)
            .ok_or_else(|| Error::Unknown { path: path.to_owned(), name: name.clone() })?;
        let flags = as_flags(argument, name, value).map_err(|wanted| Error::Kind {
            path: path.to_owned(),
            name: name.clone(),
            wanted,
        })?;
        let flag = format!("--{name}");
        let set = argument.get_env().and_then(|it| env(&it.to_string_lossy()));
        if set.is_none() && given(arguments, &flag).is_none() {
            added.extend(flags.into_iter().map(OsString::from));
        }
    }
    Ok(added)
}

/// The argument that a setting of a file is, which names no other file.
fn setting<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let long = |arg: &&Arg| arg.get_long() == Some(name);
    command.get_arguments().find(long).filter(|arg| arg.get_long() != Some("config"))
}

/// What would be written on the command line, or what the value must be.
fn as_flags(argument: &Arg, name: &str, value: &toml::Value) -> Result<Vec<String>, &'static str> {
    let flag = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(format!("--{name}={text}")),
        toml::Value::Integer(number) => Some(format!("--{name}={number}")),
        _ => None,
    };
    match (argument.get_action(), value) {
        (ArgAction::SetTrue, toml::Value::Boolean(true)) => Ok(vec![format!("--{name}")]),
        (ArgAction::SetTrue, toml::Value::Boolean(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, _) => Err("true or false"),
        (ArgAction::Append, toml::Value::Array(values)) => {
            values.iter().map(|value| flag(value).ok_or("a list of texts")).collect()
        }
        (ArgAction::Append, value) => Ok(vec![flag(value).ok_or("a text or a list of texts")?]),
        (_, value) => Ok(vec![flag(value).ok_or("a text")?]),
    }
}

/// The value of a flag on the command line; empty if nothing follows it.
fn given(arguments: &[OsString], flag: &str) -> Option<OsString> {
    let mut arguments = arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if text == "--" {
            return None;
        }
        if text == flag {
            return Some(arguments.next().cloned().unwrap_or_default());
        }
        if let Some(value) = text.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
            return Some(OsStr::new(value).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const FILE: &str = r#"
listen = "127.0.0.1:9000"
cluster-endpoints = ["127.0.0.1:1", "127.0.0.1:2"]
token-key = ["a.key", "b.key"]
ticket-key = "t.key"
payment = "sandbox"
sandbox-ledger = "ledger.jsonl"
rate-limit = true
"#;

    fn read(file: &str, arguments: &[&str], env: &[(&str, &str)]) -> Result<Config, String> {
        let arguments: Vec<OsString> =
            std::iter::once(&"rowlock-api").chain(arguments).map(OsString::from).collect();
        let env = |name: &str| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let added = from_text(file, Path::new("api.toml"), &arguments, env);
        let all = arguments.iter().cloned().chain(added.map_err(|error| error.to_string())?);
        Config::try_parse_from(all).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_says_all_that_flags_can_say() {
        let config = read(FILE, &[], &[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:9000");
        assert_eq!(config.cluster_endpoints, ["127.0.0.1:1", "127.0.0.1:2"]);
        assert_eq!(config.token_key, [PathBuf::from("a.key"), PathBuf::from("b.key")]);
        assert!(config.rate_limit);
    }

    #[test]
    fn a_flag_counts_more_than_the_environment_and_that_more_than_the_file() {
        let flagged = read(FILE, &["--listen", "127.0.0.1:9001"], &[]).unwrap();
        assert_eq!(flagged.listen.port(), 9001);
        let lists = read(FILE, &["--token-key=c.key"], &[]).unwrap();
        assert_eq!(lists.token_key, [PathBuf::from("c.key")]);
        let arguments: Vec<OsString> = vec!["rowlock-api".into()];
        let env = |name: &str| (name == "ROWLOCK_API_LISTEN").then(|| OsString::from("x"));
        let added = from_text(FILE, Path::new("api.toml"), &arguments, env).unwrap();
        assert!(added.iter().all(|it| !it.to_string_lossy().starts_with("--listen")), "{added:?}");
    }

    #[test]
    fn what_is_wrong_in_the_file_is_named() {
        let wrong = |line: &str| read(&format!("{FILE}{line}\n"), &[], &[]).unwrap_err();
        assert!(wrong("colour = \"red\"").contains("no setting \"colour\""));
        assert!(wrong("config = \"other.toml\"").contains("no setting \"config\""));
        assert!(wrong("mail-dir = true").contains("mail-dir must be a text"));
        assert!(wrong("trusted-proxies = [true]").contains("must be a list of texts"));
        assert!(wrong("listen = \"again\"").contains("not TOML"));
        let flag = read("rate-limit = \"yes\"", &[], &[]).unwrap_err();
        assert!(flag.contains("rate-limit must be true or false"), "{flag}");
        let value = read("listen = \"nowhere\"", &[], &[]).unwrap_err();
        assert!(value.contains("nowhere"), "{value}");
    }
}
