//! `sotto restore`: a backup, back in its place.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use gate::BindingKey;
use jiff::tz::TimeZone;
use seal::{Keyring, Lock};

use super::{backup, open};
use crate::audit::Log;
use crate::audit::witness::{Standing, Witness};
use crate::backup::format::About;
use crate::backup::keys::{self, RestoredKeys};
use crate::backup::let_in::Ended;
use crate::backup::restore::{self, Keeper, Restored};
use crate::clock::Clock;
use crate::compose::Templates;
use crate::config::Config;
use crate::db::DatabaseUrl;
use crate::db::refill::Into as To;

/// Put a backup of the data in the database's place, or a backup of the keys in the key store's.
///
/// The server must be stopped. What the log lost against what was seen of it is refused, unless it
/// is accepted with a reason, which is recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sotto restore /backup/sotto/data-20270301T140000Z.sotto --config sotto.toml --check-only\n  \
    sotto restore /backup/sotto/data-20270301T140000Z.sotto --config sotto.toml --replace \
    --accept-loss \"the disk died at noon\"\n  \
    sotto restore --as-it-is --config sotto.toml --accept-loss \"archive ends at 13:58\"")]
pub struct Args {
    /// The backup.
    #[arg(required_unless_present = "as_it_is", conflicts_with = "as_it_is")]
    file: Option<PathBuf>,
    /// The settings.
    #[arg(long, value_name = "FILE", env = "SOTTO_CONFIG", default_value = "sotto.toml")]
    config: PathBuf,
    /// Restore into a place of its own, check everything, and leave all as it is.
    #[arg(long)]
    check_only: bool,
    /// Put aside what the database holds; it is not deleted.
    #[arg(long, conflicts_with = "check_only")]
    replace: bool,
    /// What opens a backup of the keys.
    #[command(flatten)]
    lock: backup::LockArgs,
    /// Restore although entries of the audit log that were signed once are lost. The reason is
    /// recorded: name no patient.
    #[arg(long, value_name = "REASON")]
    accept_loss: Option<String>,
    /// The database was put back by other means, such as PostgreSQL's archive: check it, hold back
    /// what may have been sent, and record it.
    #[arg(long, conflicts_with_all = ["check_only", "replace"])]
    as_it_is: bool,
    /// Answer with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.accept_loss.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
        bail!("--accept-loss wants the reason");
    }
    let config = Config::load(&args.config)?;
    let witness = Witness::at(config.witness_file());
    let clock = Clock::system();
    let Some(file) = &args.file else {
        let opened = open::open(&config, &clock)?;
        let reason = args.accept_loss.clone();
        let restored = restore::take_over_as_it_is(&opened.db, &opened.office, &witness, reason)?;
        return show(&restored, args.json);
    };
    let sealed = restore::open_file(file)?;
    if let About::Keys(_) = About::from_bytes(sealed.about())? {
        let lock = backup::KeysLock::read(&args.lock, &config)?;
        let done = keys::put_back(sealed, &lock.lock(), &backup::places(&config), &clock)?;
        return show_keys(&done, args.json);
    }
    let url: DatabaseUrl =
        config.database.url.parse().map_err(|e| config.wrong("database.url", e))?;
    let keys = Keyring::open(&config.keys.store, &open::root_key(&config)?)
        .context("the key store cannot be opened; restore the keys first")?;
    if args.check_only {
        return check_only(file, &config, &url, &keys, &witness, args.json);
    }
    let stamp = clock.now().to_zoned(TimeZone::UTC).strftime("before_%Y%m%d_%H%M%S").to_string();
    let to = if args.replace { To::Replacing(stamp) } else { To::Empty };
    let templates = match &config.templates.directory {
        Some(directory) => Templates::load(directory),
        None => Templates::builtin(),
    }?;
    let key = backup::backup_key(&config)?;
    let accept_loss = args.accept_loss.clone();
    let practice = config.practice.id;
    let keeper = Keeper { practice, clock, keys, templates, witness: &witness, accept_loss };
    let restored = restore::restore(sealed, &Lock::Key(&key), &url, to, keeper)?;
    show(&restored, args.json)
}

fn check_only(
    file: &Path,
    config: &Config,
    url: &DatabaseUrl,
    keys: &Keyring,
    witness: &Witness,
    json: bool,
) -> Result<ExitCode> {
    let key = backup::backup_key(config)?;
    let clock = Clock::system();
    let binding = BindingKey::new(&keys.derive("clearance binding"));
    let log = Log { practice: config.practice.id, keys, binding: &binding, clock: &clock };
    let to = To::Rehearsal(backup::scratch(config, url));
    let sealed = restore::open_file(file)?;
    let mut poured = restore::pour(sealed, &Lock::Key(&key), url, to, log)?;
    let examined = restore::examine(&mut poured, log)?;
    let standing = poured.ask(witness, log)?;
    if json {
        let said = serde_json::json!({
            "about": poured.about, "counts": poured.counts, "examined": examined,
            "lost": standing.lost(), "goes_on": standing == Standing::GoesOn,
        });
        println!("{said}");
    } else {
        println!("made         {} on {}", poured.about.made_at, poured.about.engine);
        println!("rows         {} in {} tables", poured.counts.rows(), poured.counts.tables.len());
        println!("log          {} entries, root {}", examined.log_size, examined.log_root);
        println!("checked      {} rows, {} opened", examined.rows, examined.opened);
        println!("witness      {standing}");
        println!("It can be restored. Nothing was changed.");
    }
    Ok(if standing == Standing::GoesOn { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn show_keys(done: &RestoredKeys, json: bool) -> Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string(done)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("restored     the keys of {}", done.made_at);
    println!("keys         {} written, {} were there", done.written, done.kept);
    println!("destroyed    {}, and stay so", done.destroyed);
    if done.root_key_written || done.backup_key_written {
        println!("written      the root key's or the backup key's file, which was missing");
    }
    Ok(ExitCode::SUCCESS)
}

fn show(restored: &Restored, json: bool) -> Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string(restored)?);
        return Ok(ExitCode::SUCCESS);
    }
    match restored.made_at {
        Some(made_at) => println!("restored     the state of {made_at}"),
        None => println!("taken over   the database as it is"),
    }
    println!("log          {} entries, {} lost", restored.examined.log_size, restored.lost);
    println!("checked      {} rows", restored.examined.rows);
    println!(
        "held back    {} messages and {} reminders that may have been sent since: see the tasks",
        restored.held.under_way + restored.held.waiting,
        restored.held_reminders
    );
    show_ended(&restored.ended);
    if let Some(before) = &restored.before {
        println!("put aside    {before}");
    }
    println!(
        "Opt-outs, consents and bookings since then are not in it: ask the carrier and the EHR."
    );
    Ok(ExitCode::SUCCESS)
}

/// What may have been ended since the backup, and is over; and what only a person can compare.
fn show_ended(ended: &Ended) {
    println!(
        "ended        {} sessions and {} invitations of staff; at the window {} stays, {} tablets, \
         {} links and {} remembered phones",
        ended.sessions, ended.invitations, ended.stays, ended.tablets, ended.links, ended.phones
    );
    for token in &ended.tokens {
        println!("ended        the token {} ({}): make a new one", token.name, token.id);
    }
    for one in &ended.may_sign_in {
        println!("may sign in  {}, passkeys: {} ({})", one.email, one.passkeys, one.id);
    }
    if !ended.may_sign_in.is_empty() {
        println!(
            "Look through these before you start the server: disable whoever has left since (sotto \
             staff disable ID), and invite anew whoever lost a passkey or a password since (sotto \
             staff invite)."
        );
    }
}
