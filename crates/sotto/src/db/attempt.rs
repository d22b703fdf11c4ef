//! Tables `attempt` and `attempt_part`: each try to hand a message over, written before the wire.

use gate::{MessageId, PracticeId};
use jiff::Timestamp;

use crate::db::registry::{ATTEMPT, ATTEMPT_PART};
use crate::db::{DbError, Row, Tx};
use crate::ids::AttemptId;
use crate::{params, sql};

/// How an attempt ended, as far as we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Written before the wire; no answer yet.
    Started,
    /// The carrier took it.
    Accepted,
    /// The carrier did not take it.
    Failed,
    /// The answer was lost.
    Uncertain,
}

impl Outcome {
    /// The word in the row.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Started, Self::Accepted, Self::Failed, Self::Uncertain]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

/// Writes down that an attempt begins. A crash after this leaves it `started`; recovery makes it
/// `uncertain`.
///
/// # Errors
/// [`DbError`].
pub fn start(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: AttemptId,
    attempt: &Start<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.put(
        sql!(
            "INSERT INTO attempt (practice_id, id, message_id, number, adapter, started_at, outcome)
             VALUES ($1, $2, $3, $4, $5, $6, 'started')"
        ),
        params![practice, id, attempt.message, attempt.number, attempt.adapter, now],
    )?;
    tx.touch(ATTEMPT, id.to_string());
    Ok(())
}

/// An attempt about to begin.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Of which message.
    pub message: MessageId,
    /// Counted from 1.
    pub number: u32,
    /// By which adapter.
    pub adapter: &'a str,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// Accepted, failed or uncertain.
    pub outcome: Outcome,
    /// A word of the closed list of failures.
    pub failure: Option<&'a str>,
    /// TLS facts and the like, as JSON without PHI.
    pub transport: Option<&'a str>,
}

/// Writes down how an attempt ended.
///
/// # Errors
/// [`DbError`].
pub fn finish(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: AttemptId,
    end: &End<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.put(
        sql!(
            "UPDATE attempt SET finished_at = $3, outcome = $4, failure = $5, transport = $6
             WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id, now, end.outcome.as_str(), end.failure, end.transport],
    )?;
    tx.touch(ATTEMPT, id.to_string());
    Ok(())
}

/// Keeps the carrier's id of one part.
///
/// # Errors
/// [`DbError`].
pub fn add_part(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    part: &Part<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.put(
        sql!(
            "INSERT INTO attempt_part (practice_id, attempt_id, part, adapter, carrier_id, state,
                 state_at) VALUES ($1, $2, $3, $4, $5, 'accepted', $6)"
        ),
        params![practice, part.attempt, part.number, part.adapter, part.carrier_id, now],
    )?;
    tx.touch(ATTEMPT_PART, format!("{}/{}", part.attempt, part.number));
    Ok(())
}

/// One part of an accepted message.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Counted from 1.
    pub number: u32,
    /// By which adapter.
    pub adapter: &'a str,
    /// The carrier's id, in one form however the carrier writes it.
    pub carrier_id: &'a str,
}

/// The open attempt of a message, if one was started and has not ended.
///
/// # Errors
/// [`DbError`].
pub fn open_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    message: MessageId,
) -> Result<Option<AttemptId>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id FROM attempt WHERE practice_id = $1 AND message_id = $2
                 AND outcome = 'started'"
        ),
        params![practice, message],
        |row| row.get(0),
    )
}

/// How an attempt ended, or that it has not.
///
/// # Errors
/// [`DbError`].
pub fn outcome(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: AttemptId,
) -> Result<Option<Outcome>, DbError> {
    tx.query_opt(
        sql!("SELECT outcome FROM attempt WHERE practice_id = $1 AND id = $2"),
        params![practice, id],
        |row| crate::db::message::word(row, 0, Outcome::from_word),
    )
}

/// The latest attempt of a message.
#[derive(Debug, Clone)]
pub struct Last {
    /// Which.
    pub id: AttemptId,
    /// Counted from 1.
    pub number: u32,
    /// By which adapter.
    pub adapter: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// The latest attempt of a message, or none.
///
/// # Errors
/// [`DbError`].
pub fn last_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    message: MessageId,
) -> Result<Option<Last>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, number, adapter, outcome FROM attempt
             WHERE practice_id = $1 AND message_id = $2 ORDER BY number DESC LIMIT 1"
        ),
        params![practice, message],
        |row| {
            Ok(Last {
                id: row.get(0)?,
                number: row.get(1)?,
                adapter: row.get(2)?,
                outcome: crate::db::message::word(row, 3, Outcome::from_word)?,
            })
        },
    )
}

/// A try, as it is told.
#[derive(Debug, Clone)]
pub struct Try {
    /// By which adapter.
    pub adapter: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When its answer came.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// A word of the closed list.
    pub failure: Option<String>,
}

fn read_try(row: &Row<'_>) -> Result<Try, DbError> {
    Ok(Try {
        adapter: row.get(0)?,
        started_at: row.get(1)?,
        finished_at: row.get(2)?,
        outcome: crate::db::message::word(row, 3, Outcome::from_word)?,
        failure: row.get(4)?,
    })
}

/// The latest tries of all messages, the latest first. Their ids are made when they begin.
///
/// # Errors
/// [`DbError`].
pub fn latest(tx: &mut Tx<'_>, practice: PracticeId, most: u32) -> Result<Vec<Try>, DbError> {
    tx.query(
        sql!(
            "SELECT adapter, started_at, finished_at, outcome, failure FROM attempt
             WHERE practice_id = $1 ORDER BY id DESC LIMIT $2"
        ),
        params![practice, most],
        read_try,
    )
}

/// The tries of one message, in order.
///
/// # Errors
/// [`DbError`].
pub fn of_message(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    message: MessageId,
) -> Result<Vec<Try>, DbError> {
    tx.query(
        sql!(
            "SELECT adapter, started_at, finished_at, outcome, failure FROM attempt
             WHERE practice_id = $1 AND message_id = $2 ORDER BY number"
        ),
        params![practice, message],
        read_try,
    )
}
