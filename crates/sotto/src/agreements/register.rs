//! The register of everybody outside who touches PHI, and what the practice writes down about the
//! agreements with them: signed, ended, what they had returned (RULEBOOK BAA-01 to BAA-07; SPEC VN-01,
//! VN-03). What follows for the gate is said in [`standing`](super::standing).

use gate::{Channel, Level};
use jiff::Timestamp;
use jiff::civil::Date;

use super::standing::Agreed;
use crate::access::policies::Permit;
use crate::attachments::store::{self, AttachmentError, SealedFile};
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::channels::AdapterName;
use crate::conversations::tasks::{self, NewTask, TaskError, TaskKind, TaskOutcome};
use crate::db::agreement::{self as rows, AgreementDeed, AgreementRow, EntryRow};
use crate::db::attachment::Holder;
use crate::db::registry::{AGREEMENT_EVENT, VENDOR_ENTRY};
use crate::db::task::{self, TaskState};
use crate::db::{DbError, Tx, vendor};
use crate::ids::{AgreementId, Id as _, VendorId};
use crate::office::Office;

/// Held, with the practice's id, by whoever writes something down about an agreement.
const LOCK: i64 = 0x0072_6567_6973_7465;

/// How many characters a line and a text may have.
const LINE: usize = 120;
const TEXT: usize = 1000;

/// How far ahead the last day of an agreement may lie, in years: what is further is a slip.
const FURTHEST: i16 = 20;

/// Something is not written down.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A field and what to do.
    #[error("{field}: {remedy}")]
    Field {
        /// Which.
        field: &'static str,
        /// A sentence.
        remedy: &'static str,
    },
    /// It cannot be done as things stand; a sentence.
    #[error("{0}")]
    NotNow(&'static str),
    /// No such vendor.
    #[error("there is no such vendor")]
    NoVendor,
    /// The task for the certificate.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The scan.
    #[error(transparent)]
    File(#[from] AttachmentError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

const fn field(field: &'static str, remedy: &'static str) -> RegisterError {
    RegisterError::Field { field, remedy }
}

/// A vendor and how the agreement with it stands.
#[derive(Debug, Clone)]
pub struct Vendor {
    /// The company, how the agreement stands, the most it may carry or be given.
    pub agreed: Agreed,
    /// What it does for us.
    pub service: String,
    /// The channels it carries.
    pub channels: Vec<Channel>,
    /// The configuration file names it.
    pub by_file: bool,
}

impl Vendor {
    /// Its key: a carrier's adapter, or an id.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.agreed.adapter
    }

    /// Whether the gate lets anything go under the agreement now.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.agreed.agreement().stops(now).is_none()
    }
}

/// Every vendor: those that carry a channel, then the others by name. The portal is this program, and
/// no vendor.
///
/// # Errors
/// [`RegisterError::Db`].
pub fn all(tx: &mut Tx<'_>, office: &Office) -> Result<Vec<Vendor>, RegisterError> {
    let practice = office.practice();
    let mut carried: Vec<(Channel, String)> = Vec::new();
    for channel in Channel::ALL {
        if let Some(setting) = vendor::channel(tx, practice, channel)? {
            carried.push((channel, setting.adapter));
        }
    }
    let mut all = Vec::new();
    for agreed in vendor::agreements(tx, practice)? {
        if agreed.adapter == AdapterName::Portal.as_str() {
            continue;
        }
        let service = vendor::service(tx, practice, &agreed.adapter)?.unwrap_or_default();
        let its = carried.iter().filter(|(_, adapter)| *adapter == agreed.adapter);
        let channels = its.map(|(channel, _)| *channel).collect();
        all.push(Vendor { agreed, service, channels, by_file: true });
    }
    let entries = rows::entries(tx, practice)?;
    for agreed in vendor::others(tx, practice)? {
        let entry = entries.iter().find(|entry| entry.id.to_string() == agreed.adapter);
        let service = entry.map(|entry| entry.service.clone()).unwrap_or_default();
        all.push(Vendor { agreed, service, channels: Vec::new(), by_file: false });
    }
    Ok(all)
}

/// One vendor, by its key.
///
/// # Errors
/// [`RegisterError::NoVendor`], or storage.
pub fn find(tx: &mut Tx<'_>, office: &Office, key: &str) -> Result<Vendor, RegisterError> {
    all(tx, office)?.into_iter().find(|one| one.key() == key).ok_or(RegisterError::NoVendor)
}

/// A vendor that carries no channel, as somebody writes it.
#[derive(Debug, Clone)]
pub struct NewVendor {
    /// The company.
    pub legal_name: String,
    /// What it does for us.
    pub service: String,
    /// The most it may be given.
    pub max_level: Option<Level>,
}

fn line(text: &str, name: &'static str, remedy: &'static str) -> Result<String, RegisterError> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= LINE;
    if fits && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(field(name, remedy))
}

fn text(text: &str, name: &'static str) -> Result<Option<String>, RegisterError> {
    let text = text.trim();
    if text.chars().count() > TEXT {
        return Err(field(name, "Shorten it to 1000 characters."));
    }
    Ok(Some(text).filter(|text| !text.is_empty()).map(str::to_owned))
}

/// Writes down a vendor that carries no channel: a new one, or what has changed of one.
///
/// # Errors
/// [`RegisterError::Field`], [`RegisterError::NoVendor`], or storage.
pub fn put(
    tx: &mut Tx<'_>,
    office: &Office,
    (actor, permit): (&Actor, &Permit),
    (id, new): (Option<VendorId>, &NewVendor),
) -> Result<VendorId, RegisterError> {
    let practice = office.practice();
    let legal_name = line(&new.legal_name, "name", "Write the company’s legal name.")?;
    let service = line(&new.service, "service", "Write in a line what they do for you.")?;
    let level = new.max_level.filter(|level| *level < Level::Never);
    let max_level = level.ok_or_else(|| field("level", "Choose the most they may be given."))?;
    if let Some(id) = id {
        let known = rows::entries(tx, practice)?.iter().any(|entry| entry.id == id);
        known.then_some(()).ok_or(RegisterError::NoVendor)?;
    }
    let row = EntryRow {
        id: id.unwrap_or_else(|| VendorId::new(office.clock())),
        legal_name,
        service,
        max_level,
        recorded_by: actor.to_string(),
        updated_at: office.clock().now(),
    };
    rows::put_entry(tx, practice, &row)?;
    let event = Event::new(Kind::VendorChanged, actor.clone()).about(VENDOR_ENTRY, row.id);
    let code = if id.is_some() { "changed" } else { "added" };
    audit::append(tx, office, permit.of(event.code(code)))?;
    Ok(row.id)
}

/// An agreement as it was signed.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Who signed it.
    pub signer: String,
    /// The day on which it was signed, from which on it is in force.
    pub signed_on: Option<Date>,
    /// Its last day; `None`: until somebody ends it.
    pub last_day: Option<Date>,
    /// Who works for them, in words.
    pub subcontractors: String,
    /// Within so many days they tell of a breach.
    pub notice_days: Option<i64>,
}

/// When an agreement of these days is in force.
struct Span {
    from: Timestamp,
    until: Option<Timestamp>,
}

impl Signed {
    fn span(&self, office: &Office) -> Result<Span, RegisterError> {
        let zone = &office.profile().timezone;
        let now = office.clock().now();
        let today = now.to_zoned(zone.clone()).date();
        let begin = |day: Date| day.to_zoned(zone.clone()).map(|at| at.timestamp()).ok();
        let on = self.signed_on.filter(|day| *day <= today);
        let from = on.and_then(begin);
        let from =
            from.ok_or_else(|| field("signed", "Write the day it was signed, today or before."))?;
        let Some(last) = self.last_day else { return Ok(Span { from, until: None }) };
        if last < today {
            return Err(field("until", "That day is over. An agreement in force ends later."));
        }
        if last.year() > today.year().saturating_add(FURTHEST) {
            return Err(field("until", "That is more than 20 years ahead. Check the year."));
        }
        // The last day counts whole.
        let until = last.tomorrow().ok().and_then(begin);
        let until = until.ok_or_else(|| field("until", "Write its last day."))?;
        Ok(Span { from, until: Some(until) })
    }

    /// From when on the years of retention of its scan count: when it was last in effect (45 CFR
    /// 164.316(b)(2)(i)). One without an end is taken to be in force for as long as one may be.
    #[must_use]
    pub fn last_in_effect(&self, office: &Office) -> Timestamp {
        let now = office.clock().now();
        let zone = &office.profile().timezone;
        let last = self.last_day.or_else(|| {
            let today = now.to_zoned(zone.clone()).date();
            today.checked_add(jiff::Span::new().years(FURTHEST)).ok()
        });
        let last = last.and_then(|day| day.to_zoned(zone.clone()).ok());
        last.map_or(now, |at| at.timestamp().max(now))
    }
}

/// Writes down an agreement that was signed, with its scan: the first, or a renewal. It holds from the
/// next question of the gate on, and changes nothing of which channels there are or of how much may
/// go through them.
///
/// # Errors
/// [`RegisterError::Field`] for what is missing; [`RegisterError::NotNow`] where the configuration file
/// has no agreement that this could renew, or a later one.
pub fn sign(
    tx: &mut Tx<'_>,
    office: &Office,
    (actor, permit): (&Actor, &Permit),
    (key, signed, scan): (&str, &Signed, Vec<SealedFile>),
) -> Result<AgreementId, RegisterError> {
    hold(tx, office)?;
    let vendor = find(tx, office, key)?;
    let Span { from, until } = signed.span(office)?;
    let signer = line(&signed.signer, "signer", "Write who signed it.")?;
    let subcontractors = text(&signed.subcontractors, "subcontractors")?;
    if signed.notice_days.is_some_and(|days| !(1..=60).contains(&days)) {
        // 45 CFR 164.410(b): no later than 60 days.
        return Err(field("notice", "Write 1 to 60 days, or leave it empty."));
    }
    if scan.is_empty() {
        return Err(field("scan", "Add a scan of the signed agreement: it is the proof."));
    }
    let before = rows::of_vendor(tx, office.practice(), key)?;
    let number = before.last().map_or(1, |last| last.number + 1);
    let row = AgreementRow {
        signer: Some(signer),
        effective_at: Some(from),
        expires_at: until,
        subcontractors,
        notice_days: signed.notice_days,
        ..blank(office, (&vendor, number, AgreementDeed::Signed), actor)
    };
    record(tx, office, (actor, permit), (&row, scan))?;
    // The undo of an end: what they have, they keep.
    settle(tx, office, (&before, TaskOutcome::Nothing), actor)?;
    // What stands now must be what was written, or the writer would believe in a renewal that is none.
    let now = find(tx, office, key)?.agreed;
    let stands = now.effective_at == row.effective_at && now.expires_at == row.expires_at;
    if (stands && now.status == "active") || now.status == "sandbox" {
        return Ok(row.id);
    }
    Err(RegisterError::NotNow(match now.status.as_str() {
        "active" | "exception" => {
            "The configuration file names a later agreement with them. Correct it there."
        }
        _ => {
            "The configuration file holds this channel closed. Correct its agreement there first: \
             what is signed here renews an agreement and opens no channel."
        }
    }))
}

/// Ends the agreement now, whatever its last day is: the gate refuses what they carry from its next
/// question on, also what waits already. Somebody gets the task to get the certificate (BAA-05).
///
/// # Errors
/// [`RegisterError::NotNow`] where none is in force; [`RegisterError::Field`] without a reason.
pub fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    (actor, permit): (&Actor, &Permit),
    (key, reason): (&str, &str),
) -> Result<AgreementId, RegisterError> {
    hold(tx, office)?;
    let vendor = find(tx, office, key)?;
    if !matches!(vendor.agreed.status.as_str(), "active" | "exception" | "sandbox") {
        return Err(RegisterError::NotNow("There is no agreement in force to end."));
    }
    let reason = text(reason, "reason")?;
    let reason = reason.ok_or_else(|| field("reason", "Write in a sentence why it ends."))?;
    let task = tasks::open(tx, office, NewTask::new(TaskKind::Certificate), actor)?;
    let before = rows::of_vendor(tx, office.practice(), key)?;
    let number = before.last().map_or(1, |last| last.number + 1);
    let row = AgreementRow {
        reason: Some(reason),
        task_id: Some(task),
        ..blank(office, (&vendor, number, AgreementDeed::Ended), actor)
    };
    record(tx, office, (actor, permit), (&row, Vec::new()))?;
    Ok(row.id)
}

/// Writes down the certificate: what they had is returned or destroyed. Its task is done.
///
/// # Errors
/// [`RegisterError::NotNow`] where nothing was ended; [`RegisterError::Field`] without a scan.
pub fn returned(
    tx: &mut Tx<'_>,
    office: &Office,
    (actor, permit): (&Actor, &Permit),
    (key, scan): (&str, Vec<SealedFile>),
) -> Result<AgreementId, RegisterError> {
    hold(tx, office)?;
    let vendor = find(tx, office, key)?;
    let before = rows::of_vendor(tx, office.practice(), key)?;
    let last = before.iter().rev().find(|row| row.event != AgreementDeed::Returned);
    if last.is_none_or(|row| row.event != AgreementDeed::Ended) {
        return Err(RegisterError::NotNow("A certificate comes after the end of an agreement."));
    }
    if scan.is_empty() {
        return Err(field("scan", "Add a scan of the certificate."));
    }
    let number = before.last().map_or(1, |last| last.number + 1);
    let row = blank(office, (&vendor, number, AgreementDeed::Returned), actor);
    record(tx, office, (actor, permit), (&row, scan))?;
    settle(tx, office, (&before, TaskOutcome::Answered), actor)?;
    Ok(row.id)
}

fn hold(tx: &mut Tx<'_>, office: &Office) -> Result<(), DbError> {
    tx.lock(LOCK ^ office.practice().0.as_u64_pair().1.cast_signed())
}

fn blank(
    office: &Office,
    (vendor, number, event): (&Vendor, i64, AgreementDeed),
    actor: &Actor,
) -> AgreementRow {
    AgreementRow {
        id: AgreementId::new(office.clock()),
        vendor: vendor.key().to_owned(),
        number,
        event,
        legal_name: vendor.agreed.legal_name.clone(),
        signer: None,
        effective_at: None,
        expires_at: None,
        subcontractors: None,
        notice_days: None,
        reason: None,
        task_id: None,
        recorded_by: actor.to_string(),
        recorded_at: office.clock().now(),
    }
}

fn record(
    tx: &mut Tx<'_>,
    office: &Office,
    (actor, permit): (&Actor, &Permit),
    (row, scan): (&AgreementRow, Vec<SealedFile>),
) -> Result<(), RegisterError> {
    rows::add(tx, office.practice(), row)?;
    let event = Event::new(Kind::VendorChanged, actor.clone())
        .about(AGREEMENT_EVENT, row.id)
        .code(crate::db::Word::word(&row.event))
        .code(format!("vendor={}", row.vendor));
    audit::append(tx, office, permit.of(event))?;
    for page in scan {
        store::keep(tx, office, (Holder::Agreement(row.id), actor), page)?;
    }
    Ok(())
}

/// The task of the last end is done, where nobody did it yet.
fn settle(
    tx: &mut Tx<'_>,
    office: &Office,
    (before, outcome): (&[AgreementRow], TaskOutcome),
    actor: &Actor,
) -> Result<(), RegisterError> {
    let Some(id) = before.iter().rev().find_map(|row| row.task_id) else { return Ok(()) };
    let open =
        task::get(tx, office.practice(), id)?.is_some_and(|row| row.state == TaskState::Open);
    if open {
        tasks::complete(tx, office, id, outcome, actor)?;
    }
    Ok(())
}
