//! Table `thread`: what stands in the inbox, in the order in which it is to be done.

use gate::{Channel, PatientId, PracticeId};
use jiff::Timestamp;

use crate::access::policies::About;
use crate::access::roles::Role;
use crate::db::registry::THREAD;
use crate::db::task::TaskOutcome;
use crate::db::words::words;
use crate::db::{DbError, Row, Tx};
use crate::ids::{InboundId, StaffId, ThreadId};
use crate::{params, sql};

/// Whether something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadState {
    /// It is.
    Open,
    /// Later.
    Snoozed,
    /// It is not.
    Closed,
}

/// One of the two who speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The practice.
    Us,
    /// Whoever writes to it.
    Them,
}

words! {
    ThreadState { Open = "open", Snoozed = "snoozed", Closed = "closed" }
    Side { Us = "us", Them = "them" }
}

/// With whom a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum With {
    /// A patient, whatever the channel.
    Patient(PatientId),
    /// A number or mailbox that nobody knows, or that several share, by its blind index.
    Address([u8; 32]),
}

/// A row of `thread`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// Key.
    pub id: ThreadId,
    /// With whom.
    pub with: With,
    /// The patient's thread that took its place, once the number was known.
    pub merged_into: Option<ThreadId>,
    /// The channel of what was said last.
    pub channel: Option<Channel>,
    /// Whether something is to be done.
    pub state: ThreadState,
    /// Until when it is put off.
    pub snoozed_until: Option<Timestamp>,
    /// Whose it is.
    pub owner: Option<StaffId>,
    /// Which desk it is for.
    pub team: Role,
    /// What it is about: decides who may read it.
    pub about: About,
    /// An emergency is open.
    pub urgent: bool,
    /// When somebody took it.
    pub taken_at: Option<Timestamp>,
    /// Who speaks next.
    pub waiting_on: Side,
    /// By when the first of its open tasks is to be done.
    pub due_at: Option<Timestamp>,
    /// When the last word was said.
    pub last_at: Timestamp,
    /// By whom.
    pub last_from: Side,
    /// The last message from them.
    pub last_inbound: Option<InboundId>,
    /// Since when there is something to do, or was.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// With what.
    pub outcome: Option<TaskOutcome>,
    /// Last change.
    pub changed_at: Timestamp,
}

impl ThreadRow {
    /// Where it stands in the list: urgent before what waits on us, by when it is due; then what
    /// waits on them, by when they were asked.
    const fn place(&self) -> (i64, Timestamp) {
        match (self.state, self.urgent, self.waiting_on) {
            (ThreadState::Snoozed, ..) => match self.snoozed_until {
                Some(until) => (1, until),
                None => (1, self.last_at),
            },
            (_, urgent, Side::Us) | (_, urgent @ true, Side::Them) => {
                let rank = if urgent { 0 } else { 1 };
                match self.due_at {
                    Some(due) => (rank, due),
                    None => (rank, self.last_at),
                }
            }
            (_, false, Side::Them) => (2, self.last_at),
        }
    }
}

fn with(patient: Option<PatientId>, address: Option<[u8; 32]>) -> Result<With, DbError> {
    let none = DbError::Column { index: 2, why: "a thread with neither patient nor address" };
    patient.map(With::Patient).or(address.map(With::Address)).ok_or(none)
}

fn read(row: &Row<'_>) -> Result<ThreadRow, DbError> {
    Ok(ThreadRow {
        id: row.get(0)?,
        with: with(row.get(1)?, row.get(2)?)?,
        merged_into: row.get(3)?,
        channel: row.get(4)?,
        state: row.get(5)?,
        snoozed_until: row.get(6)?,
        owner: row.get(7)?,
        team: row.get(8)?,
        about: row.get(9)?,
        urgent: row.get(10)?,
        taken_at: row.get(11)?,
        waiting_on: row.get(12)?,
        due_at: row.get(13)?,
        last_at: row.get(14)?,
        last_from: row.get(15)?,
        last_inbound: row.get(16)?,
        opened_at: row.get(17)?,
        closed_at: row.get(18)?,
        outcome: row.get(19)?,
        changed_at: row.get(20)?,
    })
}

/// The thread with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: ThreadId,
) -> Result<Option<ThreadRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, patient_id, address_index, merged_into, channel, state, snoozed_until,
                    owner, team, about, urgent, taken_at, waiting_on, due_at, last_at, last_from,
                    last_inbound, opened_at, closed_at, outcome, changed_at
               FROM thread WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The thread with somebody.
///
/// # Errors
/// [`DbError`].
pub fn find(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    who: With,
) -> Result<Option<ThreadRow>, DbError> {
    match who {
        With::Patient(patient) => tx.query_opt(
            sql!(
                "SELECT id, patient_id, address_index, merged_into, channel, state, snoozed_until,
                        owner, team, about, urgent, taken_at, waiting_on, due_at, last_at,
                        last_from, last_inbound, opened_at, closed_at, outcome, changed_at
                   FROM thread WHERE practice_id = $1 AND patient_id = $2"
            ),
            params![practice, patient],
            read,
        ),
        With::Address(index) => tx.query_opt(
            sql!(
                "SELECT id, patient_id, address_index, merged_into, channel, state, snoozed_until,
                        owner, team, about, urgent, taken_at, waiting_on, due_at, last_at,
                        last_from, last_inbound, opened_at, closed_at, outcome, changed_at
                   FROM thread WHERE practice_id = $1 AND address_index = $2"
            ),
            params![practice, index],
            read,
        ),
    }
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &ThreadRow) -> Result<(), DbError> {
    let (patient, address) = match &row.with {
        With::Patient(patient) => (Some(*patient), None),
        With::Address(index) => (None, Some(*index)),
    };
    let (rank, sort_at) = row.place();
    tx.execute(
        sql!(
            "INSERT INTO thread
                 (practice_id, id, patient_id, address_index, merged_into, channel, state,
                  snoozed_until, owner, team, about, urgent, taken_at, waiting_on, due_at, last_at,
                  last_from, last_inbound, opened_at, closed_at, outcome, rank, sort_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                     $18, $19, $20, $21, $22, $23, $24)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 merged_into = excluded.merged_into, channel = excluded.channel,
                 state = excluded.state, snoozed_until = excluded.snoozed_until,
                 owner = excluded.owner, team = excluded.team, about = excluded.about,
                 urgent = excluded.urgent, taken_at = excluded.taken_at,
                 waiting_on = excluded.waiting_on, due_at = excluded.due_at,
                 last_at = excluded.last_at, last_from = excluded.last_from,
                 last_inbound = excluded.last_inbound, opened_at = excluded.opened_at,
                 closed_at = excluded.closed_at, outcome = excluded.outcome, rank = excluded.rank,
                 sort_at = excluded.sort_at, changed_at = excluded.changed_at"
        ),
        params![
            practice,
            row.id,
            patient,
            address,
            row.merged_into,
            row.channel,
            row.state,
            row.snoozed_until,
            row.owner,
            row.team,
            row.about,
            row.urgent,
            row.taken_at,
            row.waiting_on,
            row.due_at,
            row.last_at,
            row.last_from,
            row.last_inbound,
            row.opened_at,
            row.closed_at,
            row.outcome,
            rank,
            sort_at,
            row.changed_at
        ],
    )?;
    tx.touch(THREAD, row.id.to_string());
    Ok(())
}

/// Which threads a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In this state.
    pub state: ThreadState,
    /// Of this owner.
    pub owner: Option<StaffId>,
    /// Of nobody.
    pub unassigned: bool,
    /// For this desk.
    pub team: Option<Role>,
    /// With a note that calls this person.
    pub mentioned: Option<StaffId>,
    /// How many.
    pub most: u32,
}

/// The last row of the page before: where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// By rank, then by when it is due.
    Due(i64, Timestamp, ThreadId),
    /// By the last word, the newest first.
    Newest(Timestamp, ThreadId),
}

impl After {
    /// Before the first row of a list in the order of what is due.
    pub const DUE: Self = Self::Due(-1, Timestamp::MIN, ThreadId(uuid::Uuid::nil()));
    /// Before the first row of a list in the order of the last word.
    pub const NEWEST: Self = Self::Newest(Timestamp::MAX, ThreadId(uuid::Uuid::max()));
}

/// A thread as a list shows it. Names and words are sealed.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The row.
    pub thread: ThreadRow,
    /// Who it is.
    pub person_sealed: Option<Vec<u8>>,
    /// The last words from them, and their key wrapped for the record.
    pub last_words: Option<(Vec<u8>, Vec<u8>)>,
    /// What they were read as.
    pub intents: String,
    /// Its place, to go on from.
    pub place: (i64, Timestamp),
}

fn read_listed(row: &Row<'_>) -> Result<Listed, DbError> {
    let (content, wrap): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(22)?, row.get(23)?);
    Ok(Listed {
        thread: read(row)?,
        person_sealed: row.get(21)?,
        last_words: content.zip(wrap),
        intents: row.get::<Option<String>>(24)?.unwrap_or_default(),
        place: (row.get(25)?, row.get(26)?),
    })
}

/// One page of a list.
///
/// # Errors
/// [`DbError`].
pub fn list(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    which: &Listing,
    after: &After,
) -> Result<Vec<Listed>, DbError> {
    let id = |staff: Option<StaffId>| staff.map(|id| id.to_string()).unwrap_or_default();
    let (owner, mentioned) = (id(which.owner), id(which.mentioned));
    let team = which.team.map_or("", Role::as_str);
    match after {
        After::Due(rank, sort_at, last) => tx.query(
            sql!(
                "SELECT t.id, t.patient_id, t.address_index, t.merged_into, t.channel,
                t.state, t.snoozed_until, t.owner, t.team, t.about, t.urgent, t.taken_at,
                t.waiting_on, t.due_at, t.last_at, t.last_from, t.last_inbound, t.opened_at,
                t.closed_at, t.outcome, t.changed_at, p.person_sealed, i.content_sealed,
                i.record_wrap, i.intents, t.rank, t.sort_at
                  FROM thread t
                  LEFT JOIN patient p ON p.practice_id = t.practice_id AND p.id = t.patient_id
                  LEFT JOIN inbound_message i
                ON i.practice_id = t.practice_id AND i.id = t.last_inbound
                 WHERE t.practice_id = $1 AND t.state = $2 AND t.merged_into IS NULL
                   AND ($3 = '' OR t.owner = $3) AND ($4 = 0 OR t.owner IS NULL)
                   AND ($5 = '' OR t.team = $5)
                   AND ($6 = '' OR t.id IN (SELECT n.thread_id FROM note n
                    WHERE n.practice_id = $1 AND n.mentioned = $6))
                   AND (t.rank, t.sort_at, t.id) > ($7, $8, $9)
                 ORDER BY t.rank, t.sort_at, t.id LIMIT $10"
            ),
            params![
                practice,
                which.state,
                owner,
                which.unassigned,
                team,
                mentioned,
                rank,
                sort_at,
                last,
                which.most
            ],
            read_listed,
        ),
        After::Newest(last_at, last) => tx.query(
            sql!(
                "SELECT t.id, t.patient_id, t.address_index, t.merged_into, t.channel,
                t.state, t.snoozed_until, t.owner, t.team, t.about, t.urgent, t.taken_at,
                t.waiting_on, t.due_at, t.last_at, t.last_from, t.last_inbound, t.opened_at,
                t.closed_at, t.outcome, t.changed_at, p.person_sealed, i.content_sealed,
                i.record_wrap, i.intents, t.rank, t.sort_at
                  FROM thread t
                  LEFT JOIN patient p ON p.practice_id = t.practice_id AND p.id = t.patient_id
                  LEFT JOIN inbound_message i
                ON i.practice_id = t.practice_id AND i.id = t.last_inbound
                 WHERE t.practice_id = $1 AND t.state = $2 AND t.merged_into IS NULL
                   AND ($3 = '' OR t.owner = $3) AND ($4 = 0 OR t.owner IS NULL)
                   AND ($5 = '' OR t.team = $5)
                   AND ($6 = '' OR t.id IN (SELECT n.thread_id FROM note n
                    WHERE n.practice_id = $1 AND n.mentioned = $6))
                   AND (t.last_at, t.id) < ($7, $8)
                 ORDER BY t.last_at DESC, t.id DESC LIMIT $9"
            ),
            params![
                practice,
                which.state,
                owner,
                which.unassigned,
                team,
                mentioned,
                last_at,
                last,
                which.most
            ],
            read_listed,
        ),
    }
}

/// How many threads there are of each sort.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Open.
    pub open: i64,
    /// Open and somebody's.
    pub mine: i64,
    /// Open and nobody's.
    pub unassigned: i64,
    /// Open, by desk.
    pub teams: Vec<(Role, i64)>,
    /// Open, with a note that calls somebody.
    pub mentioned: i64,
    /// Put off.
    pub snoozed: i64,
}

/// Counts what is not closed.
///
/// # Errors
/// [`DbError`].
pub fn counts(tx: &mut Tx<'_>, practice: PracticeId, me: StaffId) -> Result<Counts, DbError> {
    let mut counts = Counts::default();
    let by_desk: Vec<(Role, i64, i64, i64)> = tx.query(
        sql!(
            "SELECT team, COUNT(*), COUNT(CASE WHEN owner = $2 THEN 1 END),
                    COUNT(CASE WHEN owner IS NULL THEN 1 END)
               FROM thread WHERE practice_id = $1 AND state = 'open' AND merged_into IS NULL
              GROUP BY team ORDER BY team"
        ),
        params![practice, me],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    for (team, open, mine, unassigned) in by_desk {
        counts.open += open;
        counts.mine += mine;
        counts.unassigned += unassigned;
        counts.teams.push((team, open));
    }
    (counts.snoozed, counts.mentioned) = tx.query_one(
        sql!(
            "SELECT (SELECT COUNT(*) FROM thread
                      WHERE practice_id = $1 AND state = 'snoozed' AND merged_into IS NULL),
                    (SELECT COUNT(DISTINCT t.id) FROM note n
                       JOIN thread t ON t.practice_id = n.practice_id AND t.id = n.thread_id
                      WHERE n.practice_id = $1 AND n.mentioned = $2 AND t.state = 'open')"
        ),
        params![practice, me],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(counts)
}

/// An emergency that nobody took: its thread, and the patient sealed.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// Which thread.
    pub id: ThreadId,
    /// Whose.
    pub patient: Option<PatientId>,
    /// Who it is.
    pub person_sealed: Option<Vec<u8>>,
    /// When the last word came.
    pub last_at: Timestamp,
    /// How.
    pub channel: Option<Channel>,
}

/// Emergencies that nobody took, the oldest first; at most ten.
///
/// # Errors
/// [`DbError`].
pub fn alarms(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<Alarm>, DbError> {
    tx.query(
        sql!(
            "SELECT t.id, t.patient_id, p.person_sealed, t.last_at, t.channel FROM thread t
               LEFT JOIN patient p ON p.practice_id = t.practice_id AND p.id = t.patient_id
              WHERE t.practice_id = $1 AND t.urgent = 1 AND t.taken_at IS NULL
              ORDER BY t.due_at, t.id LIMIT 10"
        ),
        params![practice],
        |row| {
            Ok(Alarm {
                id: row.get(0)?,
                patient: row.get(1)?,
                person_sealed: row.get(2)?,
                last_at: row.get(3)?,
                channel: row.get(4)?,
            })
        },
    )
}

/// When a thread was last changed, and how many were after `since`.
///
/// # Errors
/// [`DbError`].
pub fn changes(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    since: Timestamp,
) -> Result<(Option<Timestamp>, i64), DbError> {
    tx.query_one(
        sql!(
            "SELECT (SELECT MAX(changed_at) FROM thread WHERE practice_id = $1),
                    (SELECT COUNT(*) FROM thread WHERE practice_id = $1 AND changed_at > $2)"
        ),
        params![practice, since],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Threads whose sleep is over; at most a hundred.
///
/// # Errors
/// [`DbError`].
pub fn to_wake(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
) -> Result<Vec<ThreadId>, DbError> {
    tx.query(
        sql!(
            "SELECT id FROM thread
              WHERE practice_id = $1 AND state = 'snoozed' AND rank = 1 AND sort_at <= $2
              ORDER BY sort_at LIMIT 100"
        ),
        params![practice, now],
        |row| row.get(0),
    )
}

/// With whom something was said, or about whom something is to be done, without a thread; at most
/// `most`. For what was stored before there were threads.
///
/// # Errors
/// [`DbError`].
pub fn missing(tx: &mut Tx<'_>, practice: PracticeId, most: u32) -> Result<Vec<With>, DbError> {
    let mut all: Vec<With> = tx.query(
        sql!(
            "SELECT patient_id FROM (
                 SELECT patient_id FROM conversation
                  WHERE practice_id = $1 AND patient_id IS NOT NULL
                  UNION
                 SELECT patient_id FROM inbound_message
                  WHERE practice_id = $1 AND patient_id IS NOT NULL
                  UNION
                 SELECT patient_id FROM task
                  WHERE practice_id = $1 AND patient_id IS NOT NULL AND state = 'open') whose
              WHERE NOT EXISTS (SELECT 1 FROM thread t
                     WHERE t.practice_id = $1 AND t.patient_id = whose.patient_id)
                AND patient_id NOT IN (SELECT patient_id FROM test_patient WHERE practice_id = $1)
              ORDER BY patient_id LIMIT $2"
        ),
        params![practice, most],
        |row| Ok(With::Patient(row.get(0)?)),
    )?;
    let addresses = tx.query(
        sql!(
            "SELECT DISTINCT c.address_index FROM conversation c
              WHERE c.practice_id = $1 AND c.patient_id IS NULL
                AND NOT EXISTS (SELECT 1 FROM thread t
                     WHERE t.practice_id = $1 AND t.address_index = c.address_index)
              ORDER BY c.address_index LIMIT $2"
        ),
        params![practice, most],
        |row| Ok(With::Address(row.get(0)?)),
    )?;
    all.extend(addresses);
    Ok(all)
}
