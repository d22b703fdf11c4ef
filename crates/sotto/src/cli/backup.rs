//! `sotto backup`: one state of everything, sealed, and proved to be restorable.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use indicatif::ProgressBar;
use seal::{Lock, RootKey};
use zeroize::Zeroizing;

use super::open::Which;
use super::records;
use crate::audit::witness::Witness;
use crate::backup::folder::{self, Holds};
use crate::backup::format::About;
use crate::backup::keys::{self, Where};
use crate::backup::restore;
use crate::backup::take::{Made, Order, make};
use crate::config::Config;
use crate::db::DatabaseUrl;

/// Make a sealed backup of the data while everything runs, and prove that it can be restored.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Example:\n  sotto backup --config /etc/sotto/sotto.toml --keep 30\n\n\
    The backup holds no key. Back up the keys too, to another place: sotto backup keys --help")]
pub struct Args {
    #[command(subcommand)]
    deed: Option<Deed>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Make a sealed copy of the key store, the root key and the backup key, apart from the data.
    #[command(after_help = "Example:\n  sotto backup keys --config sotto.toml \
        --to /media/safe/sotto --passphrase-file passphrase.txt\n\n\
        A newer copy holds all that an older one does, but for what was destroyed since: only the \
        newest stays.")]
    Keys(KeysArgs),
    /// Say what is in a folder of backups. Needs no key.
    #[command(after_help = "Example:\n  sotto backup list /backup/sotto")]
    List {
        /// The folder.
        folder: PathBuf,
        /// Answer with a line of JSON for each file.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct DataArgs {
    /// The settings.
    #[arg(long, value_name = "FILE", env = "SOTTO_CONFIG", default_value = "sotto.toml")]
    config: PathBuf,
    /// Where to, if not to backup.folder of the settings.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// How many backups stay; older ones are removed once the new one is proved.
    #[arg(long, value_name = "N", default_value_t = 30)]
    keep: usize,
    /// Answer with one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct KeysArgs {
    /// The settings.
    #[arg(long, value_name = "FILE", env = "SOTTO_CONFIG", default_value = "sotto.toml")]
    config: PathBuf,
    /// Where to, if not to backup.keys_folder of the settings.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    #[command(flatten)]
    lock: LockArgs,
    /// How many copies stay. An older one holds the keys that were destroyed since.
    #[arg(long, value_name = "N", default_value_t = 1)]
    keep: usize,
    /// Answer with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What a copy of the keys is sealed under.
#[derive(Debug, Clone, clap::Args)]
#[group(multiple = false)]
pub(super) struct LockArgs {
    /// A file with the passphrase, 20 characters or more.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// A file with the recovery key, made like the root key.
    #[arg(long, value_name = "FILE")]
    recovery_key: Option<PathBuf>,
}

/// It, read.
pub(super) enum KeysLock {
    Passphrase(Zeroizing<String>),
    Key(RootKey),
}

impl KeysLock {
    pub(super) fn lock(&self) -> Lock<'_> {
        match self {
            Self::Passphrase(words) => Lock::Passphrase(words),
            Self::Key(key) => Lock::Key(key),
        }
    }

    /// What was said, or what the settings say.
    pub(super) fn read(args: &LockArgs, config: &Config) -> Result<Self> {
        let passphrase =
            |key, file: &Path| Ok(Self::Passphrase(Zeroizing::new(config.secret(key, file)?)));
        let key = |file: &Path| Ok(Self::Key(RootKey::from_file(file)?));
        let set = &config.backup;
        match (&args.passphrase_file, &args.recovery_key) {
            (Some(file), _) => passphrase("backup.passphrase_file", file),
            (None, Some(file)) => key(file),
            (None, None) => match (&set.passphrase_file, &set.recovery_key_file) {
                (Some(file), _) => passphrase("backup.passphrase_file", file),
                (None, Some(file)) => key(file),
                (None, None) => anyhow::bail!("give --passphrase-file or --recovery-key"),
            },
        }
    }
}

/// Where this practice's keys are.
pub(super) fn places(config: &Config) -> Where {
    Where {
        practice: config.practice.id,
        store: config.keys.store.clone(),
        root_file: config.keys.root_file.clone(),
        backup_key_file: config.backup.key_file.clone(),
        witness: Witness::at(config.witness_file()),
    }
}

fn keys(args: &KeysArgs) -> Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let folder =
        args.to.clone().or_else(|| config.backup.keys_folder.clone()).ok_or_else(|| {
            config.wrong("backup.keys_folder", "say where to, or give --to FOLDER")
        })?;
    if config.backup.folder.as_ref() == Some(&folder) {
        let because = "keys and data travel apart: this is the folder of the data's backups";
        return Err(config.wrong("backup.keys_folder", because).into());
    }
    let lock = KeysLock::read(&args.lock, &config)?;
    let root = super::open::root_key(&config)?;
    let records = records::open(&Which { config: Some(args.config.clone()), demo: None })?;
    let to = (folder.as_path(), args.keep);
    let made = keys::make(&places(&config), &root, &lock.lock(), to, &records.db, &records.desk)?;
    if args.json {
        println!("{}", serde_json::to_string(&made)?);
    } else {
        println!("backup       {}", made.file.display());
        println!("keys         {}, and the tombstones of {} destroyed", made.keys, made.destroyed);
        println!("removed      {} older", made.removed);
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the verb.
///
/// # Errors
/// What went wrong, in one line for the person at the terminal.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.deed {
        None => data(&args.data),
        Some(Deed::Keys(args)) => keys(args),
        Some(Deed::List { folder, json }) => list(folder, *json),
    }
}

fn data(args: &DataArgs) -> Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let folder = folder_of(&config, args.to.as_deref())?;
    let key = Arc::new(backup_key(&config)?);
    let records = records::open(&Which { config: Some(args.config.clone()), demo: None })?;
    let url: DatabaseUrl =
        config.database.url.parse().map_err(|e| config.wrong("database.url", e))?;
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let shown = bar.clone();
    let order = Order {
        db: records.db.clone(),
        scratch: scratch(&config, &url),
        url,
        key,
        folder,
        keep: args.keep,
        progress: Arc::new(move |rows| shown.set_message(format!("{rows} rows read"))),
    };
    let made = make(&order, &records.desk)?;
    bar.finish_and_clear();
    if args.json {
        println!("{}", serde_json::to_string(&made)?);
    } else {
        show(&made);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(made: &Made) {
    println!("backup       {}", made.file.display());
    println!("sha256       {}", made.sha256);
    println!("bytes        {}", made.bytes);
    println!("rows         {} in {} tables", made.counts.rows(), made.counts.tables.len());
    println!("log          {} entries, root {}", made.examined.log_size, made.examined.log_root);
    println!(
        "restored     in rehearsal: {} rows checked against the log, {} messages and people opened",
        made.examined.rows, made.examined.opened
    );
    if made.removed > 0 {
        println!("removed      {} older", made.removed);
    }
}

/// Where backups go.
pub(super) fn folder_of(config: &Config, said: Option<&Path>) -> Result<PathBuf> {
    let set = config.backup.folder.as_deref();
    let folder = said.or(set).map(Path::to_owned);
    folder.ok_or_else(|| config.wrong("backup.folder", "say where to, or give --to FOLDER").into())
}

/// What backups of the data are sealed under.
pub(super) fn backup_key(config: &Config) -> Result<RootKey> {
    let Some(file) = &config.backup.key_file else {
        return Err(config.wrong("backup.key_file", "name the file of the backup key").into());
    };
    if !file.exists() {
        let because = "there is no such file; make one with: head -c 32 /dev/urandom | base64";
        return Err(config.wrong("backup.key_file", because).into());
    }
    RootKey::from_file(file).map_err(|e| config.wrong("backup.key_file", e).into())
}

/// A folder as private as the database, where SQLite's rehearsal may lie.
pub(super) fn scratch(config: &Config, url: &DatabaseUrl) -> PathBuf {
    let beside = url.file().unwrap_or(&config.keys.store).parent();
    let beside = beside.filter(|folder| !folder.as_os_str().is_empty());
    beside.unwrap_or(Path::new(".")).to_owned()
}

fn list(path: &Path, json: bool) -> Result<ExitCode> {
    for holds in [Holds::Data, Holds::Keys] {
        for file in folder::list(path, holds)? {
            let bytes = std::fs::metadata(&file).map_or(0, |found| found.len());
            let said = restore::open_file(&file)?;
            let about = About::from_bytes(said.about())
                .with_context(|| format!("{} cannot be used", file.display()))?;
            if json {
                let line = serde_json::json!({ "file": file, "bytes": bytes, "about": about });
                println!("{line}");
                continue;
            }
            match about {
                About::Data(data) => println!(
                    "{}  data of {}, {bytes} bytes, {}, schema {}",
                    file.display(),
                    data.made_at,
                    data.engine,
                    data.schema.len()
                ),
                About::Keys(keys) => println!(
                    "{}  keys of {}, {bytes} bytes, {} keys, {} destroyed",
                    file.display(),
                    keys.made_at,
                    keys.keys,
                    keys.destroyed
                ),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
