//! Table `outbox`: what waits for the wire. Rows leave it; each carries a mac of its own, because
//! the audit log does not bind what changes at every breath.

use gate::{MessageId, PracticeId};
use jiff::Timestamp;

use crate::db::{DbError, Row, Tx};
use crate::ids::RunId;
use crate::{params, sql};

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Whose.
    pub practice: PracticeId,
    /// Which message.
    pub message: MessageId,
    /// Who is to carry it.
    pub adapter: String,
    /// Not before.
    pub due_at: Timestamp,
    /// How many attempts were made.
    pub attempts: u32,
    /// Taken until.
    pub leased_until: Option<Timestamp>,
    /// Taken by which run of which process; what it had under way is settled by others once it has
    /// fallen silent.
    pub lease_owner: Option<String>,
}

impl OutboxRow {
    /// What the mac covers: every column, each with its length before it.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        let mut put = |bytes: &[u8]| {
            out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        put(self.practice.0.as_bytes());
        put(self.message.0.as_bytes());
        put(self.adapter.as_bytes());
        put(&self.due_at.as_microsecond().to_be_bytes());
        put(&self.attempts.to_be_bytes());
        put(&self.leased_until.map_or(i64::MIN, |t| t.as_microsecond()).to_be_bytes());
        put(self.lease_owner.as_deref().unwrap_or_default().as_bytes());
        out
    }

    /// The row as the table's columns stand, the mac left out.
    ///
    /// # Errors
    /// [`DbError::Column`].
    pub fn read(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self {
            practice: row.get(0)?,
            message: row.get(1)?,
            adapter: row.get(2)?,
            due_at: row.get(3)?,
            attempts: row.get(4)?,
            leased_until: row.get(5)?,
            lease_owner: row.get(6)?,
        })
    }
}

/// Puts a row in.
///
/// # Errors
/// [`DbError`].
pub fn insert(tx: &mut Tx<'_>, row: &OutboxRow, mac: &[u8; 32]) -> Result<(), DbError> {
    tx.put(
        sql!(
            "INSERT INTO outbox (practice_id, message_id, adapter, due_at, attempts, leased_until,
                 lease_owner, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        ),
        params![
            row.practice,
            row.message,
            row.adapter,
            row.due_at,
            row.attempts,
            row.leased_until,
            row.lease_owner,
            mac
        ],
    )?;
    Ok(())
}

/// Writes a row back.
///
/// # Errors
/// [`DbError`].
pub fn update(tx: &mut Tx<'_>, row: &OutboxRow, mac: &[u8; 32]) -> Result<(), DbError> {
    tx.put(
        sql!(
            "UPDATE outbox SET adapter = $3, due_at = $4, attempts = $5, leased_until = $6,
                 lease_owner = $7, mac = $8 WHERE practice_id = $1 AND message_id = $2"
        ),
        params![
            row.practice,
            row.message,
            row.adapter,
            row.due_at,
            row.attempts,
            row.leased_until,
            row.lease_owner,
            mac
        ],
    )?;
    Ok(())
}

/// Leases a row that is free and still stands as it was read: due then, after so many attempts.
/// False when it was withdrawn, changed or taken meanwhile.
///
/// # Errors
/// [`DbError`].
pub fn lease(
    tx: &mut Tx<'_>,
    was: &OutboxRow,
    row: &OutboxRow,
    mac: &[u8; 32],
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE outbox SET attempts = $3, leased_until = $4, lease_owner = $5, mac = $6
             WHERE practice_id = $1 AND message_id = $2 AND leased_until IS NULL
                 AND due_at = $7 AND attempts = $8"
        ),
        params![
            row.practice,
            row.message,
            row.attempts,
            row.leased_until,
            row.lease_owner,
            mac,
            was.due_at,
            was.attempts
        ],
    )?;
    Ok(changed > 0)
}

/// Takes a row out, if it is there.
///
/// # Errors
/// [`DbError`].
pub fn delete(tx: &mut Tx<'_>, practice: PracticeId, id: MessageId) -> Result<(), DbError> {
    tx.put(
        sql!("DELETE FROM outbox WHERE practice_id = $1 AND message_id = $2"),
        params![practice, id],
    )
}

/// Takes a row out that nobody has taken. False when it is gone or on its way: the two are asked
/// in one statement, because on PostgreSQL a worker may take it at this very moment.
///
/// # Errors
/// [`DbError`].
pub fn delete_free(tx: &mut Tx<'_>, practice: PracticeId, id: MessageId) -> Result<bool, DbError> {
    tx.execute(
        sql!(
            "DELETE FROM outbox
             WHERE practice_id = $1 AND message_id = $2 AND leased_until IS NULL"
        ),
        params![practice, id],
    )
    .map(|gone| gone > 0)
}

/// Whether a run still holds the row of a message. Nobody else changes it then until this
/// transaction ends.
///
/// # Errors
/// [`DbError`].
pub fn still_leased(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: MessageId,
    run: RunId,
) -> Result<bool, DbError> {
    let held: Option<i64> = tx.query_opt(
        sql! {
            sqlite: "SELECT attempts FROM outbox
                 WHERE practice_id = $1 AND message_id = $2 AND lease_owner = $3",
            postgres: "SELECT attempts FROM outbox
                 WHERE practice_id = $1 AND message_id = $2 AND lease_owner = $3 FOR UPDATE"
        },
        params![practice, id, run],
        |row| row.get(0),
    )?;
    Ok(held.is_some())
}

/// The row of a message.
///
/// # Errors
/// [`DbError`].
pub fn find(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: MessageId,
) -> Result<Option<OutboxRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT practice_id, message_id, adapter, due_at, attempts, leased_until, lease_owner
             FROM outbox WHERE practice_id = $1 AND message_id = $2"
        ),
        params![practice, id],
        OutboxRow::read,
    )
}

/// Rows of an adapter that are due and free, oldest first, taken for this transaction alone.
///
/// # Errors
/// [`DbError`].
pub fn due(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    adapter: &str,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<OutboxRow>, DbError> {
    tx.query(
        sql! {
            sqlite: "SELECT practice_id, message_id, adapter, due_at, attempts, leased_until,
                 lease_owner FROM outbox
                 WHERE adapter = $2 AND due_at <= $3 AND practice_id = $1 AND leased_until IS NULL
                 ORDER BY due_at LIMIT $4",
            postgres: "SELECT practice_id, message_id, adapter, due_at, attempts, leased_until,
                 lease_owner FROM outbox
                 WHERE adapter = $2 AND due_at <= $3 AND practice_id = $1 AND leased_until IS NULL
                 ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED"
        },
        params![practice, adapter, now, limit],
        OutboxRow::read,
    )
}

/// Free rows that are not due yet, of messages that came to their state later than now: the clock
/// has been set back since.
///
/// # Errors
/// [`DbError`].
pub fn from_the_future(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<OutboxRow>, DbError> {
    tx.query(
        sql! {
            sqlite: "SELECT o.practice_id, o.message_id, o.adapter, o.due_at, o.attempts,
                 o.leased_until, o.lease_owner FROM outbox o
                 JOIN message m ON m.practice_id = o.practice_id AND m.id = o.message_id
                 WHERE o.practice_id = $1 AND o.due_at > $2 AND o.leased_until IS NULL
                     AND m.state_at > $2
                 LIMIT $3",
            postgres: "SELECT o.practice_id, o.message_id, o.adapter, o.due_at, o.attempts,
                 o.leased_until, o.lease_owner FROM outbox o
                 JOIN message m ON m.practice_id = o.practice_id AND m.id = o.message_id
                 WHERE o.practice_id = $1 AND o.due_at > $2 AND o.leased_until IS NULL
                     AND m.state_at > $2
                 LIMIT $3 FOR UPDATE OF o SKIP LOCKED"
        },
        params![practice, now, limit],
        OutboxRow::read,
    )
}

/// When the oldest free row of any adapter was or is due.
///
/// # Errors
/// [`DbError`].
pub fn oldest_due(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Option<Timestamp>, DbError> {
    tx.query_one(
        sql!("SELECT MIN(due_at) FROM outbox WHERE practice_id = $1 AND leased_until IS NULL"),
        params![practice],
        |row| row.get(0),
    )
}

/// Free rows of every adapter that are due by `now`, oldest first.
///
/// # Errors
/// [`DbError`].
pub fn due_by(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
) -> Result<Vec<OutboxRow>, DbError> {
    tx.query(
        sql!(
            "SELECT practice_id, message_id, adapter, due_at, attempts, leased_until, lease_owner
             FROM outbox WHERE practice_id = $1 AND due_at <= $2 AND leased_until IS NULL
             ORDER BY due_at"
        ),
        params![practice, now],
        OutboxRow::read,
    )
}

/// Some rows whose lease is over at `over`, or that a run holds which was given up: their attempts
/// broke off, and nobody knows where.
///
/// # Errors
/// [`DbError`].
pub fn broken_off(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    run: Option<RunId>,
    over: Timestamp,
) -> Result<Vec<OutboxRow>, DbError> {
    tx.query(
        sql! {
            sqlite: "SELECT practice_id, message_id, adapter, due_at, attempts, leased_until,
                 lease_owner FROM outbox
                 WHERE practice_id = $1 AND leased_until IS NOT NULL
                     AND (leased_until <= $2 OR lease_owner = $3)
                 ORDER BY due_at LIMIT 100",
            postgres: "SELECT practice_id, message_id, adapter, due_at, attempts, leased_until,
                 lease_owner FROM outbox
                 WHERE practice_id = $1 AND leased_until IS NOT NULL
                     AND (leased_until <= $2 OR lease_owner = $3)
                 ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED"
        },
        params![practice, over, run],
        OutboxRow::read,
    )
}

/// When the next free row of an adapter is due.
///
/// # Errors
/// [`DbError`].
pub fn next_due(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    adapter: &str,
) -> Result<Option<Timestamp>, DbError> {
    tx.query_one(
        sql!(
            "SELECT MIN(due_at) FROM outbox
             WHERE practice_id = $1 AND adapter = $2 AND leased_until IS NULL"
        ),
        params![practice, adapter],
        |row| row.get(0),
    )
}

/// Free rows about an address, an appointment or one message: what can still be cancelled.
///
/// # Errors
/// [`DbError`].
pub fn waiting(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    which: &Which,
) -> Result<Vec<MessageId>, DbError> {
    match which {
        Which::Address(index) => tx.query(
            sql!(
                "SELECT o.message_id FROM outbox o JOIN message m
                     ON m.practice_id = o.practice_id AND m.id = o.message_id
                 WHERE o.practice_id = $1 AND m.address_index = $2 AND o.leased_until IS NULL"
            ),
            params![practice, index],
            |row| row.get(0),
        ),
        Which::Appointment(id) => tx.query(
            sql!(
                "SELECT o.message_id FROM outbox o JOIN message m
                     ON m.practice_id = o.practice_id AND m.id = o.message_id
                 WHERE o.practice_id = $1 AND m.appointment_id = $2 AND o.leased_until IS NULL
                     AND m.origin = 'automated'"
            ),
            params![practice, id],
            |row| row.get(0),
        ),
        Which::Patient(id) => tx.query(
            sql!(
                "SELECT o.message_id FROM message m JOIN outbox o
                     ON o.practice_id = m.practice_id AND o.message_id = m.id
                 WHERE m.practice_id = $1 AND m.patient_id = $2 AND m.state = 'queued'
                     AND o.leased_until IS NULL"
            ),
            params![practice, id],
            |row| row.get(0),
        ),
        Which::Message(id) => tx.query(
            sql!(
                "SELECT message_id FROM outbox
                 WHERE practice_id = $1 AND message_id = $2 AND leased_until IS NULL"
            ),
            params![practice, id],
            |row| row.get(0),
        ),
    }
}

/// Which waiting messages.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// All to the address with this blind index.
    Address([u8; 32]),
    /// All automated ones about this appointment.
    Appointment(gate::AppointmentId),
    /// All about this patient.
    Patient(gate::PatientId),
    /// This one.
    Message(MessageId),
}
