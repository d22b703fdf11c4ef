//! Opening a practice's records to check or prove them, without setting anything up.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use gate::{BindingKey, PracticeId};
use seal::Keyring;

use super::open;
use crate::audit::Log;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{DatabaseUrl, Db, DbError, Threads};
use crate::sql;

/// Which records.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Those of the server with these settings.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Those of the demo in this folder.
    #[arg(long, value_name = "FOLDER")]
    demo: Option<PathBuf>,
}

/// A practice's records and the keys to them.
pub(super) struct Records {
    pub(super) db: Db,
    pub(super) desk: Desk,
}

/// All that a log needs.
#[derive(Clone)]
pub(super) struct Desk(Arc<Inner>);

struct Inner {
    practice: PracticeId,
    keys: Keyring,
    binding: BindingKey,
    clock: Clock,
}

impl<'a> From<&'a Desk> for Log<'a> {
    fn from(desk: &'a Desk) -> Self {
        let Inner { practice, keys, binding, clock } = &*desk.0;
        Self { practice: *practice, keys, binding, clock }
    }
}

/// Opens them. Nothing is made that is not there.
pub(super) fn open(which: &Which) -> Result<Records> {
    let clock = Clock::system();
    let (url, keys, practice) = match (&which.config, &which.demo) {
        (Some(file), _) => {
            let config = Config::load(file)?;
            let url: DatabaseUrl =
                config.database.url.parse().map_err(|e| config.wrong("database.url", e))?;
            let keys = Keyring::open(&config.keys.store, &open::root_key(&config)?);
            (url, keys, Some(config.practice.id))
        }
        (None, Some(folder)) => {
            let root = seal::RootKey::from_file(&folder.join("root.key"))?;
            let url = format!("sqlite:{}", folder.join("sotto.db").display());
            (url.parse()?, Keyring::open(&folder.join("keys"), &root), None)
        }
        (None, None) => bail!("say which records: --config FILE or --demo FOLDER"),
    };
    let keys = keys.context("the key store cannot be opened")?;
    let threads = Threads { readers: 1, writers: 1 };
    let db = Db::open(&url, threads, clock.now()).context("the database cannot be opened")?;
    let practice = match practice {
        Some(practice) => practice,
        None => only_practice(&db)?,
    };
    // The log's time never goes back, also where a demo runs ahead of the machine's clock.
    let clock = match last_signed(&db, practice)? {
        Some(last) if last > clock.now() => Clock::scaled(last, 1.0),
        _ => clock,
    };
    let binding = BindingKey::new(&keys.derive("clearance binding"));
    let desk = Desk(Arc::new(Inner { practice, keys, binding, clock }));
    Ok(Records { db, desk })
}

fn only_practice(db: &Db) -> Result<PracticeId> {
    let mut all = db.read_blocking(|tx| {
        tx.query(sql!("SELECT practice_id FROM practice"), &[], |row| row.get::<PracticeId>(0))
    })?;
    match (all.pop(), all.pop()) {
        (Some(practice), None) => Ok(practice),
        (None, _) => bail!("there is no practice in this database"),
        _ => bail!("there are several practices in this database: name one with --config"),
    }
}

fn last_signed(db: &Db, practice: PracticeId) -> Result<Option<jiff::Timestamp>> {
    let last = db.read_blocking(move |tx| {
        tx.query_one(
            sql!("SELECT MAX(signed_at) FROM audit_checkpoint WHERE practice_id = $1"),
            crate::params![practice],
            |row| row.get::<Option<jiff::Timestamp>>(0),
        )
        .map_err(|e: DbError| e)
    })?;
    Ok(last)
}
