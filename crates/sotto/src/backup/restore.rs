//! Putting a backup back.
//!
//! Everything is one transaction ([`Refill`]): the rows, the check of every row against the audit
//! log, the question to the witness, the holding back of what may have been sent meanwhile, the end
//! of what let somebody in, and the entry that says so. A crash before its commit leaves what was there; after it, everything is
//! done but the witness, and `sotto serve` refuses to start until it is told again what was lost.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use gate::PracticeId;
use jiff::Timestamp;
use seal::{Keyring, Lock, Place, SealError, Sealed, SealedFile};
use serde::Serialize;

use super::let_in::{self, Ended};
use crate::access::AccessError;
use crate::audit::sequencer::last_note;
use crate::audit::verify::{self, VerifyError};
use crate::audit::witness::{Standing, Witness, WitnessError};
use crate::audit::{self, Actor, AuditError, Event, Kind, Log, SequenceError};
use crate::backup::format::{About, AboutData, Counts, FormatError, Record, Records};
use crate::clock::Clock;
use crate::compose::Templates;
use crate::db::refill::{Into as To, Refill};
use crate::db::registry::SETTING;
use crate::db::{DatabaseUrl, DbError, Tx, setting};
use crate::journeys::reminders::{self, ReminderError};
use crate::office::{Office, OfficeError};
use crate::outbox::OutboxError;
use crate::outbox::recover::{self, Held};
use crate::{params, sql};

/// How many of the newest messages and patients are opened to see that the keys fit.
const SAMPLE: i64 = 200;

/// Nothing was restored; what was there is still there.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is none, was altered, or is cut short.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Keys are no data.
    #[error("this file holds keys, no data")]
    HoldsKeys,
    /// Another practice's.
    #[error("this is a backup of practice {0}; practice.id in the settings is another")]
    OtherPractice(PracticeId),
    /// Fewer or more rows than the file says.
    #[error("table {table} has {found} rows in the backup, which counts {said}")]
    Count {
        /// Which table.
        table: String,
        /// How many came.
        found: u64,
        /// How many should.
        said: u64,
    },
    /// Rows that do not fit the log.
    #[error("{count} things in the backup are not as they were written; the first: {first}")]
    Defects {
        /// How many.
        count: usize,
        /// The first.
        first: String,
    },
    /// The rows' last checkpoint is not the one in the heading.
    #[error("the backup's rows and its heading tell of different states")]
    OtherHead,
    /// The keys are not those of the rows.
    #[error(
        "the key store lacks keys of this backup ({missing} of {asked} tried do not open): restore \
         a backup of the keys that is no older than it"
    )]
    Keys {
        /// How many did not open.
        missing: u64,
        /// Of how many.
        asked: u64,
    },
    /// What the witness saw is not there.
    #[error(
        "refused: {0}. Look for a newer backup. If there is none, say --accept-loss with the reason"
    )]
    Witness(Standing),
    /// The witness itself.
    #[error(transparent)]
    NoWitness(#[from] WitnessError),
    /// Verifying.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Signing.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    /// The office.
    #[error(transparent)]
    Office(#[from] OfficeError),
    /// The outbox.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Reminders.
    #[error(transparent)]
    Reminders(#[from] ReminderError),
    /// Whoever works here.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// Opens a sealed file to its heading.
///
/// # Errors
/// [`RestoreError::File`], [`RestoreError::Format`].
pub fn open_file(path: &Path) -> Result<SealedFile<File>, RestoreError> {
    let fail = |source| RestoreError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    Ok(SealedFile::read(file).map_err(FormatError::Sealed)?)
}

/// What a backup of the data says of itself.
///
/// # Errors
/// [`RestoreError::HoldsKeys`], [`RestoreError::Format`].
pub fn about<R: Read>(file: &SealedFile<R>) -> Result<AboutData, RestoreError> {
    match About::from_bytes(file.about())? {
        About::Data(about) => Ok(about),
        About::Keys(_) => Err(RestoreError::HoldsKeys),
    }
}

/// A database filled with a backup, and not yet anybody's.
pub struct Poured {
    refill: Refill,
    /// What the backup says of itself.
    pub about: AboutData,
    /// How many rows there are in each table.
    pub counts: Counts,
}

impl Poured {
    /// How its log stands to what was seen.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn ask(&mut self, witness: &Witness, log: Log<'_>) -> Result<Standing, WitnessError> {
        self.refill.within(|tx| witness.ask(tx, log))
    }
}

/// Fills an empty database with a backup's rows, to the end of the file, and brings the schema up
/// to date.
///
/// # Errors
/// [`RestoreError`].
pub fn pour<R: Read>(
    file: SealedFile<R>,
    lock: &Lock<'_>,
    url: &DatabaseUrl,
    to: To,
    log: Log<'_>,
) -> Result<Poured, RestoreError> {
    let about = about(&file)?;
    if about.practice != log.practice {
        return Err(RestoreError::OtherPractice(about.practice));
    }
    let reader = file.open(lock).map_err(FormatError::Sealed)?;
    let mut records = Records::new(reader);
    let mut refill = Refill::begin(url, to, &about.schema)?;
    let mut found = Counts::default();
    let mut next = records.record()?;
    let said = loop {
        let table = match next {
            Record::Table(table) => table,
            Record::End(counts) => break counts,
            Record::Row(_) => return Err(FormatError::Rows("a row before its table").into()),
        };
        let mut after = None;
        let count = refill.table(&table.name, &table.columns, || match records.record()? {
            Record::Row(values) => Ok::<_, RestoreError>(Some(values)),
            other => {
                after = Some(other);
                Ok(None)
            }
        })?;
        found.tables.insert(table.name, count);
        next = after.ok_or(FormatError::Rows("they end before the end"))?;
    };
    for (table, said) in &said.tables {
        let found = found.tables.get(table).copied().unwrap_or_default();
        if found != *said {
            return Err(RestoreError::Count { table: table.clone(), found, said: *said });
        }
    }
    refill.upgrade(&about.schema, log.clock.now())?;
    refill.within(|tx| audit::schema::record_schema(tx, log))?;
    Ok(Poured { refill, about, counts: found })
}

/// What was found in a filled database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// How many entries of the audit log are under its last checkpoint.
    pub log_size: u64,
    /// That checkpoint's root, in base64.
    pub log_root: String,
    /// How many rows were checked against the log.
    pub rows: u64,
    /// How many messages and patients were opened.
    pub opened: u64,
    /// How many could not be, since their keys were destroyed on purpose.
    pub erased: u64,
}

/// Checks every row against the audit log, and that the keys fit.
///
/// # Errors
/// [`RestoreError::Defects`], [`RestoreError::OtherHead`], [`RestoreError::Keys`].
pub fn examine(poured: &mut Poured, log: Log<'_>) -> Result<Examined, RestoreError> {
    let heading = poured.about.checkpoint.clone();
    poured.refill.within(|tx| {
        let note = last_note(tx, log.practice)?.map(|(note, _)| note).unwrap_or_default();
        if note != heading {
            return Err(RestoreError::OtherHead);
        }
        check(tx, log)
    })
}

fn check(tx: &mut Tx<'_>, log: Log<'_>) -> Result<Examined, RestoreError> {
    let report = verify::verify(tx, log, None, &mut |_| {})?;
    if let Some(first) = report.defects.first() {
        let first = first.to_string();
        return Err(RestoreError::Defects { count: report.defects.len(), first });
    }
    let (opened, erased) = open_some(tx, log)?;
    Ok(Examined { log_size: report.size, log_root: report.root, rows: report.rows, opened, erased })
}

/// Opens the newest messages and patients, and looks at none: the newest keys are those that an
/// older copy of the key store lacks. Gives how many opened and how many were erased.
fn open_some(tx: &mut Tx<'_>, log: Log<'_>) -> Result<(u64, u64), RestoreError> {
    let (keys, practice) = (log.keys, log.practice.to_string());
    let (mut opened, mut erased, mut missing) = (0, 0, 0);
    let mut note = |result: Result<_, SealError>| match result {
        Ok(_) => opened += 1,
        Err(SealError::Destroyed { .. }) => erased += 1,
        Err(_) => missing += 1,
    };
    tx.each(
        sql!(
            "SELECT id, content_sealed, record_wrap FROM message WHERE practice_id = $1
             ORDER BY created_at DESC LIMIT $2"
        ),
        params![log.practice, SAMPLE],
        |row| {
            let id: String = row.get(0)?;
            let column = "content";
            let place = Place { practice: &practice, table: "message", row: &id, column };
            let sealed = Sealed::from_bytes(row.get(1)?);
            note(keys.open_message(&place, &sealed, &Sealed::from_bytes(row.get(2)?)).map(drop));
            Ok::<_, DbError>(())
        },
    )?;
    tx.each(
        sql!(
            "SELECT id, person_sealed FROM patient WHERE practice_id = $1
             ORDER BY updated_at DESC LIMIT $2"
        ),
        params![log.practice, SAMPLE],
        |row| {
            let (id, sealed): (gate::PatientId, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let opened = crate::people::patients::open_person(keys, log.practice, id, sealed);
            note(opened.map(drop));
            Ok::<_, DbError>(())
        },
    )?;
    match missing {
        0 => Ok((opened, erased)),
        _ => Err(RestoreError::Keys { missing, asked: opened + erased + missing }),
    }
}

/// Who restores, with what.
pub struct Keeper<'a> {
    /// The practice of the settings.
    pub practice: PracticeId,
    /// The time.
    pub clock: Clock,
    /// Its keys.
    pub keys: Keyring,
    /// Its templates.
    pub templates: Templates,
    /// What was seen last of its log.
    pub witness: &'a Witness,
    /// Why a loss is accepted, in the operator's words; without it none is.
    pub accept_loss: Option<String>,
}

/// A database that was put back.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The moment whose state it is; unknown where the database was put back by other means.
    pub made_at: Option<Timestamp>,
    /// What was found in it.
    pub examined: Examined,
    /// How many entries of the audit log that were signed once are not in it.
    pub lost: u64,
    /// What may have been sent meanwhile, and is not sent again.
    pub held: Held,
    /// Steps of reminders that may have been taken meanwhile.
    pub held_reminders: u64,
    /// What let somebody in, and is over.
    pub ended: Ended,
    /// Where what was there before is now.
    pub before: Option<String>,
}

/// Puts a backup in the database's place.
///
/// # Errors
/// [`RestoreError`]; what was there is then still there.
pub fn restore(
    file: SealedFile<File>,
    lock: &Lock<'_>,
    url: &DatabaseUrl,
    to: To,
    keeper: Keeper<'_>,
) -> Result<Restored, RestoreError> {
    let Keeper { practice, clock, keys, templates, witness, accept_loss } = keeper;
    let binding = gate::BindingKey::new(&keys.derive("clearance binding"));
    let log = Log { practice, keys: &keys, binding: &binding, clock: &clock };
    let mut poured = pour(file, lock, url, to, log)?;
    let examined = examine(&mut poured, log)?;
    let made_at = Some(poured.about.made_at);
    let office = poured.refill.within(|tx| Office::open(tx, practice, clock, keys, templates))?;
    let taken = Taken { made_at, examined, accept_loss };
    let (mut restored, note) = poured.refill.within(|tx| take_over(tx, &office, witness, taken))?;
    restored.before = poured.refill.commit()?;
    witness.keep(&note)?;
    Ok(restored)
}

/// Takes over a database that was put back by other means: PostgreSQL's archive, a copied file.
///
/// # Errors
/// [`RestoreError`]; nothing was changed then.
pub fn take_over_as_it_is(
    db: &crate::db::Db,
    office: &Office,
    witness: &Witness,
    accept_loss: Option<String>,
) -> Result<Restored, RestoreError> {
    let (office, asked) = (office.clone(), witness.clone());
    let (restored, note) = db.write_blocking(move |tx| {
        let examined = check(tx, (&office).into())?;
        take_over(tx, &office, &asked, Taken { made_at: None, examined, accept_loss })
    })?;
    witness.keep(&note)?;
    Ok(restored)
}

struct Taken {
    made_at: Option<Timestamp>,
    examined: Examined,
    accept_loss: Option<String>,
}

/// Asks the witness, holds back what may have been sent, ends what let somebody in, writes it down,
/// and signs it.
fn take_over(
    tx: &mut Tx<'_>,
    office: &Office,
    witness: &Witness,
    taken: Taken,
) -> Result<(Restored, String), RestoreError> {
    let Taken { made_at, examined, accept_loss } = taken;
    let standing = witness.ask(tx, office)?;
    if standing != Standing::GoesOn && accept_loss.is_none() {
        return Err(RestoreError::Witness(standing));
    }
    let held = recover::hold_after_restore(tx, office)?;
    let held_reminders = reminders::hold_after_restore(tx, office)?;
    let ended = let_in::end_all(tx, office)?;
    let lost = standing.lost();
    let known = match standing {
        Standing::GoesOn => None,
        Standing::WentBack { known, .. } | Standing::OtherLog { known, .. } => Some(known),
    };
    let now = office.clock().now();
    let said = serde_json::json!({
        "backup_made_at": made_at, "restored_at": now,
        "log_size": examined.log_size, "log_root": examined.log_root,
        "known_size": known.map(|head| head.size),
        "known_root": known.map(|head| head.root.to_string()),
        "lost": lost, "reason": accept_loss.filter(|_| known.is_some()),
        "held": held, "held_reminders": held_reminders, "ended": ended.counts(),
    });
    let name = format!("restore/{now}");
    setting::put(tx, office.practice(), (&name, &said.to_string()), now)?;
    let went = match standing {
        Standing::GoesOn => "nothing_lost",
        Standing::WentBack { .. } => "loss_accepted",
        Standing::OtherLog { .. } => "other_log_accepted",
    };
    let event =
        Event::new(Kind::BackupRestored, Actor::operator()).about(SETTING, &name).code(went);
    audit::append(tx, office, event)?;
    while audit::sequence(tx, office)?.is_some() {}
    let note = last_note(tx, office.practice())?.map(|(note, _)| note).unwrap_or_default();
    let restored = Restored { made_at, examined, lost, held, held_reminders, ended, before: None };
    Ok((restored, note))
}
