//! The two ceremonies of WebAuthn (level 3, §7): making a passkey and using one, whoever it belongs
//! to. Staff's are in [`passkeys`](super::passkeys), patients' in
//! [`portal::phones`](crate::portal::phones).
//!
//! Between question and answer a ceremony lies sealed in the database, so that any node may finish
//! it; it is taken out once. A crash leaves a ceremony that expires.

use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use super::error::AccessError;
use super::tokens::{Secret, digest_of};
use crate::db::{Tx, registry, session as rows};
use crate::office::Office;

/// How long a ceremony may take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// Makes and checks passkeys for the pages at one origin. `Debug` shows the origin.
#[derive(Clone)]
pub struct Ceremonies {
    webauthn: std::sync::Arc<Webauthn>,
    origin: Url,
}

impl std::fmt::Debug for Ceremonies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ceremonies({})", self.origin)
    }
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

/// What a browser answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The ceremony.
    pub ceremony: String,
    /// What `navigator.credentials` gave.
    pub credential: Value,
}

/// Whom a passkey is made for, as the authenticator keeps it.
#[derive(Debug)]
pub struct Account<'a> {
    /// What it calls them.
    pub handle: Uuid,
    /// What it tells passkeys of one site apart by.
    pub name: &'a str,
    /// What it shows.
    pub display_name: &'a str,
}

/// A passkey that says whose it is, not yet checked.
#[derive(Debug)]
pub struct Named {
    given: PublicKeyCredential,
    /// What the authenticator calls its holder.
    pub handle: Uuid,
}

impl Named {
    /// Whether it says that it is this one.
    #[must_use]
    pub fn is(&self, key: &Passkey) -> bool {
        key.cred_id().as_slice() == self.given.get_credential_id()
    }
}

/// What a passkey proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// It is this one, in the hands of whoever it obeys.
    Fits,
    /// It is not.
    Not,
    /// Its counter went back: there may be a copy of it (WebAuthn §6.1.1).
    WentBack,
}

impl Ceremonies {
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

    /// The origin, as browsers write it.
    #[must_use]
    pub fn origin(&self) -> String {
        self.origin.origin().ascii_serialization()
    }

    /// What a browser needs to make a passkey, and the state to check it with. One that knows a
    /// passkey of `there` makes no second.
    ///
    /// # Errors
    /// [`AccessError::Randomness`].
    pub fn make<'a>(
        &self,
        account: &Account<'_>,
        there: impl Iterator<Item = &'a Passkey>,
    ) -> Result<(Value, PasskeyRegistration), AccessError> {
        let exclude = there.map(|key| key.cred_id().clone()).collect();
        let (question, state) = self
            .webauthn
            .start_passkey_registration(
                account.handle,
                account.name,
                account.display_name,
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
        Ok((options, state))
    }

    /// The passkey that a browser made, if it is one.
    #[must_use]
    pub fn made(&self, credential: &Value, state: &PasskeyRegistration) -> Option<Passkey> {
        let made: RegisterPublicKeyCredential = serde_json::from_value(credential.clone()).ok()?;
        self.webauthn.finish_passkey_registration(&made, state).ok()
    }

    /// What a browser needs to use any passkey of this origin, and the state to check it with. It
    /// says nothing of which there are.
    ///
    /// # Errors
    /// [`AccessError::Randomness`].
    pub fn use_any(&self) -> Result<(Value, DiscoverableAuthentication), AccessError> {
        let (question, state) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(|_| AccessError::Randomness)?;
        let mut options = serde_json::to_value(question).unwrap_or_default();
        // Somebody pressed a button: the browser asks at once.
        if let Some(map) = options.as_object_mut() {
            map.remove("mediation");
        }
        Ok((options, state))
    }

    /// Whose passkey answers, as it says.
    #[must_use]
    pub fn named(&self, credential: &Value) -> Option<Named> {
        let given: PublicKeyCredential = serde_json::from_value(credential.clone()).ok()?;
        let (handle, _) = self.webauthn.identify_discoverable_authentication(&given).ok()?;
        Some(Named { given, handle })
    }

    /// Checks it against the one that is kept, which then knows its new counter.
    #[must_use]
    pub fn used(
        &self,
        named: &Named,
        state: DiscoverableAuthentication,
        key: &mut Passkey,
    ) -> Used {
        let given = &named.given;
        match self.webauthn.finish_discoverable_authentication_v2(given, state, &*key) {
            Ok(result) if result.user_verified() => {
                key.update_credential(&result);
                Used::Fits
            }
            Err(WebauthnError::CredentialPossibleCompromise) => Used::WentBack,
            Ok(_) | Err(_) => Used::Not,
        }
    }
}

/// Keeps what the answer will be compared with. The answer is the ceremony's name.
///
/// # Errors
/// [`AccessError`].
pub fn keep(
    tx: &mut Tx<'_>,
    office: &Office,
    asked: &impl Serialize,
) -> Result<String, AccessError> {
    let name = Secret::draw("").ok_or(AccessError::Randomness)?;
    let plain = serde_json::to_vec(asked).unwrap_or_default();
    let now = office.clock().now_in_life();
    let sealed = seal(office, &name.digest(), &plain)?;
    rows::add_ceremony(tx, office.practice(), &name.digest(), (&sealed, now, now + PATIENCE))?;
    Ok(name.reveal().to_owned())
}

/// Takes it out, once; none where it is unknown, used, over, or of another kind.
///
/// # Errors
/// [`AccessError`].
pub fn take<T: DeserializeOwned>(
    tx: &mut Tx<'_>,
    office: &Office,
    name: &str,
) -> Result<Option<T>, AccessError> {
    let digest = digest_of(name);
    let now = office.clock().now_in_life();
    let taken = rows::take_ceremony(tx, office.practice(), &digest, now)?;
    let Some(sealed) = taken else { return Ok(None) };
    let plain = open(office, &digest, sealed)?;
    Ok(serde_json::from_slice(&plain).ok())
}

/// Nobody's yet, so sealed under the month's key.
fn seal(office: &Office, digest: &[u8; 32], plain: &[u8]) -> Result<Vec<u8>, AccessError> {
    let (practice, row) = (office.practice().to_string(), hex::encode(digest));
    let buckets = office.buckets(office.clock().now());
    let month = buckets.map_err(|_| seal::SealError::Altered)?.retention;
    let sealed = office.keys().seal_for_month(month, &place(&practice, &row), plain)?;
    Ok(sealed.into_bytes())
}

fn open(
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
