//! `sotto token`: who may come in by program.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;

use super::open::{self, Which};
use crate::access::tokens::{self, NewToken, Scope, Token};
use crate::audit::Actor;
use crate::db::api_token;
use crate::ids::TokenId;

/// Make, list and revoke the tokens that programs come in with.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Make a token and show it, once.
    #[command(after_help = "Example:\n  sotto token create --config sotto.toml \
        --name \"front desk system\" --scope messages:write --scope messages:read --days 30")]
    Create {
        #[command(flatten)]
        which: Which,
        /// What it is for, in a person's words.
        #[arg(long)]
        name: String,
        /// What it is good for; once for each.
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        /// For how many days, at most 90.
        #[arg(long, default_value_t = 30)]
        days: u16,
        /// Answer with one line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the tokens there are; never their secrets.
    #[command(after_help = "Example:\n  sotto token list --config sotto.toml")]
    List {
        #[command(flatten)]
        which: Which,
        /// Answer with one line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token: it is worth nothing within seconds.
    #[command(after_help = "Example:\n  sotto token revoke --config sotto.toml ID")]
    Revoke {
        #[command(flatten)]
        which: Which,
        /// The token's id, as `sotto token list` shows it.
        id: TokenId,
    },
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::from_word(word).ok_or_else(|| {
        let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("the scopes are {}", all.join(", "))
    })
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        Deed::Create { which, name, scopes, days, json } => {
            let opened = open::open_which(which)?;
            let office = opened.office;
            let new = NewToken { name: name.clone(), scopes: scopes.clone(), days: *days };
            let (token, secret) = opened
                .db
                .write_blocking(move |tx| tokens::create(tx, &office, &new, Actor::operator()))?;
            if *json {
                let line = serde_json::json!({
                    "id": token.id, "token": secret.reveal(), "scopes": words(&token),
                    "expires_at": token.expires_at,
                });
                println!("{line}");
            } else {
                println!("{}", secret.reveal());
                eprintln!(
                    "token {} for {}; good until {}; shown this once",
                    token.id,
                    words(&token).join(" "),
                    token.expires_at
                );
            }
        }
        Deed::List { which, json } => {
            let opened = open::open_which(which)?;
            let practice = opened.office.practice();
            let now = opened.office.clock().now();
            let all: Vec<Token> =
                opened.db.read_blocking(move |tx| api_token::list(tx, practice))?;
            for token in all {
                show(&token, *json, now);
            }
        }
        Deed::Revoke { which, id } => {
            let opened = open::open_which(which)?;
            let (office, id) = (opened.office, *id);
            let revoked = opened
                .db
                .write_blocking(move |tx| tokens::revoke(tx, &office, id, Actor::operator()))?;
            if !revoked {
                bail!("there is no token {id} that is still good; `sotto token list` shows them");
            }
            eprintln!("token {id} is revoked");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn words(token: &Token) -> Vec<&'static str> {
    token.scopes.iter().map(|scope| scope.as_str()).collect()
}

fn show(token: &Token, json: bool, now: jiff::Timestamp) {
    let standing = match token.revoked_at {
        Some(_) => "revoked",
        None if token.is_good(now) => "good",
        None => "expired",
    };
    if json {
        let line = serde_json::json!({
            "id": token.id, "name": token.name, "scopes": words(token), "standing": standing,
            "created_at": token.created_at, "expires_at": token.expires_at,
            "revoked_at": token.revoked_at,
        });
        println!("{line}");
    } else {
        println!(
            "{}  {standing:8} until {}  {}  ({})",
            token.id,
            token.expires_at,
            token.name,
            words(token).join(" ")
        );
    }
}
