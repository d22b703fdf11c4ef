//! Phones that are remembered: a passkey in place of the date of birth and the code (NIST SP 800-63B-4
//! §3.1.7; WCAG 2.2, 3.3.8: nothing to remember, nothing to copy).
//!
//! A passkey is one holder's, the patient or whoever acts for them, and opens what a code would open to
//! that holder, no more: the link says who may come, the passkey proves that it is they. An
//! authenticator is told a random number for the holder and the practice's name, nothing of the
//! patient. Whatever does not fit, the answer is the same: a stranger learns of nobody whether a phone
//! of theirs is remembered.

mod come_in;

use gate::{MessageId, PatientId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey, PasskeyRegistration};

use super::choices::tell_of_a_change;
use super::session::{self, Stay};
use super::{PortalError, Visitor, kiosk};
use crate::access::ceremonies::{self, Account, Answer, Ceremonies, Question};
use crate::audit::{self, Actor, Event, Kind};
use crate::db::registry::WINDOW_PASSKEY;
use crate::db::window::{self as stays, SessionRow};
use crate::db::window_passkey::{self as rows, PhoneRow};
use crate::db::{DbError, Tx};
use crate::ids::{Id as _, PhoneId, WindowSessionId};
use crate::office::Office;

pub use come_in::{Given, ask_to_come_in, by_link, by_phone_alone};

/// Not used for so long, a phone is forgotten.
pub const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(365 * 24);
/// A phone is remembered so soon after the proof: whoever finds a stay open later cannot.
pub const SOON: SignedDuration = SignedDuration::from_mins(15);
/// How many one holder may have.
pub const MOST: usize = 10;
/// How many letters tell one passkey of a phone from another.
const LONG: usize = 2;

/// What is kept sealed: the credential, and what the list calls it.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: Passkey,
    named: Named,
}

/// What a list calls a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The kind of browser, in our words.
    pub browser: String,
    /// The system it runs on, in our words.
    pub system: String,
    /// The letters that the phone shows beside the practice's name.
    pub letters: String,
}

/// A phone that is remembered.
#[derive(Debug)]
pub struct Phone {
    /// Which.
    pub id: PhoneId,
    /// What it is called.
    pub named: Named,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
    /// Whether this stay began by it.
    pub this: bool,
}

/// The state of a ceremony, as it is sealed.
#[derive(Serialize, Deserialize)]
enum Asked {
    Remember { stay: WindowSessionId, handle: Uuid, letters: String, state: PasskeyRegistration },
    ComeIn { browser: [u8; 32], link: Option<MessageId>, state: DiscoverableAuthentication },
}

/// Why a phone is not remembered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// The proof is too long ago.
    Late,
    /// There are [`MOST`].
    Many,
}

/// The stay of somebody at a browser of their own.
const fn own_stay(who: &Visitor) -> Option<&SessionRow> {
    match &who.stay {
        Stay::Window(stay) => Some(stay),
        Stay::Kiosk(_) => None,
    }
}

/// Until this transaction ends, nobody else remembers, uses or forgets a phone about this patient: what
/// is cut off on one node is not used on another at the same instant.
pub(super) fn alone_with(tx: &mut Tx<'_>, patient: PatientId) -> Result<(), DbError> {
    const PHONES: i64 = 0x0000_7068_6f6e_6573;
    tx.lock(PHONES ^ patient.0.as_u64_pair().1.cast_signed())
}

/// Whether it opens something now, as far as itself is concerned.
fn good(office: &Office, row: &PhoneRow) -> bool {
    let last = row.used_at.unwrap_or(row.created_at);
    row.ended_at.is_none() && office.clock().now_in_life().duration_since(last) < FORGOTTEN_AFTER
}

/// Every passkey that this holder ever had.
fn of_holder(
    tx: &mut Tx<'_>,
    office: &Office,
    stay: &SessionRow,
) -> Result<Vec<PhoneRow>, PortalError> {
    let mut all = rows::of_patient(tx, office.practice(), stay.patient_id)?;
    all.retain(|row| row.caregiver_id == stay.caregiver_id);
    Ok(all)
}

/// The phones that are remembered for whoever is there, the newest first; none on a tablet. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn list(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Visitor,
) -> Result<Option<Vec<Phone>>, PortalError> {
    let Some(stay) = own_stay(who) else { return Ok(None) };
    let all = of_holder(tx, office, stay)?.into_iter().rev().filter(|row| good(office, row));
    let phone = |row: PhoneRow| {
        let named = open(office, &row)?.named;
        let PhoneRow { id, created_at: added_at, used_at, .. } = row;
        Ok(Phone { id, named, added_at, used_at, this: stay.phone == Some(id) })
    };
    all.map(phone).collect::<Result<_, _>>().map(Some)
}

/// Whether whoever is there could have this phone remembered now: a code that was just typed proved who
/// they are. Reads nothing.
#[must_use]
pub fn may_offer(office: &Office, who: &Visitor) -> bool {
    own_stay(who).is_some_and(|stay| stay.phone.is_none() && is_soon(office, stay))
}

fn is_soon(office: &Office, stay: &SessionRow) -> bool {
    office.clock().now_in_life().duration_since(stay.created_at) < SOON
}

/// Why this phone cannot be remembered now; none where it can. Reads nothing.
#[must_use]
pub fn not_now(office: &Office, who: &Visitor, there: usize) -> Option<NotNow> {
    if there >= MOST {
        return Some(NotNow::Many);
    }
    own_stay(who).filter(|stay| is_soon(office, stay)).is_none().then_some(NotNow::Late)
}

/// Asks the browser to make a passkey. `words` stand beside the practice's name in the phone. None
/// where it cannot be remembered now.
///
/// # Errors
/// [`PortalError`].
pub fn ask_to_remember(
    tx: &mut Tx<'_>,
    office: &Office,
    ceremonies: &Ceremonies,
    (who, words): (&Visitor, &str),
) -> Result<Option<Question>, PortalError> {
    let Some(stay) = own_stay(who) else { return Ok(None) };
    let all = of_holder(tx, office, stay)?;
    let there: Vec<&PhoneRow> = all.iter().filter(|row| good(office, row)).collect();
    if not_now(office, who, there.len()).is_some() {
        return Ok(None);
    }
    // A new passkey of the same holder takes the place of one that ended, also in the phone.
    let handle = match all.first() {
        Some(row) => row.handle,
        None => random()?,
    };
    let keys = there.into_iter().map(|row| Ok(open(office, row)?.key));
    let keys: Vec<Passkey> = keys.collect::<Result<_, PortalError>>()?;
    let letters = kiosk::draw(LONG)?;
    let name = format!("{} {words} {letters}", office.profile().display_name);
    let account = Account { handle, name: &name, display_name: &name };
    let (options, state) = ceremonies.make(&account, keys.iter())?;
    let asked = Asked::Remember { stay: stay.id, handle, letters, state };
    Ok(Some(Question { ceremony: ceremonies::keep(tx, office, &asked)?, options }))
}

/// Checks what the browser made, and remembers the phone. The patient is told, at the mailbox on file,
/// that something changed. False where it does not fit; the ceremony is used up all the same.
///
/// # Errors
/// [`PortalError`].
pub fn remember(
    tx: &mut Tx<'_>,
    office: &Office,
    ceremonies: &Ceremonies,
    (who, answer, (browser, system)): (&Visitor, &Answer, (&str, &str)),
) -> Result<bool, PortalError> {
    let asked: Option<Asked> = ceremonies::take(tx, office, &answer.ceremony)?;
    let (Some(stay), Some(Asked::Remember { stay: begun, handle, letters, state })) =
        (own_stay(who), asked)
    else {
        return Ok(false);
    };
    alone_with(tx, stay.patient_id)?;
    let open = stays::open_sessions(tx, office.practice(), stay.patient_id)?;
    let stands = open.iter().any(|open| open.id == stay.id);
    if begun != stay.id || !stands || !is_soon(office, stay) {
        return Ok(false);
    }
    let Some(key) = ceremonies.made(&answer.credential, &state) else { return Ok(false) };
    let (browser, system) = (browser.to_owned(), system.to_owned());
    let kept = Kept { key, named: Named { browser, system, letters } };
    let mut row = PhoneRow {
        id: PhoneId::new(office.clock()),
        handle,
        patient_id: stay.patient_id,
        caregiver_id: stay.caregiver_id,
        contact_point_id: stay.contact_point_id,
        link_id: stay.link_id,
        key_sealed: Vec::new(),
        created_at: office.clock().now_in_life(),
        used_at: None,
        ended_at: None,
        ended_why: None,
    };
    row.key_sealed = seal(office, &row, &kept)?;
    rows::put(tx, office.practice(), &row)?;
    audit::append(tx, office, event(&row, who.actor(), "passkey_added"))?;
    // Also of whoever acts for them: it opens what is theirs.
    tell_of_a_change(tx, office, who)?;
    Ok(true)
}

/// Forgets a phone; a stay that began by it is over, but for this one. False where they have no such.
///
/// # Errors
/// [`PortalError`].
pub fn forget(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &Visitor,
    id: PhoneId,
) -> Result<bool, PortalError> {
    let Some(stay) = own_stay(who) else { return Ok(false) };
    alone_with(tx, stay.patient_id)?;
    let all = of_holder(tx, office, stay)?;
    let there = all.into_iter().find(|row| row.id == id && row.ended_at.is_none());
    let Some(row) = there else { return Ok(false) };
    end(tx, office, row, (&who.actor(), "removed"))?;
    let (practice, now) = (office.practice(), office.clock().now_in_life());
    for open in stays::open_sessions(tx, practice, stay.patient_id)? {
        let by_it = open.phone == Some(id) && open.id != stay.id;
        if by_it && stays::end_session(tx, practice, open.id, ("removed", now))? {
            let event = session::ended(open.id, stay.patient_id, who.actor(), "removed");
            audit::append(tx, office, event)?;
        }
    }
    Ok(true)
}

/// Forgets every phone about a patient, whoever's it is.
pub(super) fn cut_off(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    by: &Actor,
) -> Result<(), PortalError> {
    for row in rows::of_patient(tx, office.practice(), patient)? {
        if row.ended_at.is_none() {
            end(tx, office, row, (by, "cut_off"))?;
        }
    }
    Ok(())
}

fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    row: PhoneRow,
    (by, why): (&Actor, &'static str),
) -> Result<(), PortalError> {
    let now = office.clock().now_in_life();
    let row = PhoneRow { ended_at: Some(now), ended_why: Some(why.to_owned()), ..row };
    rows::put(tx, office.practice(), &row)?;
    audit::append(tx, office, event(&row, by.clone(), "passkey_removed").code(why))?;
    Ok(())
}

fn event(row: &PhoneRow, by: Actor, what: &'static str) -> Event {
    Event::new(Kind::CredentialChanged, by)
        .about(WINDOW_PASSKEY, row.id)
        .patient(row.patient_id)
        .code(what)
}

/// What authenticators will call a holder: it says nothing of them, not even when it was drawn.
fn random() -> Result<Uuid, PortalError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| PortalError::Randomness)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

fn seal(office: &Office, row: &PhoneRow, kept: &Kept) -> Result<Vec<u8>, PortalError> {
    let (practice, id) = (office.practice().to_string(), row.id.to_string());
    let plain = serde_json::to_vec(kept).map_err(|_| seal::SealError::Altered)?;
    let patient = row.patient_id.to_string();
    let sealed = office.keys().seal_for_patient(&patient, &place(&practice, &id), &plain)?;
    Ok(sealed.into_bytes())
}

fn open(office: &Office, row: &PhoneRow) -> Result<Kept, PortalError> {
    let (practice, id) = (office.practice().to_string(), row.id.to_string());
    let sealed = seal::Sealed::from_bytes(row.key_sealed.clone());
    let plain = office.keys().open_value(&place(&practice, &id), &sealed)?;
    Ok(serde_json::from_slice(&plain).map_err(|_| seal::SealError::Altered)?)
}

const fn place<'a>(practice: &'a str, row: &'a str) -> seal::Place<'a> {
    seal::Place { practice, table: WINDOW_PASSKEY.name(), row, column: "key" }
}
