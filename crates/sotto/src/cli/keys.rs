//! `sotto keys`: the root key, changed while everything runs.
//!
//! A change is three steps, each whole or not at all: the new key is written beside the old one
//! (`root.key.next`), the practice key is put under it, and the new file takes the old one's name.
//! A crash after the first leaves the old key in force. A crash after the second leaves a key store
//! that only `root.key.next` opens; whoever opens it next tries that file and takes the last step.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use seal::{Keyring, RootKey, SealError};

use super::open;
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::clock::Clock;
use crate::config::Config;

/// Change the root key.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Make a new root key and put the practice key under it. Servers go on as they are; the old
    /// root key opens this key store no more, but still opens older copies of it.
    #[command(after_help = "Example:\n  sotto keys rotate --config /etc/sotto/sotto.toml\n\n\
        Copy the new root key to where the old one was kept, then destroy the old copies.")]
    Rotate {
        /// The settings.
        #[arg(long, value_name = "FILE", env = "SOTTO_CONFIG")]
        config: PathBuf,
    },
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    let Deed::Rotate { config } = &args.deed;
    let config = Config::load(config)?;
    let Some(file) = &config.keys.root_file else {
        bail!(config.wrong(
            "keys.root_file",
            "a root key from the environment cannot be changed here; name a file"
        ));
    };
    // Opens everything first, and finishes a change that was broken off.
    let opened = open::open(&config, &Clock::system())?;
    let next = next_of(file);
    if next.exists() {
        // Of a change that never reached the key store: it opens nothing.
        fs::remove_file(&next).with_context(|| format!("{} is in the way", next.display()))?;
    }
    let fresh = RootKey::generate()?;
    fresh.write_new(&next)?;
    keep_owner(file, &next)?;
    opened.office.keys().rotate_root(&fresh)?;
    take_name(&next, file)?;
    let office = opened.office.clone();
    opened.db.write_blocking(move |tx| {
        let event = Event::new(Kind::KeyChanged, Actor::operator()).code("root_rotated");
        audit::append(tx, &office, event)?;
        Ok::<_, AuditError>(())
    })?;
    println!("{} holds the new root key; copy it to where the old one was kept", file.display());
    Ok(ExitCode::SUCCESS)
}

/// Opens the practice's key store, or makes it. A change of the root key that was broken off is
/// brought to its end.
pub(super) fn keyring(config: &Config) -> Result<Keyring> {
    let root = open::root_key(config)?;
    let store = &config.keys.store;
    let opened = Keyring::open_or_create(store, &root);
    let (Err(SealError::WrongRootKey), Some(file)) = (&opened, &config.keys.root_file) else {
        return opened.context("the key store cannot be opened");
    };
    let next = next_of(file);
    let Ok(keys) = RootKey::from_file(&next).and_then(|next| Keyring::open(store, &next)) else {
        return opened.context("the key store cannot be opened");
    };
    take_name(&next, file)?;
    Ok(keys)
}

/// `root.key.next` beside `root.key`.
fn next_of(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".next");
    PathBuf::from(name)
}

/// Whoever may read the old file may read the new one: an administrator rotates for the server's
/// user.
fn keep_owner(old: &Path, new: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (was, is) = (fs::metadata(old)?, fs::metadata(new)?);
    if (was.uid(), was.gid()) != (is.uid(), is.gid()) {
        std::os::unix::fs::chown(new, Some(was.uid()), Some(was.gid()))
            .with_context(|| format!("{} cannot be given to the server's user", new.display()))?;
    }
    Ok(())
}

/// The last step, on disk when this returns.
fn take_name(next: &Path, file: &Path) -> Result<()> {
    fs::rename(next, file).with_context(|| format!("{} cannot be renamed", next.display()))?;
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("{} cannot be synced", folder.display()))
}
