//! Where somebody is signed in: a random token in a cookie, of which only the digest is kept; a
//! browser that is known again; a lock after idle time that asks for the second factor alone; an
//! end after twelve hours (RULEBOOK §8; ASVS 7.3.1, 7.3.2, 7.4.2, 7.5.3).
//!
//! Every request asks the database, so that what ends here has ended on every node with the
//! transaction that ends it.

use gate::PatientId;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::break_glass::{self, Opened};
use super::error::AccessError;
use super::policies::Principal;
use super::staff::{self, Staff};
use super::tokens::Secret;
use super::{recovery_codes, totp};
use crate::audit::{self, Actor, Event, Kind};
use crate::db::registry::{DEVICE, SESSION};
use crate::db::session::{self as rows, DeviceRow, Method, SessionRow};
use crate::db::{Tx, credential, draft, pin, staff as staff_rows};
use crate::ids::{DeviceId, Id as _, SessionId, StaffId};
use crate::office::Office;

/// The longest a session lives.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(12);
/// Idle for so long, it locks.
pub const IDLE: SignedDuration = SignedDuration::from_mins(15);
/// The same on a shared station.
pub const IDLE_SHARED: SignedDuration = SignedDuration::from_mins(5);
/// A second factor is fresh for so long (RULEBOOK §8: export, override, keys, roles).
pub const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// How exactly the last use is kept.
const SEEN_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// What a browser shows of itself when it comes in.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// The digest of the device cookie it sent.
    pub digest: Option<[u8; 32]>,
    /// What it is, in our words.
    pub name: String,
    /// Somebody said that it is a shared station.
    pub shared: bool,
}

/// A session that has begun. Both tokens go into cookies and are kept nowhere.
#[derive(Debug)]
pub struct Begun {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub staff: StaffId,
    /// For the session cookie.
    pub token: Secret,
    /// For the device cookie, where the browser had none that is good.
    pub device: Option<Secret>,
}

/// Begins a session. Who it is has been proved by the caller.
///
/// # Errors
/// [`AccessError`].
pub fn begin(
    tx: &mut Tx<'_>,
    office: &Office,
    staff: &Staff,
    (browser, method): (&Browser, Method),
) -> Result<Begun, AccessError> {
    let now = office.clock().now_in_life();
    let (device, device_token) = device(tx, office, staff, browser)?;
    // The session that this browser had until now is over with its cookie (ASVS 7.2.4).
    for open in rows::open_ones(tx, office.practice(), staff.id)? {
        if open.device_id == device {
            rows::end(tx, office.practice(), (staff.id, open.id), "replaced", now)?;
        }
    }
    let token = Secret::draw("").ok_or(AccessError::Randomness)?;
    let row = SessionRow {
        id: SessionId::new(office.clock()),
        staff_id: staff.id,
        device_id: device,
        method,
        created_at: now,
        expires_at: now + LONGEST,
        proved_at: now,
        ended_at: None,
        seen_at: now,
        device_name: browser.name.clone(),
        shared: browser.shared,
    };
    rows::add(tx, office.practice(), &row, &token.digest())?;
    if method == Method::Passkey {
        rows::prove_by_passkey(tx, office.practice(), row.id, now)?;
    }
    let event = Event::new(Kind::SessionChanged, staff::actor(staff)).about(SESSION, row.id);
    audit::append(tx, office, event.code("began").code(crate::db::Word::word(&method)))?;
    Ok(Begun { id: row.id, staff: staff.id, token, device: device_token })
}

/// The browser as this person's device: known by its cookie, or registered now.
fn device(
    tx: &mut Tx<'_>,
    office: &Office,
    staff: &Staff,
    browser: &Browser,
) -> Result<(DeviceId, Option<Secret>), AccessError> {
    let practice = office.practice();
    let known = match &browser.digest {
        Some(digest) => rows::devices_by_digest(tx, practice, digest)?,
        None => Vec::new(),
    };
    let wiped = known.iter().any(|device| device.wiped_at.is_some());
    if let Some(mine) = known.iter().find(|device| device.staff_id == staff.id && !wiped) {
        if mine.shared != browser.shared {
            rows::share_device(tx, practice, mine.id, browser.shared)?;
        }
        return Ok((mine.id, None));
    }
    let row = DeviceRow {
        id: DeviceId::new(office.clock()),
        staff_id: staff.id,
        name: browser.name.clone(),
        shared: browser.shared,
        created_at: office.clock().now_in_life(),
        wiped_at: None,
    };
    // A shared station has one cookie for everybody who signs in there.
    let (digest, token) = match browser.digest.filter(|_| !known.is_empty() && !wiped) {
        Some(digest) => (digest, None),
        None => {
            let token = Secret::draw("").ok_or(AccessError::Randomness)?;
            (token.digest(), Some(token))
        }
    };
    rows::add_device(tx, practice, &row, &digest)?;
    let event = Event::new(Kind::DeviceChanged, staff::actor(staff)).about(DEVICE, row.id);
    audit::append(tx, office, event.code("registered"))?;
    Ok((row.id, token))
}

/// Somebody who is signed in, now.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub staff: Staff,
    /// By which session.
    pub session: SessionRow,
    /// The records that stand open to them in an emergency.
    pub opened: Vec<Opened>,
}

/// A second factor was given in the last five minutes. What is irreversible or far-reaching takes
/// this as an argument; only [`SignedIn::recently`] makes one.
#[derive(Debug, Clone)]
pub struct Recently(SignedIn);

impl Recently {
    /// Who.
    #[must_use]
    pub const fn signed_in(&self) -> &SignedIn {
        &self.0
    }
}

/// A passkey was given in the last five minutes: a proof that nobody can be talked out of. A record
/// is opened in an emergency with this alone (RULEBOOK §8).
#[derive(Debug, Clone)]
pub struct ByPasskey(Recently);

impl ByPasskey {
    /// The witness, where the last five minutes had one. In the demo, where nobody has keys, its link
    /// counts.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn of(
        tx: &mut Tx<'_>,
        office: &Office,
        recently: &Recently,
    ) -> Result<Option<Self>, AccessError> {
        let session = &recently.0.session;
        let at = rows::proved_by_passkey(tx, office.practice(), session.id)?;
        let now = office.clock().now_in_life();
        let fresh = at.is_some_and(|at| now.duration_since(at) < FRESH);
        Ok((fresh || session.method == Method::Demo).then(|| Self(recently.clone())))
    }

    /// Who.
    #[must_use]
    pub const fn signed_in(&self) -> &SignedIn {
        self.0.signed_in()
    }
}

impl SignedIn {
    /// The witness, while it is fresh.
    #[must_use]
    pub fn recently(&self, now: Timestamp) -> Option<Recently> {
        let fresh = now.duration_since(self.session.proved_at) < FRESH;
        fresh.then(|| Recently(self.clone()))
    }

    /// As the policies see them before one patient's record: where they opened it in an emergency,
    /// with the reason.
    #[must_use]
    pub fn before(&self, patient: Option<PatientId>) -> Principal {
        let principal = Principal::from(&self.staff);
        match self.opened.iter().find(|opened| Some(opened.patient) == patient) {
            Some(opened) => principal.in_emergency(opened.reason),
            None => principal,
        }
    }

    /// The actor in the audit log: role, session, and how they came in.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let method = crate::db::Word::word(&self.session.method);
        staff::actor(&self.staff).in_session(format!("{method} {}", self.session.id))
    }
}

/// What a browser's cookies are worth now.
#[derive(Debug, Clone)]
pub enum Standing {
    /// Nothing: sign in.
    Nobody,
    /// The browser was wiped from afar: it must forget everything.
    Wiped,
    /// Idle for too long: the second factor opens it again.
    Locked(Box<SignedIn>),
    /// Somebody.
    Good(Box<SignedIn>),
}

/// What these cookies are worth now.
///
/// # Errors
/// [`AccessError`].
pub fn standing(
    tx: &mut Tx<'_>,
    office: &Office,
    (session, device): (Option<&[u8; 32]>, Option<&[u8; 32]>),
) -> Result<Standing, AccessError> {
    let practice = office.practice();
    let now = office.clock().now_in_life();
    if let Some(digest) = device {
        let devices = rows::devices_by_digest(tx, practice, digest)?;
        if devices.iter().any(|device| device.wiped_at.is_some()) {
            return Ok(Standing::Wiped);
        }
    }
    let Some(digest) = session else { return Ok(Standing::Nobody) };
    let found = rows::by_digest(tx, practice, digest)?;
    let Some(session) = found.filter(|row| row.ended_at.is_none() && now < row.expires_at) else {
        return Ok(Standing::Nobody);
    };
    let Some(row) = staff_rows::get(tx, practice, session.staff_id)? else {
        return Ok(Standing::Nobody);
    };
    if row.disabled_at.is_some() {
        return Ok(Standing::Nobody);
    }
    let locked = is_locked(&session, now);
    let opened = break_glass::opened_in(tx, office, (session.id, now))?;
    let signed_in = Box::new(SignedIn { staff: staff::open(office, row)?, session, opened });
    Ok(if locked { Standing::Locked(signed_in) } else { Standing::Good(signed_in) })
}

/// Whether a session was left for too long.
#[must_use]
pub fn is_locked(session: &SessionRow, now: Timestamp) -> bool {
    let idle = if session.shared { IDLE_SHARED } else { IDLE };
    now.duration_since(session.seen_at) >= idle
}

/// Whether the last use is old enough to be written down again.
#[must_use]
pub fn wants_to_be_seen(session: &SessionRow, now: Timestamp) -> bool {
    now.duration_since(session.seen_at) >= SEEN_EVERY
}

/// The session was used now, unless it locked meanwhile.
///
/// # Errors
/// [`AccessError`].
pub fn see(tx: &mut Tx<'_>, office: &Office, id: SessionId) -> Result<(), AccessError> {
    Ok(rows::see(tx, office.practice(), id, office.clock().now_in_life())?)
}

/// Locks a session at once: somebody leaves the desk.
///
/// # Errors
/// [`AccessError`].
pub fn lock(tx: &mut Tx<'_>, office: &Office, signed_in: &SignedIn) -> Result<(), AccessError> {
    let long_ago = office.clock().now_in_life() - IDLE;
    rows::see(tx, office.practice(), signed_in.session.id, long_ago)?;
    let event = Event::new(Kind::SessionChanged, signed_in.actor());
    audit::append(tx, office, event.about(SESSION, signed_in.session.id).code("locked"))?;
    Ok(())
}

/// Somebody proved again who they are, by a passkey: the lock opens, and for five minutes more is
/// allowed.
///
/// # Errors
/// [`AccessError`].
pub fn prove(
    tx: &mut Tx<'_>,
    office: &Office,
    signed_in: &SignedIn,
    how: &'static str,
) -> Result<(), AccessError> {
    let now = office.clock().now_in_life();
    let id = signed_in.session.id;
    rows::prove(tx, office.practice(), id, now)?;
    rows::see(tx, office.practice(), id, now)?;
    pin::forget_tries(tx, office.practice(), id)?;
    let event = Event::new(Kind::SessionChanged, signed_in.actor()).about(SESSION, id);
    audit::append(tx, office, event.code("proved").code(how))?;
    Ok(())
}

/// The second factor somebody typed, if it is one of theirs; it is used up. The answer is the word
/// for what it was.
///
/// # Errors
/// [`AccessError`].
pub(super) fn take_factor(
    tx: &mut Tx<'_>,
    office: &Office,
    staff: StaffId,
    typed: &str,
) -> Result<Option<&'static str>, AccessError> {
    let practice = office.practice();
    let now = office.clock().now_in_life();
    if let Some(sealed) = credential::secret(tx, practice, staff)?.and_then(|row| row.totp_sealed) {
        let shared = staff::open_totp(office, staff, sealed)?;
        if let Some(step) = totp::step_of(&shared, typed, now)
            && credential::use_step(tx, practice, staff, step)?
        {
            return Ok(Some("code"));
        }
    }
    Ok(recovery_codes::take(tx, office, staff, typed)?.then_some("recovery_code"))
}

/// Ends one of somebody's sessions. False where there was none open.
///
/// # Errors
/// [`AccessError`].
pub fn end(
    tx: &mut Tx<'_>,
    office: &Office,
    (staff, id): (StaffId, SessionId),
    (why, by): (&'static str, Actor),
) -> Result<bool, AccessError> {
    let now = office.clock().now_in_life();
    let ended = rows::end(tx, office.practice(), (staff, id), why, now)?;
    if ended {
        let event = Event::new(Kind::SessionChanged, by).about(SESSION, id).code("ended").code(why);
        audit::append(tx, office, event)?;
    }
    Ok(ended)
}

/// Ends all of somebody's sessions; the caller's entry records it.
///
/// # Errors
/// [`AccessError`].
pub(super) fn end_all(
    tx: &mut Tx<'_>,
    office: &Office,
    staff: StaffId,
    why: &'static str,
) -> Result<(), AccessError> {
    let now = office.clock().now_in_life();
    for open in rows::open_ones(tx, office.practice(), staff)? {
        rows::end(tx, office.practice(), (staff, open.id), why, now)?;
    }
    Ok(())
}

/// Wipes one of somebody's devices from afar: every session in it ends, what was kept for it goes,
/// and its next contact is told to forget everything (SPEC LC-02). The answer is every device that
/// was this browser's; none where they have no such device. Their keys are the caller's to destroy
/// ([`devices::wipe`](super::devices::wipe)).
///
/// # Errors
/// [`AccessError`].
pub(super) fn wipe(
    tx: &mut Tx<'_>,
    office: &Office,
    (staff, device): (StaffId, DeviceId),
    by: Actor,
) -> Result<Vec<DeviceId>, AccessError> {
    let practice = office.practice();
    let now = office.clock().now_in_life();
    let mut wiped = Vec::new();
    let Some(digest) = rows::digest_of_device(tx, practice, (staff, device))? else {
        return Ok(wiped);
    };
    let digest: [u8; 32] = digest.try_into().map_err(|_| seal::SealError::Altered)?;
    // The cookie is the browser's: whoever else signed in there is out too.
    for row in rows::devices_by_digest(tx, practice, &digest)? {
        rows::wipe(tx, practice, row.id, now)?;
        draft::remove_of_device(tx, practice, row.id)?;
        wiped.push(row.id);
        for open in rows::open_ones(tx, practice, row.staff_id)? {
            if open.device_id == row.id {
                rows::end(tx, practice, (row.staff_id, open.id), "wiped", now)?;
            }
        }
    }
    let event = Event::new(Kind::DeviceChanged, by).about(DEVICE, device).code("wiped");
    audit::append(tx, office, event)?;
    Ok(wiped)
}

/// New recovery codes for somebody who just proved who they are; the old ones are worth nothing.
///
/// # Errors
/// [`AccessError`].
pub fn new_recovery_codes(
    tx: &mut Tx<'_>,
    office: &Office,
    recently: &Recently,
) -> Result<Vec<Zeroizing<String>>, AccessError> {
    let who = recently.signed_in();
    let codes = recovery_codes::replace(tx, office, who.staff.id)?;
    let event = Event::new(Kind::CredentialChanged, who.actor())
        .about(crate::db::registry::STAFF, who.staff.id)
        .code("recovery_codes");
    audit::append(tx, office, event)?;
    Ok(codes)
}
