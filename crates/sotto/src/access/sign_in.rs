//! Coming in with a name, a password and a code, and opening a locked session with a code.
//!
//! In three steps, so that the slow one holds no transaction: the guess is counted and what it must
//! match is fetched; the password is hashed; the answer is given. An unknown name takes the same
//! steps, with nobody's hash. Every guess is on the audit log (ASVS 16.3.1).

use std::net::IpAddr;

use super::back_off::{self, ALARMING, Counted};
use super::error::AccessError;
use super::passwords::{Hash, Password};
use super::sessions::{self, Begun, Browser, SignedIn};
use super::staff;
use crate::audit::{self, Actor, Event, Kind, Outcome};
use crate::db::registry::{SESSION, STAFF};
use crate::db::session::{self as session_rows, Method};
use crate::db::{Db, Tx, credential, staff as rows};
use crate::ids::StaffId;
use crate::office::Office;
use tokio::sync::Semaphore;

/// So many passwords are hashed at once: each takes 19 MiB, and strangers can ask for it.
static HASHING: Semaphore = Semaphore::const_new(2);

/// What somebody typed.
#[derive(Debug)]
pub struct Typed {
    /// The mailbox they sign in with.
    pub email: String,
    /// The password.
    pub password: Password,
    /// A code of their generator, or a recovery code.
    pub code: String,
    /// In which browser.
    pub browser: Browser,
    /// From where.
    pub from: Option<IpAddr>,
}

/// A guess, counted.
struct Counting {
    counted: Counted,
    guesses: i64,
    staff: Option<StaffId>,
    hash: Hash,
}

/// Signs somebody in.
///
/// # Errors
/// [`AccessError::Wrong`], the same whatever did not match; [`AccessError::Wait`].
pub async fn by_password(db: &Db, office: &Office, typed: Typed) -> Result<Begun, AccessError> {
    let (email, known, from) = (typed.email.clone(), typed.browser.digest, typed.from);
    let its = office.clone();
    let counting = db.write(move |tx| count(tx, &its, &email, (known, from))).await?;
    let matches = matches(counting.hash.clone(), typed.password.clone()).await?;
    let its = office.clone();
    let begun = db.write(move |tx| answer(tx, &its, &counting, (matches, &typed))).await?;
    begun.ok_or(AccessError::Wrong)
}

pub(super) async fn matches(hash: Hash, password: Password) -> Result<bool, AccessError> {
    let _turn = HASHING.acquire().await.map_err(|_| AccessError::Memory)?;
    let hashed = tokio::task::spawn_blocking(move || hash.is_of(&password)).await;
    hashed.map_err(|_| AccessError::Memory)?
}

/// Hashes a password that somebody chose.
///
/// # Errors
/// [`AccessError`].
pub async fn hash(password: Password) -> Result<Hash, AccessError> {
    let _turn = HASHING.acquire().await.map_err(|_| AccessError::Memory)?;
    let hashed = tokio::task::spawn_blocking(move || Hash::of(&password)).await;
    hashed.map_err(|_| AccessError::Memory)?
}

fn count(
    tx: &mut Tx<'_>,
    office: &Office,
    email: &str,
    (device, from): (Option<[u8; 32]>, Option<IpAddr>),
) -> Result<Counting, AccessError> {
    let practice = office.practice();
    let index = staff::name_index(office, email);
    let found = rows::by_name(tx, practice, &index)?.filter(|row| row.disabled_at.is_none());
    let staff = found.map(|row| row.id);
    let devices = match &device {
        Some(digest) => session_rows::devices_by_digest(tx, practice, digest)?,
        None => Vec::new(),
    };
    let known = devices.iter().find(|row| Some(row.staff_id) == staff && row.wiped_at.is_none());
    let counted = match known {
        Some(row) => Counted::known(office, row.staff_id, row.id),
        None => Counted::stranger(office, &index, from),
    };
    let guesses = back_off::count(tx, office, &counted)?;
    // A name that nobody has asks the same of the database.
    let secret = credential::secret(tx, practice, staff.unwrap_or(StaffId(uuid::Uuid::nil())))?;
    let sealed = secret.and_then(|row| row.password_sealed);
    let hash = match (staff, sealed) {
        (Some(id), Some(sealed)) => staff::open_hash(office, id, sealed)?,
        _ => Hash::nobodys(),
    };
    Ok(Counting { counted, guesses, staff, hash })
}

/// None where something did not match; the guess is recorded all the same.
fn answer(
    tx: &mut Tx<'_>,
    office: &Office,
    counting: &Counting,
    (matches, typed): (bool, &Typed),
) -> Result<Option<Begun>, AccessError> {
    let somebody = match counting.staff.filter(|_| matches) {
        Some(id) => staff::get(tx, office, id)?,
        None => None,
    };
    // What needs a passkey does not open by a password, also not by one from before.
    let somebody =
        somebody.filter(|staff| staff.disabled_at.is_none() && !staff.roles.need_passkey());
    let mut factor = None;
    if let Some(staff) = &somebody {
        factor = sessions::take_factor(tx, office, staff.id, &typed.code)?;
    }
    let (Some(staff), Some(factor)) = (somebody, factor) else {
        refused(tx, office, counting)?;
        return Ok(None);
    };
    back_off::forget(tx, office, &counting.counted)?;
    let begun = sessions::begin(tx, office, &staff, (&typed.browser, Method::Password))?;
    let event = Event::new(Kind::CredentialChanged, staff::actor(&staff)).about(STAFF, staff.id);
    audit::append(tx, office, event.code("used").code(factor))?;
    Ok(Some(begun))
}

fn refused(tx: &mut Tx<'_>, office: &Office, counting: &Counting) -> Result<(), AccessError> {
    let mut event = Event::new(Kind::AccessRefused, Actor::service("sign_in"))
        .outcome(Outcome::Refused)
        .code("sign_in");
    if let Some(id) = counting.staff {
        event = event.about(STAFF, id);
    }
    if counting.guesses >= ALARMING {
        event = event.code("many_guesses");
        tracing::warn!(guesses = counting.guesses, "sign_in.many_guesses");
    }
    audit::append(tx, office, event)?;
    Ok(())
}

/// A code, in a session that is locked or must prove itself again. Guesses count as at the door.
///
/// # Errors
/// [`AccessError::Wrong`], [`AccessError::Wait`].
pub async fn by_code(
    db: &Db,
    office: &Office,
    signed_in: &SignedIn,
    code: &str,
) -> Result<(), AccessError> {
    let (its, who, code) = (office.clone(), signed_in.clone(), code.to_owned());
    let right = db
        .write(move |tx| {
            let office = &its;
            let counted = Counted::known(office, who.staff.id, who.session.device_id);
            let guesses = back_off::count(tx, office, &counted)?;
            let Some(how) = sessions::take_factor(tx, office, who.staff.id, &code)? else {
                let event = Event::new(Kind::AccessRefused, who.actor())
                    .outcome(Outcome::Refused)
                    .about(SESSION, who.session.id);
                audit::append(tx, office, event.code("code"))?;
                // Whoever sits here now is hardly the one who signed in.
                if guesses >= ALARMING {
                    let which = (who.staff.id, who.session.id);
                    sessions::end(tx, office, which, ("many_guesses", who.actor()))?;
                }
                return Ok::<_, AccessError>(false);
            };
            back_off::forget(tx, office, &counted)?;
            sessions::prove(tx, office, &who, how)?;
            Ok(true)
        })
        .await?;
    if right { Ok(()) } else { Err(AccessError::Wrong) }
}

/// The demo's link: in as this person, with nothing to prove. Only the demo has such links.
///
/// # Errors
/// [`AccessError`].
pub async fn by_demo_link(
    db: &Db,
    office: &Office,
    staff: StaffId,
    browser: Browser,
) -> Result<Begun, AccessError> {
    let office = office.clone();
    db.write(move |tx| {
        let staff = staff::get(tx, &office, staff)?.ok_or(AccessError::NoSuchStaff)?;
        sessions::begin(tx, &office, &staff, (&browser, Method::Demo))
    })
    .await
}
