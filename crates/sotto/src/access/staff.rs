//! People who work here: invited by link, given roles, disabled the day they leave. An id is never
//! given to anybody else; names and mailboxes are sealed (45 CFR 164.308(a)(3), 164.312(a)(2)(i)).
//!
//! Accepting an invitation sets everything somebody proves themselves with, and ends what was
//! there before: an invitation sent again is how a locked-out person comes back. A crash leaves an
//! invitation that is either open or accepted.

use std::fmt;

use gate::EmailAddress;
use jiff::{SignedDuration, Timestamp};
use seal::{Place, Sealed};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::AccessError;
use super::passwords::{Hash, Password};
use super::roles::{Role, Roles};
use super::tokens::Secret;
use super::{recovery_codes, sessions, totp, training};
use crate::audit::{self, Actor, Event, Kind};
use crate::db::credential::{self, SecretRow};
use crate::db::registry::STAFF;
use crate::db::staff::{self as rows, InviteRow, StaffRow};
use crate::db::{Tx, pin, site};
use crate::ids::{Id as _, SiteId, StaffId};
use crate::office::Office;

/// How long a link is good.
pub const INVITED_FOR: SignedDuration = SignedDuration::from_hours(72);

/// What the first administrator signs in as; a passkey asks for no name.
const FIRST: &str = "first-administrator@localhost.invalid";

/// Who somebody is. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// As colleagues see it.
    pub name: String,
    /// The mailbox they sign in with.
    pub email: String,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Named(…)")
    }
}

/// Somebody who works here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// Their id.
    pub id: StaffId,
    /// Who they are.
    pub named: Named,
    /// What they do here.
    pub roles: Roles,
    /// Where; empty for every site.
    pub sites: Vec<SiteId>,
    /// When they were invited first.
    pub created_at: Timestamp,
    /// Since when they may not come in.
    pub disabled_at: Option<Timestamp>,
}

/// Somebody to be invited.
#[derive(Debug, Clone)]
pub struct NewStaff {
    /// Name.
    pub name: String,
    /// The mailbox they will sign in with.
    pub email: String,
    /// What they will do.
    pub roles: Roles,
    /// Where; empty for every site.
    pub sites: Vec<SiteId>,
}

/// Invites somebody: the secret belongs into the link `/invite/…`, once, for [`INVITED_FOR`].
///
/// # Errors
/// [`AccessError::Field`] for a name or mailbox that is none, or is here already.
pub fn invite(
    tx: &mut Tx<'_>,
    office: &Office,
    new: &NewStaff,
    by: Actor,
) -> Result<(StaffId, Secret), AccessError> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return Err(AccessError::field("name", "must be 1 to 80 characters"));
    }
    let email = mailbox(&new.email)?;
    let index = name_index(office, &email);
    if rows::by_name(tx, office.practice(), &index)?.is_some() {
        return Err(AccessError::field(
            "email",
            "is somebody's here already; `sotto staff list` shows whose, and an invitation can be \
             sent again",
        ));
    }
    are_ours(tx, office, &new.sites)?;
    let id = StaffId::new(office.clock());
    let now = office.clock().now_in_life();
    let named = Named { name: name.to_owned(), email };
    let row = StaffRow {
        id,
        person_sealed: seal_named(office, id, &named)?,
        name_index: index.to_vec(),
        roles: new.roles.to_row(),
        sites: sites_to_row(&new.sites),
        created_at: now,
        disabled_at: None,
        updated_at: now,
    };
    rows::put(tx, office.practice(), &row)?;
    let secret = link_for(tx, office, id)?;
    audit::append(tx, office, Event::new(Kind::StaffChanged, by).about(STAFF, id).code("invited"))?;
    Ok((id, secret))
}

/// Invites the first administrator, where nobody is here yet. They are called so until they change
/// it; of two nodes that start at once, one invites.
///
/// # Errors
/// [`AccessError`].
pub fn invite_first(tx: &mut Tx<'_>, office: &Office) -> Result<Option<Secret>, AccessError> {
    if !rows::list(tx, office.practice())?.is_empty() {
        return Ok(None);
    }
    let new = NewStaff {
        name: "First administrator".to_owned(),
        email: FIRST.to_owned(),
        roles: Roles::from_row(Role::Administrator.as_str()),
        sites: Vec::new(),
    };
    invite(tx, office, &new, Actor::service("serve")).map(|(_, secret)| Some(secret))
}

/// A new link for somebody who is here; older ones are worth nothing from now on.
///
/// # Errors
/// [`AccessError::NoSuchStaff`], [`AccessError::NotNow`] for one who is disabled.
pub fn invite_again(
    tx: &mut Tx<'_>,
    office: &Office,
    id: StaffId,
    by: Actor,
) -> Result<Secret, AccessError> {
    let staff = get(tx, office, id)?.ok_or(AccessError::NoSuchStaff)?;
    if staff.disabled_at.is_some() {
        return Err(AccessError::NotNow("they are disabled: enable them first"));
    }
    let secret = link_for(tx, office, id)?;
    let event = Event::new(Kind::StaffChanged, by).about(STAFF, id).code("invited_again");
    audit::append(tx, office, event)?;
    Ok(secret)
}

fn link_for(tx: &mut Tx<'_>, office: &Office, id: StaffId) -> Result<Secret, AccessError> {
    let practice = office.practice();
    let now = office.clock().now_in_life();
    for open in rows::open_invites(tx, practice, id)? {
        rows::use_invite(tx, practice, open, now)?;
    }
    let secret = Secret::draw("").ok_or(AccessError::Randomness)?;
    let row = InviteRow {
        id: office.clock().new_id(),
        staff_id: id,
        created_at: now,
        expires_at: now + INVITED_FOR,
        used_at: None,
    };
    rows::add_invite(tx, practice, &row, &secret.digest())?;
    Ok(secret)
}

/// Somebody with an open invitation in hand.
#[derive(Debug, Clone)]
pub struct Invited {
    /// Who.
    pub staff: Staff,
    /// The invitation.
    pub invite: uuid::Uuid,
    /// What their generator app will share with us, if they choose a password.
    pub totp: totp::Shared,
}

/// Whose invitation this is, if it is good now.
///
/// # Errors
/// [`AccessError`].
pub fn invited(
    tx: &mut Tx<'_>,
    office: &Office,
    secret_digest: &[u8; 32],
) -> Result<Option<Invited>, AccessError> {
    let now = office.clock().now_in_life();
    let found = rows::invite_by_digest(tx, office.practice(), secret_digest)?;
    let Some(row) = found.filter(|row| row.used_at.is_none() && now < row.expires_at) else {
        return Ok(None);
    };
    let Some(staff) = get(tx, office, row.staff_id)?.filter(|s| s.disabled_at.is_none()) else {
        return Ok(None);
    };
    Ok(Some(Invited { staff, invite: row.id, totp: totp_of(office, secret_digest) }))
}

/// The generator's secret for one invitation: derived, so that looking at the page writes nothing
/// and looking again shows the same.
fn totp_of(office: &Office, secret_digest: &[u8; 32]) -> totp::Shared {
    let derived = office.keys().content_hash("invited totp", secret_digest);
    let mut shared = Zeroizing::new([0; 20]);
    for (to, from) in shared.iter_mut().zip(derived) {
        *to = from;
    }
    shared
}

/// What an invited person set up with.
pub enum Proof {
    /// A password, hashed already, and the step of the first code of their generator.
    Password {
        /// The hash.
        hash: Hash,
        /// The step.
        step: i64,
    },
    /// A passkey, made already; see [`super::passkeys`].
    Passkey(Box<super::passkeys::Made>),
}

/// Accepts an invitation: everything somebody proved themselves with before is over, and so are
/// their sessions. The answer is their recovery codes, shown once.
///
/// # Errors
/// [`AccessError::Invite`] where it was accepted meanwhile; [`AccessError::NotNow`] for a password
/// where a role needs a passkey, and for who begins without [`training`].
pub fn accept(
    tx: &mut Tx<'_>,
    office: &Office,
    invited: &Invited,
    proof: &Proof,
) -> Result<Vec<Zeroizing<String>>, AccessError> {
    let (practice, id) = (office.practice(), invited.staff.id);
    let now = office.clock().now_in_life();
    if !rows::use_invite(tx, practice, invited.invite, now)? {
        return Err(AccessError::Invite);
    }
    // Who comes back has what they had; who begins was trained.
    if credential::secret(tx, practice, id)?.is_none() {
        training::check(tx, office, id)?;
    }
    super::passkeys::end_all(tx, office, id)?;
    pin::remove(tx, practice, id)?;
    sessions::end_all(tx, office, id, "invited_again")?;
    let (row, word) = match proof {
        Proof::Password { .. } if invited.staff.roles.need_passkey() => {
            return Err(AccessError::NotNow("this role signs in with a passkey"));
        }
        Proof::Password { hash, step } => (
            SecretRow {
                password_sealed: Some(seal_hash(office, id, hash)?),
                password_set_at: Some(now),
                totp_sealed: Some(seal_totp(office, id, &invited.totp)?),
                totp_step: *step,
            },
            "accepted_with_password",
        ),
        Proof::Passkey(made) => {
            super::passkeys::keep(tx, office, id, made)?;
            (SecretRow::default(), "accepted_with_passkey")
        }
    };
    credential::put_secret(tx, practice, id, &row)?;
    let codes = recovery_codes::replace(tx, office, id)?;
    let by = actor(&invited.staff);
    audit::append(tx, office, Event::new(Kind::CredentialChanged, by).about(STAFF, id).code(word))?;
    Ok(codes)
}

/// Chooses a password for an invited person.
///
/// # Errors
/// [`AccessError::Field`].
pub fn choose_password(
    office: &Office,
    staff: &Staff,
    typed: &str,
) -> Result<Password, AccessError> {
    let mut own = vec![office.profile().display_name.clone(), staff.named.name.clone()];
    own.extend(staff.named.name.split_whitespace().map(str::to_owned));
    own.extend(staff.named.email.split(['@', '.']).map(str::to_owned));
    Password::chosen(typed, &own)
}

/// Gives somebody other roles, at once.
///
/// # Errors
/// [`AccessError::NotNow`] for the last administrator, for a role that needs a passkey where they
/// have none, and without [`training`].
pub fn set_roles(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, roles): (StaffId, &Roles),
    by: Actor,
) -> Result<(), AccessError> {
    let mut row = rows::get(tx, office.practice(), id)?.ok_or(AccessError::NoSuchStaff)?;
    if !roles.has(Role::Administrator) {
        another_administrator(tx, office, id)?;
    }
    training::check(tx, office, id)?;
    let has_secret = credential::secret(tx, office.practice(), id)?.is_some();
    if roles.need_passkey()
        && has_secret
        && credential::passkeys(tx, office.practice(), id)?.is_empty()
    {
        return Err(AccessError::NotNow(
            "administrators, privacy officers and key custodians sign in with a passkey: have them \
             add one on their own page first",
        ));
    }
    row.roles = roles.to_row();
    row.updated_at = office.clock().now_in_life();
    rows::put(tx, office.practice(), &row)?;
    let mut event = Event::new(Kind::StaffChanged, by).about(STAFF, id).code("roles");
    for role in roles.iter() {
        event = event.code(role.as_str());
    }
    audit::append(tx, office, event)?;
    Ok(())
}

/// Says at which sites somebody works, at once; none for every site.
///
/// # Errors
/// [`AccessError::Field`] for a site of somebody else's.
pub fn set_sites(
    tx: &mut Tx<'_>,
    office: &Office,
    (id, sites): (StaffId, &[SiteId]),
    by: Actor,
) -> Result<(), AccessError> {
    let mut row = rows::get(tx, office.practice(), id)?.ok_or(AccessError::NoSuchStaff)?;
    are_ours(tx, office, sites)?;
    row.sites = sites_to_row(sites);
    row.updated_at = office.clock().now_in_life();
    rows::put(tx, office.practice(), &row)?;
    let event = Event::new(Kind::StaffChanged, by).about(STAFF, id).code("sites");
    let event = match sites {
        [] => event.code("every"),
        some => some.iter().fold(event, |event, site| event.code(site.to_string())),
    };
    audit::append(tx, office, event)?;
    Ok(())
}

fn are_ours(tx: &mut Tx<'_>, office: &Office, sites: &[SiteId]) -> Result<(), AccessError> {
    for wanted in sites {
        if site::get(tx, office.practice(), *wanted)?.is_none() {
            return Err(AccessError::field("site", "is none of this practice's sites"));
        }
    }
    Ok(())
}

fn sites_to_row(sites: &[SiteId]) -> String {
    let words: Vec<String> = sites.iter().map(ToString::to_string).collect();
    words.join(" ")
}

/// Somebody may not come in any more: each of their sessions is over with this transaction, on
/// every node (45 CFR 164.308(a)(3)(ii)(C), ASVS 7.4.2).
///
/// # Errors
/// [`AccessError::NoSuchStaff`], [`AccessError::NotNow`] for the last administrator.
pub fn disable(
    tx: &mut Tx<'_>,
    office: &Office,
    id: StaffId,
    by: Actor,
) -> Result<(), AccessError> {
    let mut row = rows::get(tx, office.practice(), id)?.ok_or(AccessError::NoSuchStaff)?;
    if row.disabled_at.is_some() {
        return Ok(());
    }
    another_administrator(tx, office, id)?;
    let now = office.clock().now_in_life();
    row.disabled_at = Some(now);
    row.updated_at = now;
    rows::put(tx, office.practice(), &row)?;
    for open in rows::open_invites(tx, office.practice(), id)? {
        rows::use_invite(tx, office.practice(), open, now)?;
    }
    sessions::end_all(tx, office, id, "disabled")?;
    let event = Event::new(Kind::StaffChanged, by).about(STAFF, id).code("disabled");
    audit::append(tx, office, event)?;
    Ok(())
}

/// Somebody may come in again, with what they had.
///
/// # Errors
/// [`AccessError::NoSuchStaff`], [`AccessError::NotNow`] without [`training`].
pub fn enable(tx: &mut Tx<'_>, office: &Office, id: StaffId, by: Actor) -> Result<(), AccessError> {
    let mut row = rows::get(tx, office.practice(), id)?.ok_or(AccessError::NoSuchStaff)?;
    training::check(tx, office, id)?;
    row.disabled_at = None;
    row.updated_at = office.clock().now_in_life();
    rows::put(tx, office.practice(), &row)?;
    let event = Event::new(Kind::StaffChanged, by).about(STAFF, id).code("enabled");
    audit::append(tx, office, event)?;
    Ok(())
}

/// Somebody must be left who can invite others.
fn another_administrator(
    tx: &mut Tx<'_>,
    office: &Office,
    without: StaffId,
) -> Result<(), AccessError> {
    let admins = |row: &StaffRow| {
        row.disabled_at.is_none() && Roles::from_row(&row.roles).has(Role::Administrator)
    };
    let all = rows::list(tx, office.practice())?;
    let was_one = all.iter().any(|row| row.id == without && admins(row));
    let another = all.iter().any(|row| row.id != without && admins(row));
    if was_one && !another {
        return Err(AccessError::NotNow(
            "they are the only administrator: make somebody else one first",
        ));
    }
    Ok(())
}

/// Somebody by id.
///
/// # Errors
/// [`AccessError`].
pub fn get(tx: &mut Tx<'_>, office: &Office, id: StaffId) -> Result<Option<Staff>, AccessError> {
    rows::get(tx, office.practice(), id)?.map(|row| open(office, row)).transpose()
}

/// Somebody by the mailbox they sign in with.
///
/// # Errors
/// [`AccessError::Field`] where that is no mailbox.
pub fn by_email(
    tx: &mut Tx<'_>,
    office: &Office,
    email: &str,
) -> Result<Option<Staff>, AccessError> {
    let index = name_index(office, &mailbox(email)?);
    rows::by_name(tx, office.practice(), &index)?.map(|row| open(office, row)).transpose()
}

/// Everybody, in the order they came.
///
/// # Errors
/// [`AccessError`].
pub fn list(tx: &mut Tx<'_>, office: &Office) -> Result<Vec<Staff>, AccessError> {
    let all = rows::list(tx, office.practice())?;
    all.into_iter().map(|row| open(office, row)).collect()
}

/// The actor in the audit log; with several roles, the first.
#[must_use]
pub fn actor(staff: &Staff) -> Actor {
    Actor::staff(staff.id, staff.roles.iter().next().map_or("none", Role::as_str))
}

pub(super) fn open(office: &Office, row: StaffRow) -> Result<Staff, AccessError> {
    let plain = open_place(office, row.id, "person", row.person_sealed)?;
    let named = serde_json::from_slice(&plain).map_err(|_| seal::SealError::Altered)?;
    Ok(Staff {
        id: row.id,
        named,
        roles: Roles::from_row(&row.roles),
        sites: row.sites.split_whitespace().filter_map(|id| id.parse().ok()).collect(),
        created_at: row.created_at,
        disabled_at: row.disabled_at,
    })
}

fn mailbox(text: &str) -> Result<String, AccessError> {
    let parsed = EmailAddress::parse(text.trim())
        .map_err(|_| AccessError::field("email", "must be a mailbox such as rosa@example.org"))?;
    Ok(parsed.reveal().to_lowercase())
}

/// Under which somebody's name is found and their guesses are counted. Takes anything.
pub(super) fn name_index(office: &Office, email: &str) -> [u8; 32] {
    office.keys().blind_index("staff mailbox", email.trim().to_lowercase().as_bytes())
}

fn seal_named(office: &Office, id: StaffId, named: &Named) -> Result<Vec<u8>, AccessError> {
    // Two strings always serialize.
    seal_place(office, id, "person", &serde_json::to_vec(named).unwrap_or_default())
}

fn seal_hash(office: &Office, id: StaffId, hash: &Hash) -> Result<Vec<u8>, AccessError> {
    seal_place(office, id, "password", &serde_json::to_vec(hash).unwrap_or_default())
}

fn seal_totp(office: &Office, id: StaffId, shared: &totp::Shared) -> Result<Vec<u8>, AccessError> {
    seal_place(office, id, "totp", shared.as_slice())
}

pub(super) fn open_hash(
    office: &Office,
    id: StaffId,
    sealed: Vec<u8>,
) -> Result<Hash, AccessError> {
    let plain = open_place(office, id, "password", sealed)?;
    Ok(serde_json::from_slice(&plain).map_err(|_| seal::SealError::Altered)?)
}

pub(super) fn open_totp(
    office: &Office,
    id: StaffId,
    sealed: Vec<u8>,
) -> Result<totp::Shared, AccessError> {
    let plain = open_place(office, id, "totp", sealed)?;
    let shared = plain.as_slice().try_into().map_err(|_| seal::SealError::Altered)?;
    Ok(Zeroizing::new(shared))
}

/// Sealed under a key of this person's own.
pub(super) fn seal_place(
    office: &Office,
    id: StaffId,
    column: &str,
    plain: &[u8],
) -> Result<Vec<u8>, AccessError> {
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let place = Place { practice: &practice, table: "staff", row: &row, column };
    Ok(office.keys().seal_for_patient(&row, &place, plain)?.into_bytes())
}

pub(super) fn open_place(
    office: &Office,
    id: StaffId,
    column: &str,
    sealed: Vec<u8>,
) -> Result<Zeroizing<Vec<u8>>, AccessError> {
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let place = Place { practice: &practice, table: "staff", row: &row, column };
    Ok(office.keys().open_value(&place, &Sealed::from_bytes(sealed))?)
}
