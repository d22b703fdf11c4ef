//! API tokens: 256 random bits, shown once, kept as a digest, good for at most 90 days and only for
//! the scopes they name (45 CFR 164.312(a)(1), (d)).
//!
//! The digest is plain SHA-256: slow hashing protects guessable secrets, and 256 random bits are
//! not guessable.

use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::db::registry::API_TOKEN;
use crate::db::{DbError, Tx, api_token};
use crate::ids::{Id as _, TokenId};
use crate::office::Office;

/// What every token starts with, so that a leaked one is recognised by scanners and by people.
const PREFIX: &str = "sotto_";

/// The longest a token may live.
pub const MOST_DAYS: u16 = 90;

macro_rules! scopes {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal; )+) => {
        /// What a token is good for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Scope { $( $(#[$doc])* #[serde(rename = $word)] $variant, )+ }

        impl Scope {
            /// Every scope.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word on the command line, in the row and in a 403.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The scope with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }
    };
}

scopes! {
    /// Ask for messages to be sent.
    MessagesWrite = "messages:write";
    /// See the state of messages.
    MessagesRead = "messages:read";
    /// Ask what a text would reveal.
    Check = "check";
    /// Find patients by an identifier, and see how they may be reached.
    PatientsRead = "patients:read";
    /// Write down how patients may be reached: contacts, caregivers, restrictions, opt-outs.
    PatientsWrite = "patients:write";
    /// Record and revoke consents.
    ConsentsWrite = "consents:write";
    /// See the history of consents.
    ConsentsRead = "consents:read";
    /// Book, change and cancel appointments.
    AppointmentsWrite = "appointments:write";
    /// See appointments.
    AppointmentsRead = "appointments:read";
    /// Close tasks.
    TasksWrite = "tasks:write";
    /// See tasks.
    TasksRead = "tasks:read";
    /// Change the practice's reminder plan and office hours.
    PracticeWrite = "practice:write";
    /// See them.
    PracticeRead = "practice:read";
}

/// The secret itself. It exists once, between making it and showing it.
pub struct Secret(String);

impl Secret {
    /// The text to hand over. There is no second time.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The digest under which it is kept.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest_of(&self.0)
    }

    /// 256 random bits behind a prefix; none where the machine gives no randomness.
    pub(crate) fn draw(prefix: &str) -> Option<Self> {
        let mut bits = [0; 32];
        rand::fill(&mut bits).ok()?;
        Some(Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bits))))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What a person called it.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Is it good at this instant?
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// A token cannot be made or found.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Too long or not at all.
    #[error("days must be 1 to {MOST_DAYS}")]
    Days,
    /// Good for nothing.
    #[error("name at least one scope; `sotto token create --help` lists them")]
    NoScope,
    /// No name.
    #[error("name must be 1 to 80 characters that say what the token is for")]
    Name,
    /// The machine gave no randomness.
    #[error("the machine gave no randomness; try again")]
    Randomness,
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for, in a person's words.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// For how many days, at most [`MOST_DAYS`].
    pub days: u16,
}

/// Makes a token. The secret is in the answer and nowhere else.
///
/// # Errors
/// [`TokenError`].
pub fn create(
    tx: &mut Tx<'_>,
    office: &Office,
    new: &NewToken,
    by: Actor,
) -> Result<(Token, Secret), TokenError> {
    if new.days == 0 || new.days > MOST_DAYS {
        return Err(TokenError::Days);
    }
    if new.scopes.is_empty() {
        return Err(TokenError::NoScope);
    }
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return Err(TokenError::Name);
    }
    let secret = Secret::draw(PREFIX).ok_or(TokenError::Randomness)?;
    let now = office.clock().now();
    let mut scopes = new.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let token = Token {
        id: TokenId::new(office.clock()),
        name: name.to_owned(),
        scopes,
        created_at: now,
        expires_at: now + SignedDuration::from_hours(24 * i64::from(new.days)),
        revoked_at: None,
    };
    api_token::insert(tx, office.practice(), &token, &secret.digest())?;
    let event = Event::new(Kind::TokenChanged, by).about(API_TOKEN, token.id).code("created");
    audit::append(tx, office, event)?;
    Ok((token, secret))
}

/// Revokes a token. False when there is none, or it was revoked before.
///
/// # Errors
/// [`TokenError::Db`] or [`TokenError::Audit`].
pub fn revoke(
    tx: &mut Tx<'_>,
    office: &Office,
    id: TokenId,
    by: Actor,
) -> Result<bool, TokenError> {
    let revoked = api_token::revoke(tx, office.practice(), id, office.clock().now())?;
    if revoked {
        let event = Event::new(Kind::TokenChanged, by).about(API_TOKEN, id).code("revoked");
        audit::append(tx, office, event)?;
    }
    Ok(revoked)
}

/// The token behind what a caller sent, if it is good now. Unknown, expired and revoked are the
/// same to the caller.
///
/// # Errors
/// [`DbError`].
pub fn verify(
    tx: &mut Tx<'_>,
    office: &Office,
    digest: &[u8; 32],
) -> Result<Option<Token>, DbError> {
    let now = office.clock().now();
    let found = api_token::find_by_digest(tx, office.practice(), digest)?;
    Ok(found.and_then(|(token, kept)| {
        let same = constant_time::verify_slices_are_equal(&kept, digest).is_ok();
        (same && token.is_good(now)).then_some(token)
    }))
}

/// The digest under which a secret is kept.
#[must_use]
pub fn digest_of(secret: &str) -> [u8; 32] {
    let mut out = [0; 32];
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}
