//! What a scrape asks of the database. Each question is answered by an index, or by a table that
//! stays short.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::{DbError, Row, Tx, board, reconciliation, self_test};
use crate::{params, sql};

/// What the database knows.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Messages asked for since a day ago, tasks, audit entries.
    pub counts: board::Gauges,
    /// The outbox, by adapter.
    pub outbox: Vec<Waiting>,
    /// Messages of which nobody knows whether they left.
    pub uncertain: i64,
    /// Since when the oldest entry without a leaf waits.
    pub audit_waiting_since: Option<Timestamp>,
    /// When the newest checkpoint was signed.
    pub checkpoint_at: Option<Timestamp>,
    /// Findings of reconciliation that stand.
    pub reconciliation_findings: i64,
    /// Whether the last self-test that ended passed.
    pub self_test_passed: Option<bool>,
}

/// What waits for one adapter.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its word.
    pub adapter: String,
    /// Messages in the outbox, whenever they are due.
    pub messages: i64,
    /// Of them, those on the wire.
    pub on_the_wire: i64,
    /// When the oldest that is not on the wire is or was due.
    pub oldest_due: Option<Timestamp>,
}

/// Asks all of it. `day_ago` bounds what is counted one by one.
///
/// # Errors
/// [`DbError`].
pub fn read(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    day_ago: Option<Timestamp>,
) -> Result<Watched, DbError> {
    let outbox = tx.query(
        sql!(
            "SELECT adapter, COUNT(*), COUNT(leased_until),
                 MIN(CASE WHEN leased_until IS NULL THEN due_at END)
             FROM outbox WHERE practice_id = $1 GROUP BY adapter ORDER BY adapter"
        ),
        params![practice],
        waiting,
    )?;
    let uncertain = tx.query_one(
        sql!("SELECT COUNT(*) FROM message WHERE practice_id = $1 AND state = 'uncertain'"),
        params![practice],
        |row| row.get(0),
    )?;
    let findings = reconciliation::count_standing(tx, practice)?;
    Ok(Watched {
        counts: board::gauges(tx, practice, day_ago)?,
        outbox,
        uncertain,
        audit_waiting_since: board::audit_waiting_since(tx, practice)?,
        checkpoint_at: board::last_checkpoint(tx, practice)?.map(|(_, at, _)| at),
        reconciliation_findings: i64::try_from(findings).unwrap_or(i64::MAX),
        self_test_passed: self_test::last_failures(tx, practice)?.map(|words| words.is_empty()),
    })
}

fn waiting(row: &Row<'_>) -> Result<Waiting, DbError> {
    Ok(Waiting {
        adapter: row.get(0)?,
        messages: row.get(1)?,
        on_the_wire: row.get(2)?,
        oldest_due: row.get(3)?,
    })
}
