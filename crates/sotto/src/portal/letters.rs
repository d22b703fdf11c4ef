//! What the practice wrote, as the patient has it: in a list, opened, read.

use std::net::IpAddr;

use gate::{
    Address, AddressKind, Channel, ContactPointId, Draft, Kind, Language, MessageId, Origin,
    PatientId,
};
use jiff::{SignedDuration, Timestamp};
use seal::{Day, Place, SealError, Sealed};

use super::session::{self, Who};
use super::tries::{guess, of};
use super::{PortalError, Visitor, link};
use crate::audit::{self, Actor, Event, Kind as EventKind};
use crate::db::attachment::{self, AttachmentRow, Holder};
use crate::db::letter::{self as rows, LetterRow};
use crate::db::registry::LETTER;
use crate::db::thread::With;
use crate::db::timeline::{self, Heard};
use crate::db::window::LinkRow;
use crate::db::{DbError, Tx, contact_point, message};
use crate::facts::{self, Subject};
use crate::ids::{Id as _, InboundId};
use crate::inbound::content;
use crate::intake::{self, Answer, IntakeError, Request, Wanted, Words};
use crate::office::Office;
use crate::people::{contact_points, merge};

/// How long the patient has a copy.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The day, UTC, with which the patient's copy of a message of now ends.
#[must_use]
pub fn last_day(now: Timestamp) -> Day {
    day_of(now.checked_add(KEPT).unwrap_or(Timestamp::MAX))
}

/// The day, UTC, of an instant.
pub(super) fn day_of(at: Timestamp) -> Day {
    Day(u32::try_from(at.as_second().div_euclid(24 * 60 * 60)).unwrap_or_default())
}

/// How many notices can be asked for from one address within a day.
const MOST_FROM_ADDRESS: i64 = 20;
/// How many letters the window shows, the newest first.
const SHOWN: u32 = 100;
/// How many notices a patient can ask for within a day.
const MOST_ASKED: i64 = 3;

/// Keeps a message to the portal as the patient's letter, in the transaction that stores it, whose
/// audit entry records both. `told` is where the notice of it goes.
///
/// # Errors
/// [`DbError`].
pub fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
    told: Option<ContactPointId>,
) -> Result<(), DbError> {
    let Some(patient) = draft.patient else { return Ok(()) };
    let now = office.clock().now();
    let row = LetterRow {
        message_id: draft.message,
        patient_id: patient,
        contact_point_id: told,
        last_day: last_day(now).0.into(),
        created_at: now,
        opened_at: None,
        read_at: None,
        nudges: 0,
        nudged_at: None,
        asked_at: None,
        ended_at: None,
    };
    rows::put(tx, office.practice(), &row)
}

/// The words of a notice that carries the link of this message, for a text or an email.
#[must_use]
pub fn notice(
    office: &Office,
    message: MessageId,
    (channel, language): (Channel, Language),
) -> gate::Content {
    let profile = office.profile();
    let practice = gate::facts::Practice {
        name: profile.display_name.clone(),
        phone: profile.phone.clone(),
        portal_url: link::url(office, message),
    };
    gate::notice(&practice, channel, language)
}

/// A notice with a new link, to a number or mailbox that one patient has on file. Nothing happens
/// where nobody has it, or several, or they asked too often.
///
/// # Errors
/// [`PortalError`].
pub fn send_link_to(
    tx: &mut Tx<'_>,
    office: &Office,
    (address, from): (&Address, Option<IpAddr>),
) -> Result<(), PortalError> {
    if let Some(from) = from
        && guess(tx, office, &of(office, "new links from", from), MOST_FROM_ADDRESS)?.is_none()
    {
        return Ok(());
    }
    let index = office.address_index(address);
    let points = contact_point::by_address(tx, office.practice(), &index)?;
    let mut usable = Vec::new();
    for point in points.into_iter().filter(|point| point.dead.is_none()) {
        // Of a record that was merged into another the other one is asked.
        if merge::in_use(tx, office.practice(), point.patient_id)? == point.patient_id {
            usable.push(point);
        }
    }
    let [only] = usable.as_slice() else { return Ok(()) };
    send(tx, office, (only.patient_id, only.id)).map(drop)
}

/// A notice with a new link, to where an old link went. Nothing happens where they asked too often.
///
/// # Errors
/// [`PortalError`].
pub(super) fn send_link(
    tx: &mut Tx<'_>,
    office: &Office,
    link: &LinkRow,
) -> Result<(), PortalError> {
    let into = merge::in_use(tx, office.practice(), link.patient_id)?;
    if into != link.patient_id {
        return send_to_the_other(tx, office, link, into);
    }
    match send(tx, office, (link.patient_id, link.contact_point_id))? {
        Some(notice) => super::aims::inherit(tx, office, link, notice),
        None => Ok(()),
    }
}

/// The record that a link was about became part of another: the new link is about that one, where the
/// patient has the same address there. A form that the old one led to was about the old record.
fn send_to_the_other(
    tx: &mut Tx<'_>,
    office: &Office,
    link: &LinkRow,
    into: PatientId,
) -> Result<(), PortalError> {
    let practice = office.practice();
    let Some(old) = contact_point::get(tx, practice, link.contact_point_id)? else {
        return Ok(());
    };
    let there = contact_point::of_patient(tx, practice, into)?;
    let same = there.into_iter().find(|point| {
        point.address_index == old.address_index
            && point.caregiver_id.is_none()
            && old.caregiver_id.is_none()
            && point.dead.is_none()
    });
    match same {
        Some(point) => send(tx, office, (into, point.id)).map(drop),
        None => Ok(()),
    }
}

/// Asked for by whoever has the address: it answers them, so it does not wait for the morning.
fn send(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, contact_point): (PatientId, ContactPointId),
) -> Result<Option<MessageId>, PortalError> {
    if guess(tx, office, &of(office, "new links", patient), MOST_ASKED)?.is_none() {
        return Ok(None);
    }
    if !reaches(tx, office, patient, contact_point)? {
        return Ok(None);
    }
    let Some(subject) = facts::subject(tx, office, patient)? else { return Ok(None) };
    let origin = Origin::Reply { to_message_at: office.clock().now() };
    let actor = Actor::service("window");
    tell(tx, office, subject, (contact_point, origin, actor))
}

/// Sends a notice with a link of its own to an address on file. The gate has the last word; the answer
/// is the notice, where it goes.
///
/// # Errors
/// [`PortalError`].
pub fn tell(
    tx: &mut Tx<'_>,
    office: &Office,
    subject: Subject,
    (to, origin, actor): (ContactPointId, Origin, Actor),
) -> Result<Option<MessageId>, PortalError> {
    let practice = office.practice();
    let Some(point) =
        contact_point::get(tx, practice, to)?.filter(|point| point.patient_id == subject.id)
    else {
        return Ok(None);
    };
    let channel = match point.kind {
        AddressKind::Phone => Channel::Sms,
        AddressKind::Email => Channel::Email,
        AddressKind::Portal => return Ok(None),
    };
    let address = contact_points::open_address(
        office.keys(),
        practice,
        point.id,
        point.kind,
        point.address_sealed,
    )?;
    let message = MessageId::new(office.clock());
    let language = subject.language.unwrap_or(Language::English);
    let words = notice(office, message, (channel, language));
    let purpose = match origin {
        Origin::Reply { .. } => gate::Purpose::PatientRequest,
        Origin::Automated | Origin::Staff => gate::Purpose::Operations,
    };
    let request = Request {
        message,
        patient: Some(subject),
        channel: Wanted::Channel(channel),
        to: Some(address),
        kind: Kind::SecureMessageNotice,
        purpose,
        origin,
        words: Words::Typed { subject: words.subject, body: words.body },
        language: Some(language),
        appointment: None,
        inbound: None,
        useless_after: None,
        actor,
    };
    let accepted = matches!(intake::accept(tx, office, request)?, Answer::Accepted { .. });
    Ok(accepted.then_some(message))
}

/// Moves a conversation to the window: a notice with a link, to the first address that may have one.
/// False where none may.
///
/// # Errors
/// [`PortalError`].
pub fn invite(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    actor: &Actor,
) -> Result<bool, PortalError> {
    let now = office.clock().now();
    for (channel, kind) in
        [(Channel::Sms, AddressKind::Phone), (Channel::Email, AddressKind::Email)]
    {
        let whose = (patient, kind);
        let points = contact_points::usable(tx, office.keys(), office.practice(), whose, now)
            .map_err(IntakeError::from)?;
        let Some(best) = contact_points::best_for(points, channel) else { continue };
        let Some(subject) = facts::subject(tx, office, patient)? else { return Ok(false) };
        if tell(tx, office, subject, (best.id, Origin::Staff, actor.clone()))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether whoever has this address may come to this patient's window now.
///
/// # Errors
/// [`PortalError`].
pub fn reaches(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    contact_point: ContactPointId,
) -> Result<bool, PortalError> {
    let Some(subject) = facts::subject(tx, office, patient)? else { return Ok(false) };
    Ok(session::who(tx, office, &subject, contact_point)?.is_some())
}

/// How far a letter came, in a word: `read`, `opened`, `delivered`; none where it is no letter.
///
/// # Errors
/// [`DbError`].
pub fn receipt(
    tx: &mut Tx<'_>,
    office: &Office,
    message: MessageId,
) -> Result<Option<&'static str>, DbError> {
    let row = rows::get(tx, office.practice(), message)?;
    Ok(row.map(|row| match (row.read_at, row.opened_at) {
        (Some(_), _) => "read",
        (None, Some(_)) => "opened",
        (None, None) => "delivered",
    }))
}

/// A letter, as its list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: MessageId,
    /// When it was written.
    pub written_at: Timestamp,
    /// It was read before.
    pub read: bool,
    /// The patient's copy has ended.
    pub ended: bool,
    /// Until when there is one.
    pub last_day: i64,
}

/// A letter, opened. PHI.
pub struct Opened {
    /// When it was written.
    pub written_at: Timestamp,
    /// What it says; none where the patient's copy has ended.
    pub words: Option<String>,
    /// The language that they are in.
    pub language: String,
    /// The day, since 1970-01-01 UTC, with which the copy ends.
    pub last_day: i64,
}

/// Whether this letter is this visitor's to see: the patient's own, or one whose notice went to
/// whoever acts for them.
fn theirs(visitor: &Visitor, row: &LetterRow) -> bool {
    let told = match visitor.who() {
        Who::Patient => true,
        Who::Caregiver { .. } => row.contact_point_id == visitor.contact_point(),
    };
    visitor.reads_letters() && row.patient_id == visitor.patient() && told
}

fn ended(row: &LetterRow, now: Timestamp) -> bool {
    row.ended_at.is_some() || row.last_day < i64::from(day_of(now).0)
}

/// What was written to this visitor, the newest first. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn list(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
) -> Result<Vec<Listed>, PortalError> {
    let now = office.clock().now();
    let rows = rows::of_patient(tx, office.practice(), visitor.patient(), SHOWN)?;
    let listed = rows.into_iter().filter(|row| theirs(visitor, row)).map(|row| Listed {
        id: row.message_id,
        written_at: row.created_at,
        read: row.read_at.is_some(),
        ended: ended(&row, now),
        last_day: row.last_day,
    });
    Ok(listed.collect())
}

/// One of them, opened with the key of the patient's copy; none where this visitor has no such
/// letter. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn open(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
    id: MessageId,
) -> Result<Option<Opened>, PortalError> {
    let practice = office.practice();
    let Some(row) = rows::get(tx, practice, id)?.filter(|row| theirs(visitor, row)) else {
        return Ok(None);
    };
    let Some(copy) = rows::copy(tx, practice, id)? else { return Ok(None) };
    let (written_at, last_day) = (row.created_at, row.last_day);
    let language = copy.language;
    if ended(&row, office.clock().now()) {
        return Ok(Some(Opened { written_at, words: None, language, last_day }));
    }
    let (house, key) = (practice.to_string(), id.to_string());
    let place = Place { practice: &house, table: "message", row: &key, column: "content" };
    let body = Sealed::from_bytes(copy.content_sealed);
    let opened = match copy.patient_wrap.map(Sealed::from_bytes) {
        Some(wrap) => office.keys().open_message(&place, &body, &wrap),
        None => Err(SealError::Missing),
    };
    let words = match opened {
        Ok(plain) => message::words_of(&plain),
        Err(error) if is_over(&error) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Opened { written_at, words, language, last_day }))
}

/// Whether the patient's copy of something cannot be opened any more: the key of its day was
/// destroyed; or the keys were put back from a backup, which has none of copies, and the day may have
/// another key since. What was altered in the database looks the same here: the log tells it
/// (`audit::verify`), and the record has its own key.
#[must_use]
pub const fn is_over(error: &SealError) -> bool {
    matches!(error, SealError::Destroyed { .. } | SealError::Missing | SealError::Altered)
}

/// What the patient wrote at the window, while they would still have a copy of an answer to it; the
/// newest first. Whoever acts for them has none of it. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn written(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
) -> Result<Vec<Heard>, PortalError> {
    if *visitor.who() != Who::Patient || !visitor.reads_letters() {
        return Ok(Vec::new());
    }
    let since = office.clock().now().checked_sub(KEPT).unwrap_or_default();
    let with = With::Patient(visitor.patient());
    let mut all = timeline::heard_from(tx, office.practice(), with, (Timestamp::MAX, SHOWN))?;
    all.retain(|one| one.channel == Channel::Portal && one.at >= since);
    Ok(all)
}

/// When one of them was written, and its words: PHI. None where they wrote no such thing. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn wrote(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
    id: InboundId,
) -> Result<Option<(Timestamp, String)>, PortalError> {
    let found = written(tx, office, visitor)?.into_iter().find(|one| one.id == id);
    Ok(found.and_then(|one| {
        let opened = content::open(office, id, (&one.content_sealed, &one.record_wrap)).ok()?;
        Some((one.at, opened.shown()))
    }))
}

/// The files of a letter that this visitor may open, while they have a copy of it; none where it is
/// no letter of theirs. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn files_of_letter(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
    id: MessageId,
) -> Result<Vec<AttachmentRow>, PortalError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let row = rows::get(tx, practice, id)?;
    if !row.is_some_and(|row| theirs(visitor, &row) && !ended(&row, now)) {
        return Ok(Vec::new());
    }
    Ok(attachment::held_by(tx, practice, Holder::Message(id))?)
}

/// The files that the patient sent with something they wrote, for them alone, as long as they see
/// the words. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn files_of_wrote(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
    id: InboundId,
) -> Result<Vec<AttachmentRow>, PortalError> {
    if !written(tx, office, visitor)?.iter().any(|one| one.id == id) {
        return Ok(Vec::new());
    }
    Ok(attachment::held_by(tx, office.practice(), Holder::Inbound(id))?)
}

/// The list was shown: what stood in it for the first time is opened.
///
/// # Errors
/// [`PortalError`].
pub fn opened(tx: &mut Tx<'_>, office: &Office, visitor: &Visitor) -> Result<(), PortalError> {
    let now = office.clock().now();
    for row in rows::of_patient(tx, office.practice(), visitor.patient(), SHOWN)? {
        if row.opened_at.is_none() && theirs(visitor, &row) {
            rows::put(tx, office.practice(), &LetterRow { opened_at: Some(now), ..row.clone() })?;
            audit::append(tx, office, changed(visitor.actor(), &row, "opened"))?;
        }
    }
    Ok(())
}

/// Its page was shown for the first time.
///
/// # Errors
/// [`PortalError`].
pub fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    visitor: &Visitor,
    id: MessageId,
) -> Result<(), PortalError> {
    let now = office.clock().now();
    let row = rows::get(tx, office.practice(), id)?;
    if let Some(row) = row.filter(|row| row.read_at.is_none() && theirs(visitor, row)) {
        let opened_at = row.opened_at.or(Some(now));
        let read = LetterRow { opened_at, read_at: Some(now), ..row.clone() };
        rows::put(tx, office.practice(), &read)?;
        audit::append(tx, office, changed(visitor.actor(), &row, "read"))?;
    }
    Ok(())
}

/// What became of a letter; `word` says what.
pub(super) fn changed(actor: Actor, row: &LetterRow, word: &'static str) -> Event {
    Event::new(EventKind::LetterChanged, actor)
        .about(LETTER, row.message_id)
        .patient(row.patient_id)
        .code(word)
}
