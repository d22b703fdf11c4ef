//! Table `receipt`, and what a receipt is matched with: `attempt_part` and uncertain attempts.

use gate::{MessageId, PracticeId};
use jiff::Timestamp;

use crate::db::message::word;
use crate::db::registry::{ATTEMPT_PART, RECEIPT};
use crate::db::words::{Word as _, words};
use crate::db::{DbError, Tx};
use crate::ids::{AttemptId, ReceiptId};
use crate::{params, sql};

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartState {
    /// The carrier has it.
    Accepted,
    /// It arrived.
    Delivered,
    /// It did not arrive.
    Undelivered,
}

words! {
    PartState {
        Accepted = "accepted",
        Delivered = "delivered",
        Undelivered = "undelivered",
    }
}

impl PartState {
    /// May it become `next`? Reports come late, twice and out of order; arrived stays arrived, and
    /// some carriers report a failed try and then a success.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Accepted, Self::Delivered | Self::Undelivered)
                | (Self::Undelivered, Self::Delivered)
        )
    }
}

/// A receipt to keep.
#[derive(Debug, Clone, Copy)]
pub struct NewReceipt<'a> {
    /// Key.
    pub id: ReceiptId,
    /// Through which adapter.
    pub adapter: &'a str,
    /// The carrier's id of the part.
    pub carrier_id: &'a str,
    /// A word of [`crate::channels::ReceiptStatus`].
    pub status: &'a str,
    /// A word of the closed list of failures, and the carrier's code behind a colon.
    pub error: Option<&'a str>,
    /// Of which attempt, once that is known.
    pub attempt: Option<AttemptId>,
    /// When it happened, as far as the carrier says so.
    pub occurred_at: Option<Timestamp>,
}

/// Keeps a receipt. False when the same one was there already.
///
/// # Errors
/// [`DbError`].
pub fn insert(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    new: &NewReceipt<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let rows = tx.execute(
        sql!(
            "INSERT INTO receipt (practice_id, id, adapter, carrier_id, status, error, attempt_id,
                 occurred_at, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (practice_id, adapter, carrier_id, status) DO NOTHING"
        ),
        params![
            practice,
            new.id,
            new.adapter,
            new.carrier_id,
            new.status,
            new.error,
            new.attempt,
            new.occurred_at,
            now
        ],
    )?;
    if rows > 0 {
        tx.touch(RECEIPT, new.id.to_string());
    }
    Ok(rows > 0)
}

/// A receipt that came before its attempt was known.
#[derive(Debug, Clone)]
pub struct Early {
    /// Key.
    pub id: ReceiptId,
    /// What it says.
    pub status: String,
    /// A failure and its code.
    pub error: Option<String>,
}

/// The receipts of a carrier's id that belong to no attempt yet, in the order they came.
///
/// # Errors
/// [`DbError`].
pub fn early(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    adapter: &str,
    carrier_id: &str,
) -> Result<Vec<Early>, DbError> {
    tx.query(
        sql!(
            "SELECT id, status, error FROM receipt
             WHERE practice_id = $1 AND adapter = $2 AND carrier_id = $3 AND attempt_id IS NULL
             ORDER BY received_at, id"
        ),
        params![practice, adapter, carrier_id],
        |row| Ok(Early { id: row.get(0)?, status: row.get(1)?, error: row.get(2)? }),
    )
}

/// Gives an early receipt its attempt.
///
/// # Errors
/// [`DbError`].
pub fn attach(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: ReceiptId,
    attempt: AttemptId,
) -> Result<(), DbError> {
    tx.put(
        sql!("UPDATE receipt SET attempt_id = $3 WHERE practice_id = $1 AND id = $2"),
        params![practice, id, attempt],
    )?;
    tx.touch(RECEIPT, id.to_string());
    Ok(())
}

/// A part that a receipt is about.
#[derive(Debug, Clone)]
pub struct KnownPart {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Which part.
    pub number: u32,
    /// Where it stands.
    pub state: PartState,
    /// Of which message.
    pub message: MessageId,
}

/// The part with a carrier's id; of the latest attempt, where an id covers several (mail).
///
/// # Errors
/// [`DbError`].
pub fn part(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    adapter: &str,
    carrier_id: &str,
) -> Result<Option<KnownPart>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT p.attempt_id, p.part, p.state, a.message_id
               FROM attempt_part p
               JOIN attempt a ON a.practice_id = p.practice_id AND a.id = p.attempt_id
              WHERE p.adapter = $2 AND p.carrier_id = $3 AND p.practice_id = $1
              ORDER BY a.started_at DESC, a.number DESC LIMIT 1"
        ),
        params![practice, adapter, carrier_id],
        |row| {
            Ok(KnownPart {
                attempt: row.get(0)?,
                number: row.get(1)?,
                state: word(row, 2, |text| {
                    [PartState::Accepted, PartState::Delivered, PartState::Undelivered]
                        .into_iter()
                        .find(|state| state.word() == text)
                })?,
                message: row.get(3)?,
            })
        },
    )
}

/// Moves a part on.
///
/// # Errors
/// [`DbError`].
pub fn set_part(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    part: &KnownPart,
    state: PartState,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.put(
        sql!(
            "UPDATE attempt_part SET state = $4, state_at = $5
             WHERE practice_id = $1 AND attempt_id = $2 AND part = $3"
        ),
        params![practice, part.attempt, part.number, state.word(), now],
    )?;
    tx.touch(ATTEMPT_PART, format!("{}/{}", part.attempt, part.number));
    Ok(())
}

/// How many parts of an attempt are in each state: accepted, delivered, undelivered.
///
/// # Errors
/// [`DbError`].
pub fn count_parts(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    attempt: AttemptId,
) -> Result<(u32, u32, u32), DbError> {
    let mut counts = (0, 0, 0);
    let states: Vec<String> = tx.query(
        sql!("SELECT state FROM attempt_part WHERE practice_id = $1 AND attempt_id = $2"),
        params![practice, attempt],
        |row| row.get(0),
    )?;
    for state in states {
        match state.as_str() {
            "delivered" => counts.1 += 1,
            "undelivered" => counts.2 += 1,
            _ => counts.0 += 1,
        }
    }
    Ok(counts)
}

/// The attempts of an adapter at an address whose answer is not known, latest first: still open
/// (`started`), or given up (`uncertain`).
///
/// # Errors
/// [`DbError`].
pub fn unanswered(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    adapter: &str,
    address_index: &[u8; 32],
    since: Timestamp,
) -> Result<Vec<(AttemptId, MessageId, String)>, DbError> {
    tx.query(
        // From the address to its few messages, never from all that is on the wire.
        sql!(
            "SELECT a.id, a.message_id, a.outcome FROM message m CROSS JOIN attempt a
              WHERE m.practice_id = $1 AND m.address_index = $3
                AND m.state IN ('sending', 'uncertain')
                AND a.practice_id = m.practice_id AND a.message_id = m.id AND a.adapter = $2
                AND a.started_at >= $4 AND a.outcome IN ('started', 'uncertain')
              ORDER BY a.started_at DESC LIMIT 8"
        ),
        params![practice, adapter, address_index, since],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// A part of an attempt.
#[derive(Debug, Clone)]
pub struct PartRow {
    /// Through which adapter.
    pub adapter: String,
    /// The carrier's id.
    pub carrier_id: String,
    /// Where it stands.
    pub state: PartState,
}

/// The parts of an attempt, in order.
///
/// # Errors
/// [`DbError`].
pub fn parts_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    attempt: AttemptId,
) -> Result<Vec<PartRow>, DbError> {
    tx.query(
        sql!(
            "SELECT adapter, carrier_id, state FROM attempt_part
             WHERE practice_id = $1 AND attempt_id = $2 ORDER BY part"
        ),
        params![practice, attempt],
        |row| Ok(PartRow { adapter: row.get(0)?, carrier_id: row.get(1)?, state: row.get(2)? }),
    )
}

/// All receipts of a carrier's id, in the order they came.
///
/// # Errors
/// [`DbError`].
pub fn of_carrier_id(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    adapter: &str,
    carrier_id: &str,
) -> Result<Vec<Early>, DbError> {
    tx.query(
        sql!(
            "SELECT id, status, error FROM receipt
             WHERE practice_id = $1 AND adapter = $2 AND carrier_id = $3
             ORDER BY received_at, id"
        ),
        params![practice, adapter, carrier_id],
        |row| Ok(Early { id: row.get(0)?, status: row.get(1)?, error: row.get(2)? }),
    )
}
