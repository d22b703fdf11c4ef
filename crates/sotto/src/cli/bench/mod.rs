//! `sotto bench`: what this machine does with it, measured.
//!
//! Read in this order: [`pipeline`] runs the measurement and says the figures, [`practice`] makes
//! the practice it is run on, [`server`] is `sotto serve` as a child, [`world`] is the carrier twin
//! and the callers of the API in another child, so that only our own CPU is counted. [`guard`],
//! [`ledger`], [`http`], [`search`], [`pages`], [`window`] and [`reconcile`] are benches of their own;
//! [`residents`] is a practice as large as a large one is. [`crash`] and [`nodes`] do harm to
//! servers, and [`compare`] judges what came of it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

mod compare;
mod crash;
mod fdatasync;
mod guard;
mod http;
mod ledger;
mod load;
mod nodes;
mod pages;
mod pipeline;
mod practice;
mod reconcile;
mod residents;
mod search;
mod server;
mod window;
mod world;

/// Measure what this machine does with it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The whole way of a message: accepted over HTTP, gated, stored, sent by SMPP, receipt stored.
    Pipeline(pipeline::Args),
    /// The guard and the reading of replies: how often they are right, and how fast.
    Guard(guard::Args),
    /// The audit log: entries made durable, placed in the tree, and verified.
    Ledger(ledger::Args),
    /// The API: how fast each kind of request is answered.
    Http(http::Args),
    /// Finding a patient by what staff type, among many, over sealed records.
    Search(search::Args),
    /// The desk's pages: how fast and how heavy, with many patients and messages.
    Pages(pages::Args),
    /// The window and the door: what the time of an answer tells a stranger.
    Window(window::Args),
    /// Our record compared with the carrier's receipts and with its delivery file, over many messages.
    Reconcile(reconcile::Args),
    /// The server killed at random moments under load: nothing lost, nothing doubled.
    Crash(crash::Args),
    /// Several nodes on one PostgreSQL, killed and paused under load: is anything lost or doubled?
    Nodes(nodes::Args),
    /// The carrier twin and the callers, for the other verbs; takes orders on its input.
    #[command(hide = true)]
    World,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Pipeline(args) => pipeline::run(args),
        What::Guard(args) => guard::run(args),
        What::Ledger(args) => ledger::run(args),
        What::Http(args) => http::run(args),
        What::Search(args) => search::run(args),
        What::Pages(args) => pages::run(args),
        What::Window(args) => window::run(args),
        What::Reconcile(args) => reconcile::run(args),
        What::Crash(args) => crash::run(args),
        What::Nodes(args) => nodes::run(args),
        What::World => world::run(),
    }
}
