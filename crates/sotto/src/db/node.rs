//! Table `node`: which processes serve a practice now, which of the carrier's binds each may use,
//! and which have fallen silent.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::{DbError, Row, Tx};
use crate::ids::RunId;
use crate::{params, sql};

/// One run of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Which run.
    pub run: RunId,
    /// The node's name, the same after each restart.
    pub name: String,
    /// Counts up while it lives; negative once it was given up.
    pub beat: i64,
    /// Which of the carrier's binds it may use.
    pub bind: Option<i64>,
}

impl NodeRow {
    /// Whether the others have given it up.
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        self.beat < 0
    }

    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self { run: row.get(0)?, name: row.get(1)?, beat: row.get(2)?, bind: row.get(3)? })
    }
}

/// A run begins.
///
/// # Errors
/// [`DbError`].
pub fn join(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (run, name): (RunId, &str),
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO node (practice_id, run, name, beat, joined_at) VALUES ($1, $2, $3, 0, $4)"
        ),
        params![practice, run, name, now],
    )?;
    Ok(())
}

/// All runs, the one that has served longest first.
///
/// # Errors
/// [`DbError`].
pub fn all(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<NodeRow>, DbError> {
    tx.query(
        sql!("SELECT run, name, beat, bind FROM node WHERE practice_id = $1 ORDER BY run"),
        params![practice],
        NodeRow::read,
    )
}

/// One more sign of life. False when the others have given this run up.
///
/// # Errors
/// [`DbError`].
pub fn beat(tx: &mut Tx<'_>, practice: PracticeId, run: RunId) -> Result<bool, DbError> {
    let living = tx.execute(
        sql!(
            "UPDATE node SET beat = beat + 1
             WHERE practice_id = $1 AND run = $2 AND beat >= 0"
        ),
        params![practice, run],
    )?;
    Ok(living > 0)
}

/// Gives a run up, if it has not stirred since `beat` was seen: from here on its own beat fails.
/// Its bind is free again.
///
/// # Errors
/// [`DbError`].
pub fn give_up(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    run: RunId,
    beat: i64,
) -> Result<bool, DbError> {
    let given_up = tx.execute(
        sql!(
            "UPDATE node SET beat = -1, bind = NULL
             WHERE practice_id = $1 AND run = $2 AND beat = $3"
        ),
        params![practice, run, beat],
    )?;
    Ok(given_up > 0)
}

/// A run ends by itself, and gives itself up.
///
/// # Errors
/// [`DbError`].
pub fn resign(tx: &mut Tx<'_>, practice: PracticeId, run: RunId) -> Result<(), DbError> {
    tx.execute(
        sql!("UPDATE node SET beat = -1, bind = NULL WHERE practice_id = $1 AND run = $2"),
        params![practice, run],
    )?;
    Ok(())
}

/// Whether a run lives. If so it is not struck out before this transaction ends, whoever gives it
/// up meanwhile: what is claimed in its name here will be found by it.
///
/// # Errors
/// [`DbError`].
pub fn lives(tx: &mut Tx<'_>, practice: PracticeId, run: RunId) -> Result<bool, DbError> {
    // Not the row's own lock: giving the run up takes that, and must not wait for a paused process.
    tx.lock_shared(claims_of(run))?;
    let beat: Option<i64> = tx.query_opt(
        sql!("SELECT beat FROM node WHERE practice_id = $1 AND run = $2 AND beat >= 0"),
        params![practice, run],
        |row| row.get(0),
    )?;
    Ok(beat.is_some())
}

/// Strikes out the runs that were given up and have nothing left to settle. One in whose name a
/// claim is still being stored stays: the server may finish a commit seconds after the process that
/// asked for it was killed.
///
/// # Errors
/// [`DbError`].
pub fn strike_out(tx: &mut Tx<'_>, practice: PracticeId) -> Result<u64, DbError> {
    let given_up: Vec<RunId> = tx.query(
        sql!("SELECT run FROM node WHERE practice_id = $1 AND beat < 0"),
        params![practice],
        |row| row.get(0),
    )?;
    let mut struck = 0;
    for run in given_up {
        if tx.try_lock(claims_of(run))? {
            // Asked after the lock was taken, so what was claimed before is seen.
            struck += tx.execute(
                sql!(
                    "DELETE FROM node WHERE practice_id = $1 AND run = $2 AND NOT EXISTS (
                         SELECT 1 FROM outbox WHERE practice_id = $1 AND lease_owner = $2)"
                ),
                params![practice, run],
            )?;
        }
    }
    Ok(struck)
}

/// The lock that each claim of a run holds. A run's id ends in random bits.
fn claims_of(run: RunId) -> i64 {
    run.0.as_u64_pair().1.cast_signed() ^ 0x636c_6169_6d5f_5f73
}

/// Lets a living run use one of the carrier's binds, if one of the first `binds` is free. The
/// caller holds the lock of the practice's nodes, so that two do not choose the same one.
///
/// # Errors
/// [`DbError`].
pub fn take_bind(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    run: RunId,
    binds: u32,
) -> Result<Option<i64>, DbError> {
    let taken: Vec<i64> = tx.query(
        sql!("SELECT bind FROM node WHERE practice_id = $1 AND bind IS NOT NULL"),
        params![practice],
        |row| row.get(0),
    )?;
    let Some(free) = (0..i64::from(binds)).find(|bind| !taken.contains(bind)) else {
        return Ok(None);
    };
    let given = tx.execute(
        sql!(
            "UPDATE node SET bind = $3
             WHERE practice_id = $1 AND run = $2 AND beat >= 0 AND bind IS NULL"
        ),
        params![practice, run, free],
    )?;
    Ok((given > 0).then_some(free))
}
