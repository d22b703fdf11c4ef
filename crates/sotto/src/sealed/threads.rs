//! Sealed conversations: one member of staff and one patient, and the practice's recovery key.

use gate::PatientId;
use jiff::{SignedDuration, Timestamp};
use seal::{Place, Sealed};

use super::envelope::Envelope;
use super::{PublicKey, SealedError, keys};
use crate::access::staff;
use crate::audit::{self, Actor, Event, Kind};
use crate::conversations::tasks::{self, NewTask, TaskKind, TaskOutcome};
use crate::db::registry::{SEALED_MESSAGE, SEALED_THREAD};
use crate::db::sealed_thread::{self as rows, MessageRow, ThreadRow};
use crate::db::task::{self, TaskState};
use crate::db::{Db, Tx, Word as _};
use crate::ids::{Id as _, SealedMessageId, SealedThreadId, StaffId};
use crate::office::Office;
use crate::portal::letters;
use crate::retention::{birth_date, gone};

pub use crate::db::sealed_thread::{Holder, Sender};

/// How far the time that an envelope names may lie back, and ahead.
const BACK: SignedDuration = SignedDuration::from_mins(10);
const AHEAD: SignedDuration = SignedDuration::from_mins(2);
/// How many messages a page shows: the last ones, or the last before one of them.
const SHOWN: u32 = 200;
/// How long the patient may stay away after a notice before a person calls (CLIN-07).
const PATIENCE: SignedDuration = SignedDuration::from_hours(48);
/// How many conversations one look takes on.
const AT_ONCE: u32 = 100;

/// Who is there: one of the two sides. Which patient or member of staff it is stands in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The member of staff, before this patient's record.
    Staff(StaffId, PatientId),
    /// The patient.
    Patient(PatientId),
}

impl Side {
    /// Whose browser it is.
    #[must_use]
    pub const fn holder(self) -> Holder {
        match self {
            Self::Staff(staff, _) => Holder::Staff(staff),
            Self::Patient(patient) => Holder::Patient(patient),
        }
    }

    fn is_of(self, row: &ThreadRow) -> bool {
        match self {
            Self::Staff(staff, patient) => row.staff_id == staff && row.patient_id == patient,
            Self::Patient(patient) => row.patient_id == patient,
        }
    }

    const fn sender(self) -> Sender {
        match self {
            Self::Staff(..) => Sender::Staff,
            Self::Patient(_) => Sender::Patient,
        }
    }
}

/// A conversation as its page shows it.
#[derive(Debug)]
pub struct Seen {
    /// The row.
    pub row: ThreadRow,
    /// The member of staff: their name.
    pub staff_name: String,
    /// They still work here.
    pub staff_here: bool,
    /// The key of the member of staff's browser.
    pub staff_key: Option<PublicKey>,
    /// The key of the patient's browser.
    pub patient_key: Option<PublicKey>,
    /// The messages, the oldest first; of one whose keys were destroyed, no envelope.
    pub messages: Vec<Stored>,
    /// There are earlier ones, before this.
    pub earlier: Option<SealedMessageId>,
}

/// A stored message.
#[derive(Debug)]
pub struct Stored {
    /// Which.
    pub id: SealedMessageId,
    /// Who wrote it, as their session said.
    pub sender: Sender,
    /// When it came.
    pub at: Timestamp,
    /// The envelope, as the browser wrote it; none where the time of keeping it has ended.
    pub envelope: Option<String>,
    /// What staff read in its place then.
    pub gone: String,
}

/// The row of a conversation of theirs. Reads only.
///
/// # Errors
/// [`SealedError::NoThread`] also for somebody else's.
pub fn theirs(
    tx: &mut Tx<'_>,
    office: &Office,
    (side, id): (Side, SealedThreadId),
) -> Result<ThreadRow, SealedError> {
    let row = rows::thread(tx, office.practice(), id)?;
    row.filter(|row| side.is_of(row)).ok_or(SealedError::NoThread)
}

/// A conversation of theirs, with its last messages, or the last before one of them. Reads only; the
/// caller records that it was opened.
///
/// # Errors
/// [`SealedError::NoThread`] also for somebody else's, and for a message that is not of it.
pub fn see(
    tx: &mut Tx<'_>,
    office: &Office,
    (side, id): (Side, SealedThreadId),
    before: Option<SealedMessageId>,
) -> Result<Seen, SealedError> {
    let row = theirs(tx, office, (side, id))?;
    let mut messages = match before {
        None => stored(tx, office, (row.id, SHOWN + 1))?,
        Some(before) => earlier(tx, office, (row.id, before))?,
    };
    // One more than is shown was asked for, the oldest.
    let more = messages.len() > SHOWN as usize;
    let messages = messages.split_off(usize::from(more));
    let staff = staff::get(tx, office, row.staff_id)?;
    Ok(Seen {
        staff_here: staff.as_ref().is_some_and(|one| one.disabled_at.is_none()),
        staff_name: staff.map_or_else(String::new, |one| one.named.name),
        staff_key: keys::of(tx, office, Holder::Staff(row.staff_id))?,
        patient_key: keys::of(tx, office, Holder::Patient(row.patient_id))?,
        earlier: messages.first().filter(|_| more).map(|one| one.id),
        messages,
        row,
    })
}

/// The envelopes before one of a conversation, one more than a page shows, the oldest first.
fn earlier(
    tx: &mut Tx<'_>,
    office: &Office,
    (thread, before): (SealedThreadId, SealedMessageId),
) -> Result<Vec<Stored>, SealedError> {
    let practice = office.practice();
    let before = rows::message(tx, practice, before)?.filter(|row| row.thread_id == thread);
    let before = before.ok_or(SealedError::NoThread)?;
    let mut all = rows::messages_before(tx, practice, (thread, &before), SHOWN + 1)?;
    all.reverse();
    all.into_iter().map(|row| opened(office, row)).collect()
}

/// The last envelopes of a conversation, the oldest first.
fn stored(
    tx: &mut Tx<'_>,
    office: &Office,
    (thread, most): (SealedThreadId, u32),
) -> Result<Vec<Stored>, SealedError> {
    let mut all = rows::messages_of(tx, office.practice(), (thread, most))?;
    all.reverse();
    all.into_iter().map(|row| opened(office, row)).collect()
}

fn opened(office: &Office, row: MessageRow) -> Result<Stored, SealedError> {
    let (practice, key) = (office.practice().to_string(), row.id.to_string());
    let body = Sealed::from_bytes(row.envelope_sealed);
    let wrap = Sealed::from_bytes(row.record_wrap);
    let envelope = match office.keys().open_message(&place(&practice, &key), &body, &wrap) {
        Ok(plain) => Some(String::from_utf8(plain.to_vec()).map_err(|_| seal::SealError::Altered)?),
        Err(seal::SealError::Destroyed { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let gone = match &envelope {
        Some(_) => String::new(),
        None => gone(office, wrap.as_bytes()),
    };
    Ok(Stored { id: row.id, sender: row.sender, at: row.created_at, envelope, gone })
}

const fn place<'a>(practice: &'a str, row: &'a str) -> Place<'a> {
    Place { practice, table: "sealed_message", row, column: "envelope" }
}

/// The conversations of a patient, the newest first, with whom. Reads only.
///
/// # Errors
/// [`SealedError`].
pub fn list(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
) -> Result<Vec<(ThreadRow, String)>, SealedError> {
    let mut all = Vec::new();
    for row in rows::threads_of(tx, office.practice(), patient)? {
        let staff = staff::get(tx, office, row.staff_id)?;
        all.push((row, staff.map_or_else(String::new, |one| one.named.name)));
    }
    Ok(all)
}

/// Whether a patient has any. Reads only.
///
/// # Errors
/// [`SealedError`].
pub fn any(tx: &mut Tx<'_>, office: &Office, patient: PatientId) -> Result<bool, SealedError> {
    Ok(!rows::threads_of(tx, office.practice(), patient)?.is_empty())
}

/// Begins a conversation, or finds the one there is, and tells the patient by a notice of level 0.
/// Its page says where no notice could go.
///
/// # Errors
/// [`SealedError::NoKey`] before the member of staff has a key.
pub fn start(
    tx: &mut Tx<'_>,
    office: &Office,
    (staff, patient): (StaffId, PatientId),
    actor: &Actor,
) -> Result<SealedThreadId, SealedError> {
    let practice = office.practice();
    if rows::key_of(tx, practice, Holder::Staff(staff))?.is_none() {
        return Err(SealedError::NoKey);
    }
    let there = rows::threads_of(tx, practice, patient)?;
    if let Some(row) = there.into_iter().find(|row| row.staff_id == staff) {
        return Ok(row.id);
    }
    let row = ThreadRow {
        id: SealedThreadId::new(office.clock()),
        patient_id: patient,
        staff_id: staff,
        started_at: office.clock().now(),
        told_at: None,
        seen_at: None,
        asked_at: None,
        task_id: None,
    };
    let (row, _) = tell(tx, office, row, actor)?;
    put(tx, office, &row, changed(&row, actor, "started"))?;
    Ok(row.id)
}

/// A notice that something is here, where the patient was not told since they were last here. False
/// where none may go.
fn tell(
    tx: &mut Tx<'_>,
    office: &Office,
    row: ThreadRow,
    actor: &Actor,
) -> Result<(ThreadRow, bool), SealedError> {
    if waits_for_patient(&row) {
        return Ok((row, true));
    }
    if !letters::invite(tx, office, row.patient_id, actor)? {
        return Ok((row, false));
    }
    Ok((ThreadRow { told_at: Some(office.clock().now()), asked_at: None, ..row }, true))
}

/// Whether the patient was told and has not come since.
fn waits_for_patient(row: &ThreadRow) -> bool {
    row.told_at.is_some_and(|told| row.seen_at.is_none_or(|seen| seen < told))
}

/// The patient was here. A second look soon after changes nothing.
///
/// # Errors
/// [`SealedError`].
pub fn patient_came(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, id): (PatientId, SealedThreadId),
    actor: &Actor,
) -> Result<(), SealedError> {
    let row = theirs(tx, office, (Side::Patient(patient), id))?;
    if row.seen_at.is_some() && !waits_for_patient(&row) {
        return Ok(());
    }
    let row = ThreadRow { seen_at: Some(office.clock().now()), ..row };
    put(tx, office, &row, changed(&row, actor, "patient_came"))
}

/// Takes an envelope: of this conversation, from the browser in use of who is there, sealed to the
/// two browsers in use and the recovery key and to nobody else, of now, and once. The same envelope
/// again is the same message.
///
/// # Errors
/// [`SealedError`]; nothing is stored then.
pub fn take(
    tx: &mut Tx<'_>,
    office: &Office,
    (side, id, recovery): (Side, SealedThreadId, &PublicKey),
    (sent, actor): (&[u8], &Actor),
) -> Result<(), SealedError> {
    let practice = office.practice();
    let row = theirs(tx, office, (side, id))?;
    let envelope = Envelope::read(sent)?;
    if envelope.thread != id {
        return Err(SealedError::NoThread);
    }
    if let Some(before) = rows::message(tx, practice, envelope.id)? {
        let same = before.thread_id == id && before.sender == side.sender();
        let before = opened(office, before)?;
        return match before.envelope {
            Some(text) if same && text.as_bytes() == sent => Ok(()),
            _ => Err(SealedError::Repeated),
        };
    }
    let staff = staff::get(tx, office, row.staff_id)?;
    let staff_here = staff.is_some_and(|one| one.disabled_at.is_none());
    let staff_key = keys::of(tx, office, Holder::Staff(row.staff_id))?;
    let patient_key = keys::of(tx, office, Holder::Patient(row.patient_id))?;
    let (true, Some(staff_key), Some(patient_key)) = (staff_here, staff_key, patient_key) else {
        return Err(SealedError::NoKey);
    };
    let [staff_key, patient_key, recovery] =
        [&staff_key, &patient_key, recovery].map(PublicKey::fingerprint);
    let writes = match side {
        Side::Staff(..) => &staff_key,
        Side::Patient(_) => &patient_key,
    };
    let to = envelope.to.each_ref().map(|one| one.key.as_str());
    if envelope.from != *writes || to != [&staff_key, &patient_key, &recovery] {
        return Err(SealedError::OtherKeys);
    }
    let now = office.clock().now_in_life();
    let at = Timestamp::from_millisecond(envelope.at).map_err(|_| SealedError::Late)?;
    if at < now - BACK || at > now + AHEAD {
        return Err(SealedError::Late);
    }
    keep(tx, office, (&envelope, side.sender()), (sent, actor, &row))?;
    match side {
        Side::Staff(..) => answered(tx, office, row, actor),
        Side::Patient(_) => asked(tx, office, row, actor),
    }
}

fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    (envelope, sender): (&Envelope, Sender),
    (sent, actor, thread): (&[u8], &Actor, &ThreadRow),
) -> Result<(), SealedError> {
    let now = office.clock().now();
    let (practice, key) = (office.practice().to_string(), envelope.id.to_string());
    let born = birth_date(tx, office, Some(thread.patient_id))?;
    let buckets = office.buckets_of(now, born)?;
    let sealed = office.keys().seal_message(buckets, &place(&practice, &key), sent)?;
    let message = MessageRow {
        id: envelope.id,
        thread_id: thread.id,
        sender,
        envelope_sealed: sealed.body.into_bytes(),
        record_wrap: sealed.record_wrap.into_bytes(),
        created_at: now,
    };
    rows::add_message(tx, office.practice(), &message)?;
    let event = Event::new(Kind::SealedChanged, actor.clone())
        .about(SEALED_MESSAGE, message.id)
        .patient(thread.patient_id)
        .code("stored")
        .code(sender.word())
        .content(office.keys().content_hash("sealed envelope", sent));
    audit::append(tx, office, event)?;
    Ok(())
}

/// Staff wrote: the patient hears that something is here, and the task that waited is done.
fn answered(
    tx: &mut Tx<'_>,
    office: &Office,
    row: ThreadRow,
    actor: &Actor,
) -> Result<(), SealedError> {
    if let Some(waits) = row.task_id
        && task::get(tx, office.practice(), waits)?
            .is_some_and(|task| task.state == TaskState::Open)
    {
        tasks::complete(tx, office, waits, TaskOutcome::Answered, actor)?;
    }
    let (row, told) = tell(tx, office, ThreadRow { task_id: None, ..row }, actor)?;
    let row = if told { row } else { to_be_called(tx, office, row, actor)? };
    put(tx, office, &row, changed(&row, actor, "answered"))
}

/// The patient wrote: somebody must look, since no reader of ours can. One task is enough.
fn asked(
    tx: &mut Tx<'_>,
    office: &Office,
    row: ThreadRow,
    actor: &Actor,
) -> Result<(), SealedError> {
    let waits = match row.task_id {
        Some(id) => task::get(tx, office.practice(), id)?,
        None => None,
    };
    if waits.is_some_and(|task| task.state == TaskState::Open) {
        return Ok(());
    }
    let new = NewTask { patient: Some(row.patient_id), ..NewTask::new(TaskKind::SealedMessage) };
    let task_id = Some(tasks::open(tx, office, new, actor)?);
    let row = ThreadRow { task_id, ..row };
    put(tx, office, &row, changed(&row, actor, "asked"))
}

/// Looks once for patients who were told and did not come: a person calls them (CLIN-07). The answer
/// is for how many. Each is its own transaction.
///
/// # Errors
/// [`SealedError`]; what was done until then stays done.
pub async fn look(db: &Db, office: &Office) -> Result<usize, SealedError> {
    let its = office.clone();
    let away = db
        .read(move |tx| {
            let before = its.clock().now().checked_sub(PATIENCE).unwrap_or_default();
            Ok::<_, SealedError>(rows::unseen_before(tx, its.practice(), (before, AT_ONCE))?)
        })
        .await?;
    let mut asked = 0;
    for thread in away {
        let its = office.clone();
        let done = db.write(move |tx| call(tx, &its, thread.id)).await?;
        asked += usize::from(done);
    }
    Ok(asked)
}

fn call(tx: &mut Tx<'_>, office: &Office, id: SealedThreadId) -> Result<bool, SealedError> {
    // Two nodes may look at one instant; the second finds it done.
    let (_, low) = id.0.as_u64_pair();
    tx.lock(low.cast_signed())?;
    let before = office.clock().now().checked_sub(PATIENCE).unwrap_or_default();
    let away = |row: &ThreadRow| {
        row.asked_at.is_none()
            && waits_for_patient(row)
            && row.told_at.is_some_and(|told| told < before)
    };
    let Some(row) = rows::thread(tx, office.practice(), id)?.filter(away) else {
        return Ok(false);
    };
    let actor = Actor::service("window");
    let row = to_be_called(tx, office, row, &actor)?;
    put(tx, office, &row, changed(&row, &actor, "staff_asked"))?;
    Ok(true)
}

/// A person calls whom no notice reaches, or who does not come (CLIN-07).
fn to_be_called(
    tx: &mut Tx<'_>,
    office: &Office,
    row: ThreadRow,
    actor: &Actor,
) -> Result<ThreadRow, SealedError> {
    let new = NewTask { patient: Some(row.patient_id), ..NewTask::new(TaskKind::Unread) };
    tasks::open(tx, office, new, actor)?;
    Ok(ThreadRow { asked_at: Some(office.clock().now()), ..row })
}

/// Every envelope of a conversation, for the recovery key; that they were handed out is on the log.
///
/// # Errors
/// [`SealedError::NoThread`].
pub fn hand_out(
    tx: &mut Tx<'_>,
    office: &Office,
    id: SealedThreadId,
    actor: &Actor,
) -> Result<Vec<Stored>, SealedError> {
    let row = rows::thread(tx, office.practice(), id)?.ok_or(SealedError::NoThread)?;
    audit::append(tx, office, changed(&row, actor, "handed_out"))?;
    stored(tx, office, (id, u32::MAX))
}

fn put(tx: &mut Tx<'_>, office: &Office, row: &ThreadRow, event: Event) -> Result<(), SealedError> {
    rows::put_thread(tx, office.practice(), row)?;
    audit::append(tx, office, event)?;
    Ok(())
}

/// The event of a conversation: looked at, begun, answered.
#[must_use]
pub fn changed(row: &ThreadRow, by: &Actor, word: &'static str) -> Event {
    Event::new(Kind::SealedChanged, by.clone())
        .about(SEALED_THREAD, row.id)
        .patient(row.patient_id)
        .code(word)
}
