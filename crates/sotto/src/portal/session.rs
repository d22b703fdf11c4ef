//! A patient's stay at the window: short, in one browser, ended from anywhere.
//!
//! A cookie holds 256 random bits, drawn after the proof; of them only the digest is kept. Every
//! request asks the database, so that what was ended is over everywhere at once. Whoever acts for a
//! patient comes with their own identity and scope, which are asked again each time.

use gate::facts::Scope;
use gate::{ContactPointId, Language, PatientId};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::{PortalError, kiosk, link, phones};
use crate::access::tokens::Secret;
use crate::audit::{self, Actor, Event, Kind};
use crate::db::kiosk::KioskRow;
use crate::db::registry::{KIOSK, Table, WINDOW_SESSION};
use crate::db::window::{self as rows, LinkRow, SessionRow};
use crate::db::{Tx, contact_point, window_passkey};
use crate::facts::{self, Subject};
use crate::ids::{CaregiverId, Id as _, PhoneId, WindowSessionId};
use crate::office::Office;

/// The longest a stay lasts.
pub const LONGEST: SignedDuration = SignedDuration::from_mins(60);
/// Unused for so long, it is over.
pub const IDLE: SignedDuration = SignedDuration::from_mins(15);
/// How exactly the last use is kept.
const SEEN_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// At these birthdays of the patient a parent's access stops until somebody has looked at it again
/// (PRIV-09).
const REVIEWED_AT: [i16; 2] = [12, 18];

/// Who is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The patient.
    Patient,
    /// Somebody who acts for them, within what is on record.
    Caregiver {
        /// Who.
        id: CaregiverId,
        /// What they may learn.
        scope: Vec<Scope>,
    },
}

impl Who {
    /// Whoever acts for the patient, where it is not the patient.
    #[must_use]
    pub const fn caregiver(&self) -> Option<CaregiverId> {
        match self {
            Self::Patient => None,
            Self::Caregiver { id, .. } => Some(*id),
        }
    }
}

/// What the stay rests on.
#[derive(Debug, Clone)]
pub(super) enum Stay {
    /// A link and a proof.
    Window(SessionRow),
    /// A tablet that somebody handed over.
    Kiosk(KioskRow),
}

/// What a cookie is worth.
#[derive(Debug)]
pub enum Standing {
    /// Somebody is there.
    In(Box<Visitor>),
    /// It is of a tablet, and the patient's time with it is over.
    TabletOver,
    /// Nobody, or no more.
    Nobody,
}

/// Somebody who has proved who they are. It is the only way to a patient's things from a handler
/// of the window: which patient it is stands in here and nowhere in a URL.
#[derive(Debug, Clone)]
pub struct Visitor {
    patient: PatientId,
    pub(super) stay: Stay,
    who: Who,
    language: Option<Language>,
    timezone: Option<TimeZone>,
}

impl Visitor {
    /// The patient it is about.
    #[must_use]
    pub const fn patient(&self) -> PatientId {
        self.patient
    }

    /// Who is there.
    #[must_use]
    pub const fn who(&self) -> &Who {
        &self.who
    }

    /// The stay.
    #[must_use]
    pub const fn session(&self) -> WindowSessionId {
        match &self.stay {
            Stay::Window(session) => session.id,
            Stay::Kiosk(kiosk) => kiosk.id,
        }
    }

    /// The table that the stay is a row of.
    #[must_use]
    pub const fn table(&self) -> Table {
        match self.stay {
            Stay::Window(_) => WINDOW_SESSION,
            Stay::Kiosk(_) => KIOSK,
        }
    }

    /// The remembered phone that the stay began by; none: a code, or a tablet.
    #[must_use]
    pub const fn phone(&self) -> Option<PhoneId> {
        match &self.stay {
            Stay::Window(session) => session.phone,
            Stay::Kiosk(_) => None,
        }
    }

    /// The address that the code went to; none at a tablet.
    #[must_use]
    pub const fn contact_point(&self) -> Option<ContactPointId> {
        match &self.stay {
            Stay::Window(session) => Some(session.contact_point_id),
            Stay::Kiosk(_) => None,
        }
    }

    /// When it is over however often it is used.
    #[must_use]
    pub const fn ends(&self) -> Timestamp {
        match &self.stay {
            Stay::Window(session) => session.expires_at,
            Stay::Kiosk(kiosk) => kiosk.until_at,
        }
    }

    /// Unused for so long, it is over before.
    #[must_use]
    pub const fn idle(&self) -> SignedDuration {
        match self.stay {
            Stay::Window(_) => IDLE,
            Stay::Kiosk(_) => kiosk::IDLE,
        }
    }

    /// The language on file.
    #[must_use]
    pub const fn language(&self) -> Option<Language> {
        self.language
    }

    /// The zone in which times are told: the patient's, else the practice's.
    #[must_use]
    pub fn timezone(&self, office: &Office) -> TimeZone {
        self.timezone.clone().unwrap_or_else(|| office.profile().timezone.clone())
    }

    /// Whether they may read and write messages: the patient, and whoever may learn of clinical
    /// matters. Whoever acts for a patient sees only what was sent to themselves; on a tablet of
    /// the practice's nobody does.
    #[must_use]
    pub fn reads_letters(&self) -> bool {
        self.kiosk().is_none() && self.may(Scope::Clinical)
    }

    /// Whether they may see and answer visits.
    #[must_use]
    pub fn sees_visits(&self) -> bool {
        self.kiosk().is_none() && self.may(Scope::Appointments)
    }

    /// Whether they may change what the patient chose: the patient alone.
    #[must_use]
    pub const fn chooses(&self) -> bool {
        matches!(self.who, Who::Patient)
    }

    /// Whether it is the patient, at a browser of their own, which may keep a key of theirs.
    #[must_use]
    pub const fn has_own_browser(&self) -> bool {
        matches!((&self.who, &self.stay), (Who::Patient, Stay::Window(_)))
    }

    fn may(&self, wanted: Scope) -> bool {
        match &self.who {
            Who::Patient => true,
            Who::Caregiver { scope, .. } => scope.contains(&wanted),
        }
    }

    /// The actor in the audit log, with the stay.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let who = match &self.who {
            Who::Patient => Actor::patient(self.patient),
            Who::Caregiver { id, .. } => Actor::caregiver(id),
        };
        match &self.stay {
            Stay::Window(session) => who.in_session(format!("link {}", session.id)),
            Stay::Kiosk(row) => kiosk::actor(row),
        }
    }
}

/// A stay that has begun. The token goes into a cookie and is kept nowhere.
#[derive(Debug)]
pub struct Begun {
    /// Which.
    pub id: WindowSessionId,
    /// For the cookie.
    pub token: Secret,
}

/// Begins a stay. Who it is has been proved by the caller: by a remembered phone, where one is named,
/// else by a code. The stay that this browser had until now is over: a token that was planted there is
/// worth nothing.
///
/// # Errors
/// [`PortalError`].
pub(super) fn begin(
    tx: &mut Tx<'_>,
    office: &Office,
    link: &LinkRow,
    (who, phone, earlier): (Who, Option<PhoneId>, Option<[u8; 32]>),
) -> Result<Begun, PortalError> {
    let now = office.clock().now_in_life();
    if let Some(digest) = earlier {
        replace(tx, office, &digest)?;
    }
    let token = Secret::draw("").ok_or(PortalError::Randomness)?;
    let caregiver_id = who.caregiver();
    let row = SessionRow {
        id: WindowSessionId::new(office.clock()),
        patient_id: link.patient_id,
        contact_point_id: link.contact_point_id,
        caregiver_id,
        link_id: link.message_id,
        created_at: now,
        expires_at: now + LONGEST,
        ended_at: None,
        seen_at: now,
        phone,
    };
    rows::add_session(tx, office.practice(), &row, &token.digest())?;
    if let Some(phone) = phone {
        window_passkey::proved(tx, office.practice(), row.id, phone)?;
    }
    let actor = caregiver_id.map_or_else(|| Actor::patient(link.patient_id), Actor::caregiver);
    let event = Event::new(Kind::SessionChanged, actor)
        .about(WINDOW_SESSION, row.id)
        .patient(link.patient_id)
        .code("began")
        .code(if phone.is_some() { "passkey" } else { "code" });
    audit::append(tx, office, event)?;
    Ok(Begun { id: row.id, token })
}

/// The stay that a browser had is over: another begins there.
pub(super) fn replace(
    tx: &mut Tx<'_>,
    office: &Office,
    digest: &[u8; 32],
) -> Result<(), PortalError> {
    let now = office.clock().now_in_life();
    if let Some(old) = rows::session_by_digest(tx, office.practice(), digest)? {
        rows::end_session(tx, office.practice(), old.id, ("replaced", now))?;
    }
    kiosk::forget(tx, office, digest)?;
    Ok(())
}

/// Who is there by this cookie, now; nobody where the stay is over or the right has ended. Reads only.
///
/// # Errors
/// [`PortalError`].
pub fn standing(
    tx: &mut Tx<'_>,
    office: &Office,
    digest: &[u8; 32],
) -> Result<Standing, PortalError> {
    let now = office.clock().now_in_life();
    let good = |row: &SessionRow| {
        row.ended_at.is_none() && now < row.expires_at && now.duration_since(row.seen_at) < IDLE
    };
    let (patient, stay) = match kiosk::standing(tx, office, digest)? {
        Some(Some(row)) => (row.patient_id, Stay::Kiosk(row)),
        Some(None) => return Ok(Standing::TabletOver),
        None => match rows::session_by_digest(tx, office.practice(), digest)?.filter(good) {
            Some(row) => (row.patient_id, Stay::Window(row)),
            None => return Ok(Standing::Nobody),
        },
    };
    let Some(subject) = facts::subject(tx, office, patient)? else { return Ok(Standing::Nobody) };
    let who = match &stay {
        Stay::Window(session) => who(tx, office, &subject, session.contact_point_id)?,
        Stay::Kiosk(_) => Some(Who::Patient).filter(|_| subject.active && !subject.deceased),
    };
    let Some(who) = who else { return Ok(Standing::Nobody) };
    let Subject { language, timezone, .. } = subject;
    Ok(Standing::In(Box::new(Visitor { patient, stay, who, language, timezone })))
}

/// Whose address this is, and what they may learn; none where they have no right to this patient's
/// window, or none any more.
///
/// # Errors
/// [`PortalError`].
pub(super) fn who(
    tx: &mut Tx<'_>,
    office: &Office,
    subject: &Subject,
    contact_point: ContactPointId,
) -> Result<Option<Who>, PortalError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let point = contact_point::get(tx, practice, contact_point)?.filter(|point| {
        point.patient_id == subject.id
            && point.dead.is_none()
            && point.valid_until.is_none_or(|until| now < until)
    });
    let Some(point) = point.filter(|_| subject.active && !subject.deceased) else {
        return Ok(None);
    };
    let Some(caregiver) = point.caregiver_id else { return Ok(Some(Who::Patient)) };
    let Some(behind) = facts::caregiver_behind(tx, office, contact_point, now)? else {
        return Ok(None);
    };
    let today = now.to_zoned(office.profile().timezone.clone()).date();
    let looked_at = behind.updated_at.to_zoned(office.profile().timezone.clone()).date();
    let due = REVIEWED_AT.into_iter().any(|years| {
        let birthday =
            subject.person.birth_date.and_then(|born| born.checked_add(years.years()).ok());
        birthday.is_some_and(|birthday| birthday <= today && looked_at < birthday)
    });
    if behind.parental && due {
        return Ok(None);
    }
    let scope = if behind.representative {
        vec![Scope::CallBack, Scope::Appointments, Scope::Billing, Scope::Clinical]
    } else {
        behind.scope
    };
    Ok((!scope.is_empty()).then_some(Who::Caregiver { id: caregiver, scope }))
}

/// Whether the last use is old enough to be written down again.
#[must_use]
pub fn wants_to_be_seen(office: &Office, visitor: &Visitor) -> bool {
    let seen_at = match &visitor.stay {
        Stay::Window(session) => session.seen_at,
        Stay::Kiosk(row) => row.seen_at,
    };
    office.clock().now_in_life().duration_since(seen_at) >= SEEN_EVERY
}

/// The stay was used now.
///
/// # Errors
/// [`PortalError::Db`].
pub fn see(tx: &mut Tx<'_>, office: &Office, id: WindowSessionId) -> Result<(), PortalError> {
    Ok(rows::see(tx, office.practice(), id, office.clock().now_in_life())?)
}

/// Ends this stay: the device is not theirs, or they are done.
///
/// # Errors
/// [`PortalError`].
pub fn leave(tx: &mut Tx<'_>, office: &Office, visitor: &Visitor) -> Result<(), PortalError> {
    let now = office.clock().now_in_life();
    let id = visitor.session();
    match &visitor.stay {
        Stay::Kiosk(row) => kiosk::end(tx, office, row, (&visitor.actor(), "done"))?,
        Stay::Window(_) => {
            if rows::end_session(tx, office.practice(), id, ("left", now))? {
                audit::append(tx, office, ended(id, visitor.patient, visitor.actor(), "left"))?;
            }
        }
    }
    Ok(())
}

/// A phone was lost: every stay about the patient ends, every link and every phone that was remembered
/// with it. The answer is how many stays and links there were.
///
/// # Errors
/// [`PortalError`].
pub fn cut_off(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
    by: &Actor,
) -> Result<(usize, usize), PortalError> {
    phones::alone_with(tx, patient)?;
    let now = office.clock().now_in_life();
    let open = rows::open_sessions(tx, office.practice(), patient)?;
    for session in &open {
        rows::end_session(tx, office.practice(), session.id, ("cut_off", now))?;
        audit::append(tx, office, ended(session.id, patient, by.clone(), "cut_off"))?;
    }
    let tablets = kiosk::end_all(tx, office, patient, (by, "cut_off"))?;
    phones::cut_off(tx, office, patient, by)?;
    crate::sealed::keys::cut_off(tx, office, patient, by)?;
    let links = link::cut_off(tx, office, patient, by)?;
    Ok((open.len() + tablets, links))
}

pub(super) fn ended(
    id: WindowSessionId,
    patient: PatientId,
    by: Actor,
    why: &'static str,
) -> Event {
    Event::new(Kind::SessionChanged, by)
        .about(WINDOW_SESSION, id)
        .patient(patient)
        .code("ended")
        .code(why)
}
