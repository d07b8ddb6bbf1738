//! The only place that prints: tables for people, JSON lines for programs.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the one printer")]

use std::io::IsTerminal as _;

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// How results are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    #[default]
    Table,
    Json,
}

impl Output {
    /// One result: a JSON line, or the text that `table` makes of it.
    pub fn show<T: Serialize>(self, value: &T, table: impl FnOnce(&T) -> String) {
        match self {
            Self::Table => println!("{}", table(value)),
            Self::Json => match serde_json::to_string(value) {
                Ok(line) => println!("{line}"),
                Err(error) => eprintln!("rowctl: a result can't be written as JSON: {error}"),
            },
        }
    }

    /// A line that is the result itself, such as a token.
    pub fn line(self, line: &str) {
        println!("{line}");
    }

    /// Something that a person who waits wants to know.
    pub fn note(self, note: &str) {
        eprintln!("{note}");
    }

    pub fn error(self, error: &anyhow::Error) {
        eprintln!("rowctl: {error:#}");
    }

    /// A bar on standard error for a person who watches; invisible to programs. Its length is set
    /// by whoever does the work.
    pub fn progress(what: &'static str) -> ProgressBar {
        if !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::no_length().with_style(style).with_message(what)
    }
}

/// A plain table under `head`.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(head.iter().copied());
    table.add_rows(rows);
    table.to_string()
}
