//! Passkeys: nothing to type, nothing to phish (WebAuthn level 3; NIST SP 800-63B-4 §3.1.7). The
//! browser finds the key by itself, so nobody types a name and nobody learns whether one exists.
//!
//! Between question and answer a ceremony lies sealed in the database, so that any node may finish
//! it; it is taken out once. A crash leaves a ceremony that expires.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use super::error::AccessError;
use super::sessions::{self, Begun, Browser, Recently, SignedIn};
use super::staff::{self, Staff};
use super::tokens::Secret;
use crate::audit::{self, Actor, Event, Kind, Outcome};
use crate::db::credential::{self as rows, PasskeyRow};
use crate::db::registry::PASSKEY;
use crate::db::session::{self as session_rows, Method};
use crate::db::{Tx, registry};
use crate::ids::{Id as _, PasskeyId, StaffId};
use crate::office::Office;

/// How long a ceremony may take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// Makes and checks passkeys for the pages at one origin. `Debug` shows the origin.
#[derive(Clone)]
pub struct Passkeys {
    webauthn: std::sync::Arc<Webauthn>,
    origin: Url,
}

impl std::fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Passkeys({})", self.origin)
    }
}

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

/// What a browser is asked: the options for its `navigator.credentials`, and the ceremony's name
/// to be sent back with the answer.
#[derive(Debug, Serialize)]
pub struct Question {
    /// The ceremony.
    pub ceremony: String,
    /// For the browser.
    pub options: Value,
}

impl Passkeys {
    /// For pages at this origin; none for one that passkeys cannot belong to (an address without a
    /// name, or plain HTTP to another machine).
    #[must_use]
    pub fn at(origin: &Url, practice: &str) -> Option<Self> {
        let host = origin.domain()?;
        let secure = origin.scheme() == "https" || host == "localhost";
        let builder = WebauthnBuilder::new(host, origin).ok().filter(|_| secure)?;
        let webauthn = builder.rp_name(practice).build().ok()?;
        Some(Self { webauthn: std::sync::Arc::new(webauthn), origin: origin.clone() })
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
        let exclude = there.iter().map(|(_, key)| key.cred_id().clone()).collect();
        let (question, state) = self
            .webauthn
            .start_passkey_registration(
                staff.id.0,
                &staff.named.email,
                &staff.named.name,
                Some(exclude),
            )
            .map_err(|_| AccessError::Randomness)?;
        let mut options = serde_json::to_value(question).unwrap_or_default();
        // Found by the browser without a name being typed (WebAuthn §5.4.4).
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
            *selection = serde_json::json!({
                "residentKey": "required", "requireResidentKey": true,
                "userVerification": "required",
            });
        }
        let ceremony = ask(tx, office, &Asked::Make { staff: staff.id, state })?;
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
        let Some(Asked::Make { staff: whose, state }) = asked(tx, office, &answer.ceremony)? else {
            return Err(AccessError::Wrong);
        };
        let made: RegisterPublicKeyCredential =
            serde_json::from_value(answer.credential.clone()).map_err(|_| AccessError::Wrong)?;
        if whose != staff {
            return Err(AccessError::Wrong);
        }
        let key = self.webauthn.finish_passkey_registration(&made, &state);
        let key = key.map_err(|_| AccessError::Wrong)?;
        Ok(Made { key, name: browser.name.clone() })
    }

    /// Asks a browser for any passkey of this practice.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn ask_to_use(&self, tx: &mut Tx<'_>, office: &Office) -> Result<Question, AccessError> {
        let (question, state) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(|_| AccessError::Randomness)?;
        let mut options = serde_json::to_value(question).unwrap_or_default();
        // Somebody pressed a button: the browser asks at once.
        if let Some(map) = options.as_object_mut() {
            map.remove("mediation");
        }
        let ceremony = ask(tx, office, &Asked::Use { state })?;
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
        let Some(Asked::Use { state }) = asked(tx, office, &answer.ceremony)? else {
            return Ok(None);
        };
        let given = serde_json::from_value::<PublicKeyCredential>(answer.credential.clone());
        let Ok(given) = given else { return Ok(None) };
        let Ok((id, key_id)) = self.webauthn.identify_discoverable_authentication(&given) else {
            return Ok(None);
        };
        let staff = staff::get(tx, office, StaffId(id))?;
        let Some(staff) = staff.filter(|staff| staff.disabled_at.is_none()) else {
            return Ok(None);
        };
        let keys = keys_of(tx, office, staff.id)?;
        let named = keys.into_iter().find(|(_, key)| key.cred_id().as_slice() == key_id);
        let Some((mut row, mut key)) = named else { return Ok(None) };
        let used = self.webauthn.finish_discoverable_authentication_v2(&given, state, &key);
        let Ok(result) = used else { return Ok(None) };
        if !result.user_verified() {
            return Ok(None);
        }
        key.update_credential(&result);
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

/// What a browser answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The ceremony.
    pub ceremony: String,
    /// What `navigator.credentials` gave.
    pub credential: Value,
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

fn ask(tx: &mut Tx<'_>, office: &Office, asked: &Asked) -> Result<String, AccessError> {
    let name = Secret::draw("").ok_or(AccessError::Randomness)?;
    let plain = serde_json::to_vec(asked).unwrap_or_default();
    let now = office.clock().now_in_life();
    let sealed = seal_ceremony(office, &name.digest(), &plain)?;
    session_rows::add_ceremony(
        tx,
        office.practice(),
        &name.digest(),
        (&sealed, now, now + PATIENCE),
    )?;
    Ok(name.reveal().to_owned())
}

fn asked(tx: &mut Tx<'_>, office: &Office, name: &str) -> Result<Option<Asked>, AccessError> {
    let digest = super::tokens::digest_of(name);
    let now = office.clock().now_in_life();
    let taken = session_rows::take_ceremony(tx, office.practice(), &digest, now)?;
    let Some(sealed) = taken else { return Ok(None) };
    let plain = open_ceremony(office, &digest, sealed)?;
    Ok(serde_json::from_slice(&plain).ok())
}

/// Nobody's yet, so sealed under the month's key.
fn seal_ceremony(office: &Office, digest: &[u8; 32], plain: &[u8]) -> Result<Vec<u8>, AccessError> {
    let (practice, row) = (office.practice().to_string(), hex::encode(digest));
    let buckets = office.buckets(office.clock().now());
    let month = buckets.map_err(|_| seal::SealError::Altered)?.retention;
    let sealed = office.keys().seal_for_month(month, &place(&practice, &row), plain)?;
    Ok(sealed.into_bytes())
}

fn open_ceremony(
    office: &Office,
    digest: &[u8; 32],
    sealed: Vec<u8>,
) -> Result<zeroize::Zeroizing<Vec<u8>>, AccessError> {
    let (practice, row) = (office.practice().to_string(), hex::encode(digest));
    let sealed = seal::Sealed::from_bytes(sealed);
    Ok(office.keys().open_value(&place(&practice, &row), &sealed)?)
}

const fn place<'a>(practice: &'a str, row: &'a str) -> seal::Place<'a> {
    seal::Place { practice, table: registry::CEREMONY.name(), row, column: "state" }
}
