//! The single sequencer: it gives committed entries their places in the tree and signs the head.
//!
//! One transaction places a batch: leaf indexes in the order in which the entries came in, one more
//! entry about the checkpoint itself as the last leaf, the tiles that changed, and the signed note. A
//! crash before the commit leaves nothing of it, and the entries are placed next time; a crash
//! after it leaves all of it. The state to go on from is read back and checked against the signed
//! head each time, so recovery is the ordinary path and there is no other.
//!
//! On PostgreSQL a lock makes the sequencer single among many nodes: whoever holds it for a batch
//! leads for that batch. It is held by the transaction and not by the session, and the server ends
//! a transaction in which nothing happens for three seconds, so that a leader that was killed,
//! paused or cut off is followed within five. (RULEBOOK §10.)

use std::time::Duration;

use gate::PracticeId;
use jiff::{SignedDuration, Timestamp};
use ledger::{Checkpoint, Frontier, Head, LogKey, TileId, leaf_hash};

use crate::audit::append::{AuditError, Log};
use crate::audit::event::{Actor, Bound, Entry, Event, Kind};
use crate::audit::record;
use crate::db::registry::AUDIT_CHECKPOINT;
use crate::db::{Db, DbError, Tx};
use crate::ids::{EntryId, Id as _};
use crate::{params, sql};

/// How many entries one transaction places at most. Others wait behind it, and what it changes is
/// held in memory until it ends: see docs/performance.md.
const BATCH: u32 = 2048;

/// How long the others wait for a sequencer that stopped in the middle of a batch.
const IDLE: Duration = Duration::from_secs(3);

/// How far the clock may go back before no checkpoint is signed (RULEBOOK §10).
const BACKWARDS: SignedDuration = SignedDuration::from_secs(5);

/// The log could not grow.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A row of the log cannot be bound.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The stored head is not one that this log's key signed.
    #[error("the last checkpoint cannot be trusted ({0}); run `sotto audit verify`")]
    Head(#[from] ledger::CheckpointError),
    /// The stored tiles are not those of the signed head.
    #[error(transparent)]
    Tiles(#[from] ledger::LoadError<DbError>),
    /// The log's key cannot be made.
    #[error(transparent)]
    Key(#[from] ledger::VerifierKeyError),
    /// The log is full.
    #[error(transparent)]
    Full(#[from] ledger::Full),
    /// Rows stand beyond the signed head: they were put there by hand, or the head was removed.
    #[error(
        "audit entries are placed beyond the last checkpoint of {size}: the log was altered; \
         run `sotto audit verify`"
    )]
    Beyond {
        /// The size that was signed last.
        size: u64,
    },
    /// The clock went back by more than five seconds.
    #[error("the clock went back behind the last checkpoint of {last}; set it right, then restart")]
    ClockWentBack {
        /// When the last checkpoint was signed.
        last: Timestamp,
    },
}

/// The name of a practice's log, which is also its checkpoints' origin.
#[must_use]
pub fn log_name(practice: PracticeId) -> String {
    format!("sotto/{practice}")
}

/// The key that signs a practice's log.
///
/// # Errors
/// Never, for a practice's id; the type says what [`LogKey::from_seed`] can.
pub fn log_key(log: Log<'_>) -> Result<LogKey, ledger::VerifierKeyError> {
    LogKey::from_seed(&log_name(log.practice), &log.keys.log_key())
}

/// Places what waits, up to one batch, and signs a checkpoint. None when nothing waits.
///
/// # Errors
/// [`SequenceError`]; nothing is then stored, and what waits goes on waiting.
pub fn sequence<'a>(
    tx: &mut Tx<'_>,
    log: impl Into<Log<'a>>,
) -> Result<Option<Checkpoint>, SequenceError> {
    Ok(sequence_batch(tx, log.into())?.map(|placed| placed.checkpoint))
}

/// A batch that has its leaves.
struct Placed {
    /// Signed with it.
    checkpoint: Checkpoint,
    /// It was as large as one may be: more may wait.
    full: bool,
}

fn sequence_batch(tx: &mut Tx<'_>, log: Log<'_>) -> Result<Option<Placed>, SequenceError> {
    tx.lock(lock_of(log.practice))?;
    place(tx, log)
}

fn sequence_batch_if_free(tx: &mut Tx<'_>, log: Log<'_>) -> Result<Option<Placed>, SequenceError> {
    if !tx.try_lock(lock_of(log.practice))? {
        return Ok(None);
    }
    tx.ends_when_idle(IDLE)?;
    place(tx, log)
}

/// The work of [`sequence`], under its lock.
fn place(tx: &mut Tx<'_>, log: Log<'_>) -> Result<Option<Placed>, SequenceError> {
    let waiting = waiting(tx, log.practice)?;
    if waiting.is_empty() {
        return Ok(None);
    }
    let key = log_key(log)?;
    let (head, last_signed) = last_head(tx, log, &key)?;
    let now = log.clock.now();
    if last_signed.is_some_and(|last| last.duration_since(now) > BACKWARDS) {
        return Err(SequenceError::ClockWentBack { last: last_signed.unwrap_or(now) });
    }
    // Within the five seconds the log's own time stands still rather than go back.
    let now = last_signed.map_or(now, |last| last.max(now));
    let practice = log.practice;
    let full = waiting.len() == BATCH as usize;
    let mut tree = Frontier::load(head, |id| tile(tx, practice, id))?;
    let mut ids = Vec::with_capacity(waiting.len());
    let mut latest = last_arrival(tx, practice, head)?;
    for Waiting { id, leaf, arrival } in waiting {
        tree.append(leaf)?;
        ids.push(id.to_string());
        latest = latest.max(arrival);
    }
    put_at(tx, practice, index_of(head.size), &ids)?;
    let own = checkpoint_entry(tx, log, head, now)?;
    let index = index_of(tree.append(leaf_hash(&own.to_bytes()))?);
    tx.execute(
        sql!(
            "INSERT INTO audit_entry (practice_id, id, recorded_at, body, leaf_index, arrival)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        params![practice, own.id, now, own.to_bytes(), index, latest],
    )?;
    for tile in tree.take_tiles() {
        tx.execute(
            sql!(
                "INSERT INTO audit_tile (practice_id, level, tile, hashes) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (practice_id, level, tile) DO UPDATE SET hashes = excluded.hashes"
            ),
            params![practice, tile.id.level(), index_of(tile.id.index()), tile.bytes()],
        )?;
    }
    let checkpoint = Checkpoint::new(&log_name(practice), tree.head())?;
    tx.execute(
        sql!(
            "INSERT INTO audit_checkpoint (practice_id, size, signed_at, note)
             VALUES ($1, $2, $3, $4)"
        ),
        params![practice, index_of(tree.size()), now, checkpoint.sign(&key)?],
    )?;
    Ok(Some(Placed { checkpoint, full }))
}

/// Places everything that waits now, batch by batch, and returns the last checkpoint it signed.
///
/// # Errors
/// [`SequenceError`].
pub async fn catch_up<O>(db: &Db, office: &O) -> Result<Option<Checkpoint>, SequenceError>
where
    O: Clone + Send + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    batch_by_batch(db, office, sequence_batch).await
}

/// [`catch_up`], unless another node is at it: then there is nothing to do here. What comes in
/// meanwhile is left for the next call: a checkpoint for each handful of entries would cost more than
/// the entries do.
///
/// # Errors
/// [`SequenceError`]; what was placed before stays placed.
pub async fn catch_up_if_free<O>(db: &Db, office: &O) -> Result<Option<Checkpoint>, SequenceError>
where
    O: Clone + Send + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    batch_by_batch(db, office, sequence_batch_if_free).await
}

type Batch = fn(&mut Tx<'_>, Log<'_>) -> Result<Option<Placed>, SequenceError>;

async fn batch_by_batch<O>(
    db: &Db,
    office: &O,
    batch: Batch,
) -> Result<Option<Checkpoint>, SequenceError>
where
    O: Clone + Send + 'static,
    for<'a> &'a O: Into<Log<'a>>,
{
    let mut last = None;
    loop {
        let office = office.clone();
        let Some(placed) = db.write(move |tx| batch(tx, (&office).into())).await? else {
            return Ok(last);
        };
        last = Some(placed.checkpoint);
        if !placed.full {
            return Ok(last);
        }
    }
}

/// The bytes of a stored tile, at least as wide as asked for, or an error when it is not there.
pub(super) fn tile(tx: &mut Tx<'_>, practice: PracticeId, id: TileId) -> Result<Vec<u8>, DbError> {
    tx.query_one(
        sql!("SELECT hashes FROM audit_tile WHERE practice_id = $1 AND level = $2 AND tile = $3"),
        params![practice, id.level(), index_of(id.index())],
        |row| row.get(0),
    )
}

/// Sizes and indexes stay below 2⁴⁸.
pub(super) fn index_of(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The last signed checkpoint's note, with when it was signed.
///
/// # Errors
/// [`DbError`].
pub fn last_note(
    tx: &mut Tx<'_>,
    practice: PracticeId,
) -> Result<Option<(String, Timestamp)>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT note, signed_at FROM audit_checkpoint WHERE practice_id = $1
             ORDER BY size DESC LIMIT 1"
        ),
        params![practice],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The head to go on from, checked: signed by our key, and nothing placed beyond it.
fn last_head(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    key: &LogKey,
) -> Result<(Head, Option<Timestamp>), SequenceError> {
    let (head, signed_at) = match last_note(tx, log.practice)? {
        Some((note, at)) => (Checkpoint::open(note.as_bytes(), &key.verifier())?.head(), Some(at)),
        None => (Head::EMPTY, None),
    };
    let beyond: Option<i64> = tx.query_opt(
        sql!(
            "SELECT leaf_index FROM audit_entry WHERE practice_id = $1 AND leaf_index >= $2
             ORDER BY leaf_index LIMIT 1"
        ),
        params![log.practice, index_of(head.size)],
        |row| row.get(0),
    )?;
    if beyond.is_some() {
        return Err(SequenceError::Beyond { size: head.size });
    }
    Ok((head, signed_at))
}

/// The checkpoint's own leaf. It binds the checkpoint before it, so that none can be taken out,
/// and puts the time of signing under the signature.
fn checkpoint_entry(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    before: Head,
    now: Timestamp,
) -> Result<Entry, SequenceError> {
    let mut records = Vec::new();
    if before.size > 0 {
        let key = before.size.to_string();
        let digest = record::digest_of(tx, log.keys, log.practice, AUDIT_CHECKPOINT, &key)?;
        records.push(Bound(AUDIT_CHECKPOINT.name().into(), key, digest));
    }
    let event = Event::new(Kind::Checkpoint, Actor::service("sequencer"));
    Ok(Entry::of(event, log.practice, EntryId::new(log.clock), now, records))
}

/// Gives the entries their leaves, from `first` on, in one statement: there may be thousands. The
/// list is materialized, or SQLite would walk through the whole log for each id.
fn put_at(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    first: i64,
    ids: &[String],
) -> Result<(), DbError> {
    // Ids are hexadecimal digits and dashes: nothing in them is to be escaped.
    let list = format!("[\"{}\"]", ids.join("\",\""));
    tx.execute(
        sql! {
            sqlite: "WITH place AS MATERIALIZED
                     (SELECT $1 AS practice, key AS number, value AS id FROM json_each($3))
                 UPDATE audit_entry SET leaf_index = $2 + place.number FROM place
                 WHERE audit_entry.practice_id = place.practice AND audit_entry.id = place.id",
            postgres: "UPDATE audit_entry SET leaf_index = $2 + place.number - 1
                 FROM json_array_elements_text(CAST($3 AS TEXT)::json)
                     WITH ORDINALITY AS place (id, number)
                 WHERE audit_entry.practice_id = $1 AND audit_entry.id = place.id"
        },
        params![practice, first, list],
    )?;
    Ok(())
}

/// The highest arrival that has a leaf, which the last checkpoint's own entry bears. None where a
/// program from before this one signed it.
fn last_arrival(tx: &mut Tx<'_>, practice: PracticeId, head: Head) -> Result<Option<i64>, DbError> {
    let leaf = index_of(head.size).saturating_sub(1);
    let found = tx.query_opt(
        sql!("SELECT arrival FROM audit_entry WHERE practice_id = $1 AND leaf_index = $2"),
        params![practice, leaf],
        |row| row.get(0),
    )?;
    Ok(found.flatten())
}

/// An entry without a leaf.
struct Waiting {
    id: EntryId,
    leaf: ledger::Hash,
    /// Its place among those that waited with it. None in an entry from before schema 7.
    arrival: Option<i64>,
}

/// The entries without a leaf, in the order they came in.
fn waiting(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<Waiting>, DbError> {
    let older: Option<String> = tx.query_opt(
        sql!(
            "SELECT id FROM audit_entry
             WHERE practice_id = $1 AND leaf_index IS NULL AND arrival IS NULL LIMIT 1"
        ),
        params![practice],
        |row| row.get(0),
    )?;
    let in_order = match older {
        None => sql!(
            "SELECT id, body, arrival FROM audit_entry
             WHERE practice_id = $1 AND leaf_index IS NULL ORDER BY arrival LIMIT $2"
        ),
        // A program from before schema 7 works beside this one and tells no order: time has to do.
        Some(_) => sql!(
            "SELECT id, body, arrival FROM audit_entry
             WHERE practice_id = $1 AND leaf_index IS NULL ORDER BY recorded_at, id LIMIT $2"
        ),
    };
    tx.query(in_order, params![practice, BATCH], |row| {
        let leaf = leaf_hash(&row.get::<Vec<u8>>(1)?);
        Ok(Waiting { id: row.get(0)?, leaf, arrival: row.get(2)? })
    })
}

/// One lock a practice: the first bytes of its id, which are random at the end and not at the
/// start, so the end it is.
fn lock_of(practice: PracticeId) -> i64 {
    practice.0.as_u64_pair().1.cast_signed() ^ 0x6175_6469_745f_7365
}
