//! The one override that the rules have: a patient demands their own records by plain text or email,
//! after the warning, and the privacy officer releases one message (45 CFR 164.524(c), PRIV-14;
//! "never a standing switch"). It is a consent of the class `access_request` that holds for one message
//! with the very words it was given for, at one address, for a day; the gate is asked as of every
//! message, when it leaves too. Each is listed at `/log` until somebody else looked at it.

use gate::{
    Address, Channel, Code, Content, Draft, Kind, MessageId, Origin, PatientId, Purpose, Reason,
};
use jiff::SignedDuration;
use seal::Keyring;

use crate::access::sessions::Recently;
use crate::audit::Actor;
use crate::db::consent_event::ConsentKind;
use crate::db::{Tx, message};
use crate::intake::{self, Answer, Decided, IntakeError, Request, Seen, Wanted, Words};
use crate::office::Office;
use crate::people::consent_texts::risk_text;
use crate::people::consents::{self, ConsentError, NewConsent};
use crate::people::told::Told;

/// How long the words may wait for the wire.
pub const HOLDS: SignedDuration = SignedDuration::from_hours(24);

/// Why nothing was released. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// It holds nothing that a release is needed for.
    #[error("these words may go without a release")]
    Needless,
    /// Something is in the way that a release does not lift.
    #[error("the gate refuses it all the same")]
    Refused(Vec<Reason>),
    /// What was told of the patient's request.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// It cannot be decided or stored.
    #[error(transparent)]
    Intake(#[from] IntakeError),
}

/// One message of a patient's own records.
#[derive(Clone)]
pub struct Release {
    /// Its id: the form sent twice is one message.
    pub message: MessageId,
    /// Whose records, and who gets them.
    pub patient: PatientId,
    /// Text or email.
    pub channel: Channel,
    /// Theirs, on file.
    pub address: Address,
    /// Email only.
    pub subject: Option<String>,
    /// The words: PHI.
    pub body: String,
}

impl std::fmt::Debug for Release {
    /// Never shows the words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Release").field("message", &self.message).finish_non_exhaustive()
    }
}

impl Release {
    fn request(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        actor: &Actor,
    ) -> Result<Request, IntakeError> {
        let request = Request {
            message: self.message,
            patient: None,
            channel: Wanted::Channel(self.channel),
            to: Some(self.address.clone()),
            kind: Kind::FreeText,
            purpose: Purpose::Operations,
            origin: Origin::Staff,
            words: Words::Typed { subject: self.subject.clone(), body: self.body.clone() },
            language: None,
            appointment: None,
            inbound: None,
            useless_after: None,
            actor: actor.clone(),
        };
        intake::about(tx, office, self.patient, request)
    }
}

/// What the gate says of it before it is released: the decision, and what is in the way that a
/// release does not lift. Reads only.
///
/// # Errors
/// [`IntakeError`].
pub fn look(
    tx: &mut Tx<'_>,
    office: &Office,
    (release, actor): (&Release, &Actor),
) -> Result<(Decided, Vec<Reason>), IntakeError> {
    let request = release.request(tx, office, actor)?;
    let decided = intake::decide(tx, office, request)?;
    let stays = match decided.seen() {
        Seen::Clear { .. } => Vec::new(),
        Seen::Split { because, .. } => because.iter().filter(|one| !lifts(one)).cloned().collect(),
        Seen::Refuse { refusal, .. } => {
            refusal.reasons().filter(|one| !lifts(one)).cloned().collect()
        }
    };
    Ok((decided, stays))
}

/// It lifts what the words say, and nothing else.
fn lifts(reason: &Reason) -> bool {
    matches!(reason.code, Code::ContentBlocked | Code::ContentConsent)
}

/// Releases one message and hands it in, in one transaction. The same message twice is one.
///
/// # Errors
/// [`ReleaseError`]; the caller's transaction must then be given up.
pub fn send(
    tx: &mut Tx<'_>,
    office: &Office,
    recently: &Recently,
    (release, told, warned): (&Release, &Told, bool),
) -> Result<MessageId, ReleaseError> {
    let actor = recently.signed_in().actor();
    if let Some(known) =
        message::find(tx, office.practice(), release.message).map_err(IntakeError::from)?
    {
        return if known.patient == Some(release.patient) {
            Ok(release.message)
        } else {
            Err(IntakeError::NoPatient.into())
        };
    }
    let (decided, _) = look(tx, office, (release, &actor))?;
    if matches!(decided.seen(), Seen::Clear { .. }) {
        return Err(ReleaseError::Needless);
    }
    if !warned {
        let remedy = "read them the warning first, and ask whether they still want it";
        return Err(ConsentError::Invalid { field: "risk_warned", remedy }.into());
    }
    let request = release.request(tx, office, &actor)?;
    let language = request.patient.as_ref().and_then(|subject| subject.language);
    let language = language.unwrap_or(gate::Language::English);
    let now = office.clock().now();
    let new = NewConsent {
        patient: release.patient,
        class: ConsentKind::AccessRequest,
        channel: release.channel,
        address: release.address.clone(),
        purposes: Vec::new(),
        categories: Vec::new(),
        up_to: None,
        text_version: risk_text(release.channel, language).map(|text| text.version.to_owned()),
        risk_warned: warned,
        language: language.as_str().to_owned(),
        frequency: Some("this once".to_owned()),
        method: told.method,
        evidence: told.evidence.clone(),
        evidence_digest: Some(hash(
            office.keys(),
            (release.message, release.subject.as_deref(), &release.body),
        )),
        witness: told.witness.clone(),
        captured_at: told.captured_at,
        valid_until: now.checked_add(HOLDS).ok(),
        withdrawal: "tell the office before it is sent".to_owned(),
    };
    consents::record(tx, office.into(), actor, &new)?;
    match intake::accept(tx, office, request)? {
        Answer::Accepted { message, .. } => Ok(message),
        Answer::Redirected { because, .. } => Err(ReleaseError::Refused(because)),
        Answer::Refused { refusal, .. } => {
            Err(ReleaseError::Refused(refusal.reasons().cloned().collect()))
        }
    }
}

/// Whether a release was given for exactly this message.
pub(crate) fn is_of(keys: &Keyring, draft: &Draft, given_for: &[u8]) -> bool {
    let Content { subject, body, .. } = &draft.content;
    let hash = hash(keys, (draft.message, subject.as_deref(), body));
    aws_lc_rs::constant_time::verify_slices_are_equal(&hash, given_for).is_ok()
}

/// Keyed, so that nobody who reads the row can try words.
fn hash(keys: &Keyring, (message, subject, body): (MessageId, Option<&str>, &str)) -> [u8; 32] {
    let subject = subject.unwrap_or_default();
    let framed = format!("{message}:{}:{subject}{body}", subject.len());
    keys.content_hash("release", framed.as_bytes())
}
