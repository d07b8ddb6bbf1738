//! `rowctl token`: a bearer token on one line.

use anyhow::Context as _;

use super::Context;
use crate::token::{self, Role};

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[arg(long, value_enum)]
    pub role: Role,
    /// Whom the token is for: a user id or any name.
    #[arg(long)]
    pub subject: String,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<bool> {
    let key = token::read_key(&context.directory().token_key()).context("read the token key")?;
    context.output.line(&key.sign(args.role, &args.subject)?);
    Ok(true)
}
