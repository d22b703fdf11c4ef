//! Passkeys of those who work here: nothing to type, nothing to phish (WebAuthn level 3; NIST SP
//! 800-63B-4 §3.1.7). The browser finds the key by itself, so nobody types a name and nobody learns
//! whether one exists.

use serde::{Deserialize, Serialize};
use url::Url;
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey, PasskeyRegistration};

use super::ceremonies::{self, Account, Ceremonies, Used};
use super::error::AccessError;
use super::sessions::{self, Begun, Browser, Recently, SignedIn};
use super::staff::{self, Staff};
use crate::audit::{self, Actor, Event, Kind, Outcome};
use crate::db::Tx;
use crate::db::credential::{self as rows, PasskeyRow};
use crate::db::registry::PASSKEY;
use crate::db::session::{self as session_rows, Method};
use crate::ids::{Id as _, PasskeyId, StaffId};
use crate::office::Office;

pub use super::ceremonies::{Answer, Question};

/// Makes and checks passkeys for the console at one origin.
#[derive(Debug, Clone)]
pub struct Passkeys(Ceremonies);

/// A passkey as it is kept, sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: Passkey,
}

/// A passkey that a browser has made and we have checked, not yet stored.
#[derive(Debug, Clone)]
pub struct Made {
    key: Passkey,
    /// The browser it was made with.
    pub name: String,
}

/// The state of a ceremony, as it is sealed.
#[derive(Serialize, Deserialize)]
enum Asked {
    Make { staff: StaffId, state: PasskeyRegistration },
    Use { state: DiscoverableAuthentication },
}

impl Passkeys {
    /// For pages at this origin; none for one that passkeys cannot belong to.
    #[must_use]
    pub fn at(origin: &Url, practice: &str) -> Option<Self> {
        Ceremonies::at(origin, practice).map(Self)
    }

    /// Asks a browser to make a passkey for somebody.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn ask_to_make(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        staff: &Staff,
    ) -> Result<Question, AccessError> {
        let there = keys_of(tx, office, staff.id)?;
        let account = Account {
            handle: staff.id.0,
            name: &staff.named.email,
            display_name: &staff.named.name,
        };
        let (options, state) = self.0.make(&account, there.iter().map(|(_, key)| key))?;
        let ceremony = ceremonies::keep(tx, office, &Asked::Make { staff: staff.id, state })?;
        Ok(Question { ceremony, options })
    }

    /// Checks what the browser made.
    ///
    /// # Errors
    /// [`AccessError::Wrong`].
    pub fn made(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        staff: StaffId,
        (answer, browser): (&Answer, &Browser),
    ) -> Result<Made, AccessError> {
        let asked: Option<Asked> = ceremonies::take(tx, office, &answer.ceremony)?;
        let Some(Asked::Make { staff: whose, state }) = asked else {
            return Err(AccessError::Wrong);
        };
        if whose != staff {
            return Err(AccessError::Wrong);
        }
        let key = self.0.made(&answer.credential, &state).ok_or(AccessError::Wrong)?;
        Ok(Made { key, name: browser.name.clone() })
    }

    /// Asks a browser for any passkey of this practice.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn ask_to_use(&self, tx: &mut Tx<'_>, office: &Office) -> Result<Question, AccessError> {
        let (options, state) = self.0.use_any()?;
        let ceremony = ceremonies::keep(tx, office, &Asked::Use { state })?;
        Ok(Question { ceremony, options })
    }

    /// Whose passkey answered. None, with the refusal recorded, where it does not fit.
    fn used(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        answer: &Answer,
    ) -> Result<Option<Staff>, AccessError> {
        let staff = self.checked(tx, office, answer)?;
        if staff.is_none() {
            let event = Event::new(Kind::AccessRefused, Actor::service("sign_in"))
                .outcome(Outcome::Refused)
                .code("passkey");
            audit::append(tx, office, event)?;
        }
        Ok(staff)
    }

    fn checked(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        answer: &Answer,
    ) -> Result<Option<Staff>, AccessError> {
        let asked: Option<Asked> = ceremonies::take(tx, office, &answer.ceremony)?;
        let Some(Asked::Use { state }) = asked else { return Ok(None) };
        let Some(named) = self.0.named(&answer.credential) else { return Ok(None) };
        let staff = staff::get(tx, office, StaffId(named.handle))?;
        let Some(staff) = staff.filter(|staff| staff.disabled_at.is_none()) else {
            return Ok(None);
        };
        let keys = keys_of(tx, office, staff.id)?;
        let there = keys.into_iter().find(|(_, key)| named.is(key));
        let Some((mut row, mut key)) = there else { return Ok(None) };
        if self.0.used(&named, state, &mut key) != Used::Fits {
            return Ok(None);
        }
        row.key_sealed = seal(office, row.staff_id, key)?;
        row.used_at = Some(office.clock().now_in_life());
        rows::put_passkey(tx, office.practice(), &row)?;
        let event = Event::new(Kind::CredentialChanged, staff::actor(&staff));
        audit::append(tx, office, event.about(PASSKEY, row.id).code("used").code("passkey"))?;
        Ok(Some(staff))
    }

    /// Signs in whoever's passkey answered.
    ///
    /// # Errors
    /// [`AccessError`]; none in the answer where it does not fit.
    pub fn sign_in(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        (answer, browser): (&Answer, &Browser),
    ) -> Result<Option<Begun>, AccessError> {
        let Some(staff) = self.used(tx, office, answer)? else { return Ok(None) };
        sessions::begin(tx, office, &staff, (browser, Method::Passkey)).map(Some)
    }

    /// Opens a locked session, or proves again who somebody is, by a passkey of the same person.
    ///
    /// # Errors
    /// [`AccessError`]; false where it does not fit.
    pub fn prove(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        (who, answer): (&SignedIn, &Answer),
    ) -> Result<bool, AccessError> {
        let Some(staff) = self.used(tx, office, answer)? else { return Ok(false) };
        if staff.id != who.staff.id {
            return Ok(false);
        }
        sessions::prove(tx, office, who, "passkey")?;
        let now = office.clock().now_in_life();
        session_rows::prove_by_passkey(tx, office.practice(), who.session.id, now)?;
        Ok(true)
    }
}

/// Stores a passkey; the caller's entry records it.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    staff: StaffId,
    made: &Made,
) -> Result<PasskeyId, AccessError> {
    let id = PasskeyId::new(office.clock());
    let row = PasskeyRow {
        id,
        staff_id: staff,
        key_sealed: seal(office, staff, made.key.clone())?,
        name: made.name.clone(),
        created_at: office.clock().now_in_life(),
        used_at: None,
        ended_at: None,
    };
    rows::put_passkey(tx, office.practice(), &row)?;
    Ok(id)
}

/// One more passkey for somebody who just proved who they are.
///
/// # Errors
/// [`AccessError`].
pub fn add(
    tx: &mut Tx<'_>,
    office: &Office,
    (recently, made): (&Recently, &Made),
) -> Result<PasskeyId, AccessError> {
    let who = recently.signed_in();
    let id = keep(tx, office, who.staff.id, made)?;
    let event = Event::new(Kind::CredentialChanged, who.actor()).about(PASSKEY, id);
    audit::append(tx, office, event.code("passkey_added"))?;
    Ok(id)
}

/// Removes one of somebody's passkeys. False where they have no such key.
///
/// # Errors
/// [`AccessError::NotNow`] for the last one of somebody whose role needs one, or who has no
/// password beside it.
pub fn remove(
    tx: &mut Tx<'_>,
    office: &Office,
    (recently, id): (&Recently, PasskeyId),
) -> Result<bool, AccessError> {
    let who = recently.signed_in();
    let (practice, staff) = (office.practice(), &who.staff);
    let all = rows::passkeys(tx, practice, staff.id)?;
    let Some(mut row) = all.iter().find(|row| row.id == id).cloned() else { return Ok(false) };
    let secret = rows::secret(tx, practice, staff.id)?;
    let password = secret.is_some_and(|secret| secret.password_sealed.is_some());
    if all.len() == 1 && (staff.roles.need_passkey() || !password) {
        return Err(AccessError::NotNow("it is the only way you have in: add another first"));
    }
    row.ended_at = Some(office.clock().now_in_life());
    rows::put_passkey(tx, practice, &row)?;
    let event = Event::new(Kind::CredentialChanged, who.actor()).about(PASSKEY, id);
    audit::append(tx, office, event.code("passkey_removed"))?;
    Ok(true)
}

/// From now on none of them is good; the caller's entry records it.
pub(super) fn end_all(tx: &mut Tx<'_>, office: &Office, staff: StaffId) -> Result<(), AccessError> {
    for mut row in rows::passkeys(tx, office.practice(), staff)? {
        row.ended_at = Some(office.clock().now_in_life());
        rows::put_passkey(tx, office.practice(), &row)?;
    }
    Ok(())
}

fn keys_of(
    tx: &mut Tx<'_>,
    office: &Office,
    staff: StaffId,
) -> Result<Vec<(PasskeyRow, Passkey)>, AccessError> {
    let all = rows::passkeys(tx, office.practice(), staff)?;
    all.into_iter()
        .map(|row| {
            let plain = staff::open_place(office, staff, "passkey", row.key_sealed.clone())?;
            let kept: Kept =
                serde_json::from_slice(&plain).map_err(|_| seal::SealError::Altered)?;
            Ok((row, kept.key))
        })
        .collect()
}

fn seal(office: &Office, staff: StaffId, key: Passkey) -> Result<Vec<u8>, AccessError> {
    let plain = serde_json::to_vec(&Kept { key }).unwrap_or_default();
    staff::seal_place(office, staff, "passkey", &plain)
}
