//! Table `template_proposal`: words that somebody wrote for the practice, and what another person
//! said of them.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::registry::TEMPLATE_PROPOSAL;
use crate::db::words::words;
use crate::db::{DbError, Row, Tx};
use crate::ids::{ProposalId, StaffId};
use crate::{params, sql};

/// How a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    /// Nobody has judged it yet.
    Waiting,
    /// It became a version.
    Approved,
    /// Somebody said no, and why.
    Declined,
    /// Its author thought better of it.
    TakenBack,
}

words! {
    ProposalState {
        Waiting = "waiting",
        Approved = "approved",
        Declined = "declined",
        TakenBack = "taken_back",
    }
}

/// A row of `template_proposal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRow {
    /// Key.
    pub id: ProposalId,
    /// The template's name.
    pub name: String,
    /// Email and portal.
    pub subject: Option<String>,
    /// The words, variables in braces.
    pub body: String,
    /// Why these words.
    pub reason: String,
    /// Their last day, as written: `2027-12-31`.
    pub expires_on: Option<String>,
    /// Who wrote them.
    pub author: StaffId,
    /// When.
    pub proposed_at: Timestamp,
    /// How it stands.
    pub state: ProposalState,
    /// Who judged it; the database keeps them from being the author.
    pub judge: Option<StaffId>,
    /// When it was judged or taken back.
    pub judged_at: Option<Timestamp>,
    /// Why it was declined.
    pub answer: Option<String>,
    /// The version it became.
    pub version: Option<u32>,
}

fn read(row: &Row<'_>) -> Result<ProposalRow, DbError> {
    Ok(ProposalRow {
        id: row.get(0)?,
        name: row.get(1)?,
        subject: row.get(2)?,
        body: row.get(3)?,
        reason: row.get(4)?,
        expires_on: row.get(5)?,
        author: row.get(6)?,
        proposed_at: row.get(7)?,
        state: row.get(8)?,
        judge: row.get(9)?,
        judged_at: row.get(10)?,
        answer: row.get(11)?,
        version: row.get(12)?,
    })
}

/// Adds a proposal, or writes down how one stands now.
///
/// # Errors
/// [`DbError`]; also where a second one of the same name would wait, or its author would be its
/// judge.
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &ProposalRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO template_proposal (practice_id, id, name, subject, body, reason,
                 expires_on, author, proposed_at, state, judge, judged_at, answer, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             ON CONFLICT (practice_id, id) DO UPDATE SET state = excluded.state,
                 judge = excluded.judge, judged_at = excluded.judged_at,
                 answer = excluded.answer, version = excluded.version"
        ),
        params![
            practice,
            row.id,
            row.name,
            row.subject,
            row.body,
            row.reason,
            row.expires_on,
            row.author,
            row.proposed_at,
            row.state,
            row.judge,
            row.judged_at,
            row.answer,
            row.version
        ],
    )?;
    tx.touch(TEMPLATE_PROPOSAL, row.id.to_string());
    Ok(())
}

/// One proposal.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: ProposalId,
) -> Result<Option<ProposalRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, name, subject, body, reason, expires_on, author, proposed_at, state, judge,
                    judged_at, answer, version
               FROM template_proposal WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The proposals for one template, the latest first.
///
/// # Errors
/// [`DbError`].
pub fn of_name(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    name: &str,
) -> Result<Vec<ProposalRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, name, subject, body, reason, expires_on, author, proposed_at, state, judge,
                    judged_at, answer, version
               FROM template_proposal WHERE practice_id = $1 AND name = $2
              ORDER BY proposed_at DESC, id DESC"
        ),
        params![practice, name],
        read,
    )
}

/// The proposals that nobody has judged, the oldest first.
///
/// # Errors
/// [`DbError`].
pub fn waiting(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<ProposalRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, name, subject, body, reason, expires_on, author, proposed_at, state, judge,
                    judged_at, answer, version
               FROM template_proposal WHERE practice_id = $1 AND state = 'waiting'
              ORDER BY proposed_at, id"
        ),
        params![practice],
        read,
    )
}

/// Words that were approved here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The template's name.
    pub name: String,
    /// The version they became.
    pub version: u32,
    /// Email and portal.
    pub subject: Option<String>,
    /// The words.
    pub body: String,
    /// SHA-256 of what makes them what they are.
    pub digest: Vec<u8>,
    /// Their last day.
    pub expires_on: Option<String>,
    /// From when on they are not sent.
    pub expires_at: Option<Timestamp>,
    /// Who wrote them.
    pub author: StaffId,
    /// Who approved them.
    pub judge: StaffId,
    /// The version was withdrawn.
    pub withdrawn: bool,
}

/// Everything that was ever approved here, in that order: of each name the last counts.
///
/// # Errors
/// [`DbError`].
pub fn approved(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<Approved>, DbError> {
    tx.query(
        sql!(
            "SELECT v.name, v.version, v.subject, v.body, v.digest, p.expires_on, p.author, p.judge,
                    v.withdrawn_at, v.expires_at
               FROM template_proposal p JOIN template_version v
                   ON v.practice_id = p.practice_id AND v.name = p.name AND v.version = p.version
              WHERE p.practice_id = $1 AND p.state = 'approved'
              ORDER BY v.name, v.version"
        ),
        params![practice],
        |row| {
            Ok(Approved {
                name: row.get(0)?,
                version: row.get(1)?,
                subject: row.get(2)?,
                body: row.get(3)?,
                digest: row.get(4)?,
                expires_on: row.get(5)?,
                author: row.get(6)?,
                judge: row.get(7)?,
                withdrawn: row.get::<Option<i64>>(8)?.is_some(),
                expires_at: row.get(9)?,
            })
        },
    )
}
