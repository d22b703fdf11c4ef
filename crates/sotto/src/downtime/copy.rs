//! The copy: sealed with a key of its own, replaced in one step, good for a day. It holds what a desk
//! needs to call those who are expected, and who was signed in, as keyed hashes of their sessions.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use gate::{Address, PatientId, PracticeId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use seal::{Keyring, Place, Sealed};
use serde::{Deserialize, Serialize};

use crate::access::policies::Principal;
use crate::access::roles::Roles;
use crate::access::{AccessError, staff};
use crate::audit::Actor;
use crate::db::appointment::{self, AppointmentReply, AppointmentStatus};
use crate::db::contact_point::{self, ContactPointRow};
use crate::db::restriction::{self, RestrictedThing};
use crate::db::{DbError, Tx, Word as _, session, site};
use crate::ids::{AppointmentId, SessionId, SiteId, StaffId};
use crate::office::Office;
use crate::people::contact_points::open_address;
use crate::people::patients::open_person;

/// Older than this it is shown to nobody: it misleads more than it helps.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The form of the file; a program reads its own form alone, and writes the next within a minute.
const FORM: u8 = 1;
/// How many visits are read at once.
const AT_ONCE: u32 = 500;

/// The copy cannot be made, or not be read.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is none: none was made yet.
    #[error("there is no copy yet; one is made within a minute while the database is there")]
    None,
    /// It is too old.
    #[error("the copy is {hours} hours old: too old to go by")]
    TooOld {
        /// How old.
        hours: i64,
    },
    /// Another version of the program made it.
    #[error("the copy was made by another version of this program")]
    Form,
    /// The disk.
    #[error("the copy cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// It cannot be opened.
    #[error("the copy cannot be opened with these keys, or was altered: {0}")]
    Sealed(#[from] seal::SealError),
    /// Who is signed in.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What it holds. PHI: `Debug` shows nothing.
#[derive(Serialize, Deserialize)]
pub struct Copy {
    form: u8,
    /// When it was made, in the time of people's lives.
    pub made_at: Timestamp,
    /// The same in words, on the practice's clock.
    pub made: String,
    /// The practice's name.
    pub practice: String,
    /// Its number.
    pub phone: String,
    /// Today, tomorrow.
    pub days: Vec<Day>,
    /// Every site: who is at none is at all of them.
    pub everywhere: Vec<SiteId>,
    /// The sessions that were open.
    pub sessions: Vec<Known>,
}

impl std::fmt::Debug for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy").field("made_at", &self.made_at).finish_non_exhaustive()
    }
}

/// One day's visits, by site.
#[derive(Serialize, Deserialize, Clone)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// "Monday, March 1".
    pub words: String,
    /// The sites with visits.
    pub sites: Vec<Site>,
}

/// One site's visits.
#[derive(Serialize, Deserialize, Clone)]
pub struct Site {
    /// Which; none for visits without one.
    pub id: Option<SiteId>,
    /// Its name.
    pub name: String,
    /// Its number, where it has its own.
    pub phone: Option<String>,
    /// The visits, by time.
    pub visits: Vec<Visit>,
}

/// One visit.
#[derive(Serialize, Deserialize, Clone)]
pub struct Visit {
    /// Whose.
    pub patient: PatientId,
    /// "9:30 am".
    pub time: String,
    /// Who it is.
    pub name: String,
    /// When they were born, to tell two apart.
    pub born: String,
    /// Which language they speak.
    pub language: String,
    /// What they answered.
    pub answer: String,
    /// How to reach them.
    pub reach: Vec<String>,
    /// They asked to be reached in a way of their own, or not at all.
    pub restricted: bool,
}

/// A session that was open.
#[derive(Serialize, Deserialize, Clone)]
pub struct Known {
    /// The keyed hash of its token's digest.
    pub key: [u8; 32],
    /// Whose.
    pub staff: StaffId,
    /// Their name.
    pub name: String,
    /// Their roles, as they stand in a row.
    pub roles: String,
    /// Where they work; empty for every site.
    pub sites: Vec<SiteId>,
    /// Which.
    pub session: SessionId,
    /// How it began.
    pub method: String,
    /// On a shared station.
    pub shared: bool,
    /// Last used.
    pub seen_at: Timestamp,
    /// Until when it lives.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Known {
    /// Them, as the policies see them.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::new(self.staff, Roles::from_row(&self.roles), self.sites.clone())
    }

    /// Them, as the log names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let role = Roles::from_row(&self.roles).iter().next().map_or("none", |role| role.as_str());
        Actor::staff(self.staff, role).in_session(format!("{} {}", self.method, self.session))
    }
}

/// The key under which the copy knows a session.
#[must_use]
pub fn key_of(keys: &Keyring, digest: &[u8]) -> [u8; 32] {
    keys.content_hash("downtime session", digest)
}

impl Copy {
    /// Reads it from the database.
    ///
    /// # Errors
    /// [`CopyError`].
    pub fn read(tx: &mut Tx<'_>, office: &Office) -> Result<Self, CopyError> {
        let (practice, profile) = (office.practice(), office.profile());
        let zone = profile.timezone.clone();
        let (now, life) = (office.clock().now(), office.clock().now_in_life());
        let today = now.to_zoned(zone.clone()).date();
        let tomorrow = today.tomorrow().unwrap_or(today);
        Ok(Self {
            form: FORM,
            made_at: life,
            made: life.to_zoned(zone).strftime("%A, %B %-d, %-I:%M %P").to_string(),
            practice: profile.display_name.clone(),
            phone: profile.phone.clone(),
            days: vec![day(tx, office, today)?, day(tx, office, tomorrow)?],
            everywhere: site::ids(tx, practice)?,
            sessions: sessions(tx, office)?,
        })
    }

    /// Seals it and puts it in place of the one before.
    ///
    /// # Errors
    /// [`CopyError`]; the one before is then still there.
    pub fn keep(
        &self,
        file: &Path,
        (keys, practice): (&Keyring, PracticeId),
    ) -> Result<(), CopyError> {
        let plain =
            zeroize::Zeroizing::new(serde_json::to_vec(self).map_err(std::io::Error::from)?);
        let name = practice.to_string();
        let sealed = keys.seal_for_patient(&key_name(&name), &place(&name), &plain)?;
        Ok(super::replace(file, sealed.as_bytes())?)
    }

    /// Opens the one in this file.
    ///
    /// # Errors
    /// [`CopyError`].
    pub fn open(
        file: &Path,
        (keys, practice): (&Keyring, PracticeId),
        now: Timestamp,
    ) -> Result<Self, CopyError> {
        let sealed = match fs::read(file) {
            Ok(bytes) => Sealed::from_bytes(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(CopyError::None),
            Err(error) => return Err(error.into()),
        };
        let plain = keys.open_value(&place(&practice.to_string()), &sealed)?;
        let copy: Self = serde_json::from_slice(&plain).map_err(|_| CopyError::Form)?;
        let age = now.duration_since(copy.made_at);
        if copy.form != FORM {
            Err(CopyError::Form)
        } else if age > GOOD_FOR {
            Err(CopyError::TooOld { hours: age.as_hours() })
        } else {
            Ok(copy)
        }
    }

    /// The session whose token has this digest, where it was open.
    #[must_use]
    pub fn known(&self, keys: &Keyring, digest: &[u8; 32]) -> Option<&Known> {
        let key = key_of(keys, digest);
        self.sessions.iter().find(|known| known.key == key)
    }
}

/// The copies have a key of their own, which can be destroyed with all of them.
fn key_name(practice: &str) -> String {
    format!("downtime-{practice}")
}

const fn place(practice: &str) -> Place<'_> {
    Place { practice, table: "downtime", row: "copy", column: "schedule" }
}

fn sessions(tx: &mut Tx<'_>, office: &Office) -> Result<Vec<Known>, CopyError> {
    let now = office.clock().now_in_life();
    let staff = staff::list(tx, office)?;
    let open = session::all_open(tx, office.practice(), now)?;
    let known = |(row, digest): (session::SessionRow, Vec<u8>)| {
        let who = staff.iter().find(|one| one.id == row.staff_id && one.disabled_at.is_none())?;
        Some(Known {
            key: key_of(office.keys(), &digest),
            staff: who.id,
            name: who.named.name.clone(),
            roles: who.roles.to_row(),
            sites: who.sites.clone(),
            session: row.id,
            method: row.method.word().to_owned(),
            shared: row.shared,
            seen_at: row.seen_at,
            expires_at: row.expires_at,
        })
    };
    Ok(open.into_iter().filter_map(known).collect())
}

fn midnight(date: Date, zone: &TimeZone) -> Timestamp {
    date.to_zoned(zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

fn day(tx: &mut Tx<'_>, office: &Office, date: Date) -> Result<Day, CopyError> {
    let (practice, zone) = (office.practice(), office.profile().timezone.clone());
    let span = (midnight(date, &zone), midnight(date.tomorrow().unwrap_or(date), &zone));
    let mut after = (Timestamp::MIN, AppointmentId(uuid::Uuid::nil()));
    let places = site::list(tx, practice)?;
    let mut sites: Vec<Site> = Vec::new();
    loop {
        let visits = appointment::visits(tx, practice, span, after, AT_ONCE)?;
        let Some(last) = visits.last() else { break };
        after = (last.starts_at, last.id);
        let full = visits.len() >= AT_ONCE as usize;
        for one in visits.into_iter().filter(|one| one.status == AppointmentStatus::Booked) {
            let id = one.site.as_ref().map(|(id, _)| *id);
            let visit = visit(tx, office, one)?;
            match sites.iter_mut().find(|site| site.id == id) {
                Some(site) => site.visits.push(visit),
                None => {
                    let place = places.iter().find(|place| Some(place.id) == id);
                    sites.push(Site {
                        id,
                        name: place.map_or("No site".to_owned(), |place| place.name.clone()),
                        phone: place.and_then(|place| place.phone.clone()),
                        visits: vec![visit],
                    });
                }
            }
        }
        if !full {
            break;
        }
    }
    sites.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Day { date, words: date.strftime("%A, %B %-d").to_string(), sites })
}

fn visit(tx: &mut Tx<'_>, office: &Office, one: appointment::Visit) -> Result<Visit, CopyError> {
    let (practice, zone) = (office.practice(), office.profile().timezone.clone());
    let person = open_person(office.keys(), practice, one.patient, one.person_sealed).ok();
    let language = crate::db::patient::get(tx, practice, one.patient)?.and_then(|row| row.language);
    let (reach, restricted) = reach(tx, office, one.patient)?;
    Ok(Visit {
        patient: one.patient,
        time: one.starts_at.to_zoned(zone).strftime("%-I:%M %P").to_string(),
        name: person.as_ref().map_or("Name gone".to_owned(), |person| person.full_name()),
        born: person
            .and_then(|person| person.birth_date)
            .map_or("not on file".to_owned(), |born| born.strftime("%b %-d, %Y").to_string()),
        language: match language.as_deref() {
            Some(tag) if tag.starts_with("es") => "Spanish",
            Some(tag) if tag.starts_with("en") => "English",
            _ => "",
        }
        .to_owned(),
        answer: match one.reply {
            Some(AppointmentReply::Confirmed) => "will come",
            Some(AppointmentReply::Declined) => "cannot come",
            Some(AppointmentReply::Reschedule) => "wants another time",
            None => "no answer",
        }
        .to_owned(),
        reach,
        restricted,
    })
}

/// The patient's own numbers and mailboxes. Where they asked to be reached elsewhere (45 CFR
/// 164.522(b)), that alone; where they are in danger or nothing may go to an address of theirs,
/// nothing: whoever looks cannot ask the record today.
fn reach(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: PatientId,
) -> Result<(Vec<String>, bool), CopyError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let elsewhere: Vec<_> = restriction::alternatives_of(tx, practice, patient)?
        .into_iter()
        .filter(|row| row.valid_from <= now && row.valid_until.is_none_or(|until| now < until))
        .collect();
    let closed = restriction::of_patient(tx, practice, patient)?.iter().any(|row| {
        let reaches = matches!(
            row.what,
            RestrictedThing::Safety
                | RestrictedThing::Hold
                | RestrictedThing::Channel
                | RestrictedThing::ContactPoint
                | RestrictedThing::MinorConfidential
        );
        reaches && row.in_force(now)
    });
    let usable = |row: &ContactPointRow| {
        row.caregiver_id.is_none()
            && row.dead.is_none()
            && row.valid_until.is_none_or(|until| now < until)
            && (elsewhere.is_empty()
                || elsewhere.iter().any(|other| other.contact_point_id == Some(row.id)))
    };
    let restricted = closed || !elsewhere.is_empty();
    if closed {
        return Ok((Vec::new(), restricted));
    }
    let mut all = Vec::new();
    for row in contact_point::of_patient(tx, practice, patient)?.into_iter().filter(usable) {
        let address =
            open_address(office.keys(), practice, row.id, row.kind, row.address_sealed.clone());
        match address {
            Ok(Address::Phone(number)) => all.push(number.reveal().to_owned()),
            Ok(Address::Email(mailbox)) => all.push(mailbox.reveal().to_owned()),
            Ok(Address::Portal) | Err(_) => {}
        }
    }
    Ok((all, restricted))
}
