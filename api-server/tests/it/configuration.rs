//! The table of settings says what the server takes.

use std::path::Path;

use clap::{ArgAction, CommandFactory};
use rowlock_api_server::config::Config;

const FIRST_LINE: &str = "| setting | environment | default | what it is |";

fn table() -> String {
    let mut out = format!("{FIRST_LINE}\n|---|---|---|---|\n");
    let command = Config::command();
    for argument in command.get_arguments().filter(|it| it.get_env().is_some()) {
        let name = argument.get_long().unwrap();
        let env = argument.get_env().unwrap().to_string_lossy();
        let values: Vec<_> =
            argument.get_possible_values().iter().map(|it| it.get_name().to_owned()).collect();
        let default: Vec<_> =
            argument.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
        let default = match argument.get_action() {
            ArgAction::SetTrue => "`false`".to_owned(),
            _ if argument.is_required_set() => "must be given".to_owned(),
            _ if default.concat().is_empty() => String::new(),
            _ => format!("`{}`", default.concat()),
        };
        let help = argument.get_long_help().or(argument.get_help()).unwrap().to_string();
        let mut meaning = help.split_whitespace().collect::<Vec<_>>().join(" ");
        if !values.is_empty() && !matches!(argument.get_action(), ArgAction::SetTrue) {
            meaning = format!("{meaning} One of `{}`.", values.join("`, `"));
        }
        out.push_str(&format!("| `{name}` | `{env}` | {default} | {meaning} |\n"));
    }
    out
}

#[test]
fn every_setting_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIGURATION.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let head = text.split(FIRST_LINE).next().unwrap();
    let wanted = format!("{head}{}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let now = std::fs::read_to_string(&path).unwrap();
    assert!(now == wanted, "UPDATE=1 cargo test writes the table of docs/CONFIGURATION.md anew");
}
