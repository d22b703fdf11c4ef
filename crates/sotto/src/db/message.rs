//! Table `message`: every message that was asked for, refused ones too.

use std::borrow::Cow;

use gate::permit::{Basis, Cell};
use gate::{
    Address, AppointmentId, Category, Channel, Code, ConsentId, Content, Draft, EmailAddress, Kind,
    Language, Level, MessageId, Origin, PatientId, PhoneNumber, PolicyVersion, PracticeId, Purpose,
    TemplateRef,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::EntryId;
use crate::db::registry::MESSAGE;
use crate::db::{DbError, Row, Tx};
use crate::ids::InboundId;
use crate::{params, sql};

/// Where a message stands. Only forward, along [`State::may_become`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The gate said no, at once or just before the wire.
    Refused,
    /// Cleared and waiting in the outbox.
    Queued,
    /// An attempt is on the wire.
    Sending,
    /// The carrier took it.
    Sent,
    /// It reached the phone, the mailbox or the portal.
    Delivered,
    /// The carrier took it and could not deliver it.
    Undelivered,
    /// It could not be handed over.
    Failed,
    /// Nobody knows whether the carrier took it: settled by a receipt or by staff, never by
    /// sending again.
    Uncertain,
    /// Withdrawn before it was sent.
    Cancelled,
    /// It became useless before it could be sent.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Refused,
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Uncertain,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The word in the row and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// May it become `next`? Receipts arrive late, twice and out of order; what is final stays.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use State::*;
        match self {
            Queued => matches!(next, Sending | Refused | Cancelled | Expired | Delivered),
            Sending => matches!(
                next,
                Queued | Sent | Failed | Uncertain | Delivered | Undelivered | Refused
            ),
            Sent => matches!(next, Delivered | Undelivered),
            // A receipt proves that the carrier had it; staff may settle it as not sent.
            Uncertain => matches!(next, Sent | Delivered | Undelivered | Failed),
            // Some carriers report a failed try and then a success.
            Undelivered => matches!(next, Delivered),
            Refused | Delivered | Failed | Cancelled | Expired => false,
        }
    }
}

/// What is sealed in `content_sealed`.
#[derive(Serialize, Deserialize)]
struct SealedContent<'a> {
    address_kind: gate::AddressKind,
    address: Cow<'a, str>,
    subject: Option<Cow<'a, str>>,
    body: Cow<'a, str>,
    fields: Vec<(usize, usize, guard::Source)>,
}

/// The plaintext of `content_sealed`: address, subject, body and fields.
#[must_use]
pub fn content_json(draft: &Draft) -> Vec<u8> {
    let content = SealedContent {
        address_kind: draft.address.kind(),
        address: Cow::Borrowed(draft.address.reveal()),
        subject: draft.content.subject.as_deref().map(Cow::Borrowed),
        body: Cow::Borrowed(&draft.content.body),
        fields: draft.content.fields.iter().map(|f| (f.span.start, f.span.end, f.source)).collect(),
    };
    // Strings and numbers always serialize.
    serde_json::to_vec(&content).unwrap_or_default()
}

/// The words of an opened content, the subject above them; none where it is none of ours.
#[must_use]
pub fn words_of(content: &[u8]) -> Option<String> {
    let content: SealedContent<'_> = serde_json::from_slice(content).ok()?;
    Some(match content.subject {
        Some(subject) => format!("{subject}\n{}", content.body),
        None => content.body.into_owned(),
    })
}

/// What the clearance rests on, as it stands in `basis`.
#[derive(Serialize, Deserialize)]
struct StoredBasis {
    cleared_at: i64,
    not_before: Option<i64>,
    policy: String,
    level: Level,
    categories: Vec<Category>,
    rules: Vec<String>,
    cells: Vec<(Level, Category, bool)>,
    consents: Vec<ConsentId>,
}

/// The JSON of `basis`.
#[must_use]
pub fn basis_json(basis: &Basis) -> String {
    let stored = StoredBasis {
        cleared_at: basis.cleared_at.as_microsecond(),
        not_before: basis.not_before.map(|t| t.as_microsecond()),
        policy: basis.policy.as_str().to_owned(),
        level: basis.level,
        categories: basis.categories.clone(),
        rules: basis.rules.iter().map(ToString::to_string).collect(),
        cells: basis.cells.iter().map(|c| (c.level, c.category, c.ready)).collect(),
        consents: basis.consents.clone(),
    };
    serde_json::to_string(&stored).unwrap_or_default()
}

/// The basis back from its JSON, or none when it is not one.
#[must_use]
pub fn basis_from_json(json: &str) -> Option<Basis> {
    let stored: StoredBasis = serde_json::from_str(json).ok()?;
    Some(Basis {
        cleared_at: Timestamp::from_microsecond(stored.cleared_at).ok()?,
        not_before: stored.not_before.map(Timestamp::from_microsecond).transpose().ok()?,
        policy: PolicyVersion::from_stored(stored.policy),
        level: stored.level,
        categories: stored.categories,
        rules: stored.rules.into_iter().map(Cow::Owned).collect(),
        cells: stored
            .cells
            .into_iter()
            .map(|(level, category, ready)| Cell { level, category, ready })
            .collect(),
        consents: stored.consents,
    })
}

/// A message about to be stored.
pub struct NewMessage<'a> {
    /// What was asked for.
    pub draft: &'a Draft,
    /// The blind index of its address.
    pub address_index: [u8; 32],
    /// The appointment it is about.
    pub appointment: Option<AppointmentId>,
    /// The message it answers.
    pub inbound: Option<InboundId>,
    /// [`content_json`], sealed.
    pub content_sealed: &'a [u8],
    /// The content key, wrapped for the record.
    pub record_wrap: &'a [u8],
    /// The content key, wrapped for the patient's copy.
    pub patient_wrap: Option<&'a [u8]>,
    /// What the clearance rests on; none for a refusal.
    pub basis: Option<&'a Basis>,
    /// The audit entry that binds the clearance.
    pub clearance: Option<EntryId>,
    /// Queued or refused.
    pub state: State,
    /// Codes of a refusal.
    pub refusals: &'a [Code],
    /// When it is to go: what the caps count.
    pub send_at: Timestamp,
    /// Who asked.
    pub created_by: &'a str,
}

/// Stores a message.
///
/// # Errors
/// [`DbError::Duplicate`] for an id that is there already.
pub fn insert(tx: &mut Tx<'_>, new: &NewMessage<'_>, now: Timestamp) -> Result<(), DbError> {
    let draft = new.draft;
    let (origin, reply_to_at) = match draft.origin {
        Origin::Automated => ("automated", None),
        Origin::Staff => ("staff", None),
        Origin::Reply { to_message_at } => ("reply", Some(to_message_at)),
    };
    let refusals = codes_text(new.refusals);
    tx.put(
        sql!(
            "INSERT INTO message (practice_id, id, patient_id, contact_point_id, address_index,
                 channel, kind, purpose, origin, reply_to_at, language, template_name,
                 template_version, appointment_id, inbound_id, content_sealed, record_wrap,
                 patient_wrap, basis, clearance_entry, state, state_at, refusals, useless_after,
                 send_at, created_by, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $18, $19, $20, $21, $22, $23, $24, $25, $26, $22)"
        ),
        params![
            draft.practice,
            draft.message,
            draft.patient,
            draft.contact_point,
            new.address_index,
            draft.channel.as_str(),
            draft.kind.as_str(),
            draft.purpose.as_str(),
            origin,
            reply_to_at,
            draft.content.language.as_str(),
            draft.content.template.as_ref().map(|t| t.name.as_str()),
            draft.content.template.as_ref().map(|t| t.version),
            new.appointment,
            new.inbound,
            new.content_sealed,
            new.record_wrap,
            new.patient_wrap,
            new.basis.map(basis_json),
            new.clearance,
            new.state.as_str(),
            now,
            refusals,
            draft.useless_after,
            new.send_at,
            new.created_by
        ],
    )?;
    tx.touch(MESSAGE, draft.message.to_string());
    Ok(())
}

/// The codes, space separated; none where there are none.
fn codes_text(codes: &[Code]) -> Option<String> {
    (!codes.is_empty())
        .then(|| codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(" "))
}

/// A stored message, its content still sealed.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Whose.
    pub practice: PracticeId,
    /// Which.
    pub id: MessageId,
    /// About whom.
    pub patient: Option<PatientId>,
    /// To which contact point.
    pub contact_point: Option<gate::ContactPointId>,
    /// The blind index of its address.
    pub address_index: [u8; 32],
    /// How.
    pub channel: Channel,
    /// Which kind.
    pub kind: Kind,
    /// Why.
    pub purpose: Purpose,
    /// Who or what asked.
    pub origin: Origin,
    /// The language of the words.
    pub language: Language,
    /// The exact template version.
    pub template: Option<TemplateRef>,
    /// The appointment it is about.
    pub appointment: Option<AppointmentId>,
    /// The message it answers.
    pub inbound: Option<InboundId>,
    /// Address, subject, body, fields: sealed.
    pub content_sealed: Vec<u8>,
    /// The content key for the record.
    pub record_wrap: Vec<u8>,
    /// What the clearance rests on.
    pub basis: Option<String>,
    /// The audit entry that binds it.
    pub clearance: Option<EntryId>,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub state_at: Timestamp,
    /// Codes of a refusal, space separated.
    pub refusals: Option<String>,
    /// Useless after this instant.
    pub useless_after: Option<Timestamp>,
    /// When it is to go, or went.
    pub send_at: Timestamp,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Stored {
    /// The draft as it was, from the row and the opened content; none where they do not fit.
    #[must_use]
    pub fn draft(&self, content: &[u8]) -> Option<Draft> {
        let content: SealedContent<'_> = serde_json::from_slice(content).ok()?;
        let address = match content.address_kind {
            gate::AddressKind::Phone => {
                Address::Phone(PhoneNumber::from_e164(&content.address).ok()?)
            }
            gate::AddressKind::Email => Address::Email(EmailAddress::parse(&content.address).ok()?),
            gate::AddressKind::Portal => Address::Portal,
        };
        Some(Draft {
            message: self.id,
            practice: self.practice,
            patient: self.patient,
            contact_point: self.contact_point,
            address,
            channel: self.channel,
            kind: self.kind,
            purpose: self.purpose,
            origin: self.origin,
            content: Content {
                subject: content.subject.map(Cow::into_owned),
                body: content.body.into_owned(),
                fields: content
                    .fields
                    .into_iter()
                    .map(|(start, end, source)| guard::Field { span: start..end, source })
                    .collect(),
                template: self.template.clone(),
                language: self.language,
            },
            useless_after: self.useless_after,
        })
    }
}

/// The message with this id.
///
/// # Errors
/// [`DbError`].
pub fn find(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: MessageId,
) -> Result<Option<Stored>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT practice_id, id, patient_id, contact_point_id, address_index, channel, kind,
                 purpose, origin, reply_to_at, language, template_name, template_version,
                 appointment_id, inbound_id, content_sealed, record_wrap, basis, clearance_entry,
                 state, state_at, refusals, useless_after, send_at, created_at
             FROM message WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// [`find`], and nobody else changes it or what hangs on it until this transaction ends.
///
/// # Errors
/// [`DbError`].
pub fn hold(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: MessageId,
) -> Result<Option<Stored>, DbError> {
    tx.query_opt(
        sql! {
            sqlite: "SELECT practice_id, id, patient_id, contact_point_id, address_index, channel,
                 kind, purpose, origin, reply_to_at, language, template_name, template_version,
                 appointment_id, inbound_id, content_sealed, record_wrap, basis, clearance_entry,
                 state, state_at, refusals, useless_after, send_at, created_at
             FROM message WHERE practice_id = $1 AND id = $2",
            postgres: "SELECT practice_id, id, patient_id, contact_point_id, address_index, channel,
                 kind, purpose, origin, reply_to_at, language, template_name, template_version,
                 appointment_id, inbound_id, content_sealed, record_wrap, basis, clearance_entry,
                 state, state_at, refusals, useless_after, send_at, created_at
             FROM message WHERE practice_id = $1 AND id = $2 FOR UPDATE"
        },
        params![practice, id],
        read,
    )
}

/// Which messages a list asks for.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    /// Only in this state.
    pub state: Option<State>,
    /// Only about this patient.
    pub patient: Option<PatientId>,
    /// Only older than this one.
    pub before: Option<MessageId>,
    /// At most so many.
    pub limit: u32,
}

/// Messages, newest first; none to the patient that is nobody. Ids sort by time.
///
/// # Errors
/// [`DbError`].
pub fn list(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    asked: &Listing,
) -> Result<Vec<Stored>, DbError> {
    // No id is as high as this one.
    let before = asked.before.map_or_else(|| "g".to_owned(), |id| id.to_string());
    let state = asked.state.map_or("", State::as_str);
    let patient = asked.patient.map(|id| id.to_string()).unwrap_or_default();
    tx.query(
        sql!(
            "SELECT practice_id, id, patient_id, contact_point_id, address_index, channel, kind,
                 purpose, origin, reply_to_at, language, template_name, template_version,
                 appointment_id, inbound_id, content_sealed, record_wrap, basis, clearance_entry,
                 state, state_at, refusals, useless_after, send_at, created_at
             FROM message
             WHERE practice_id = $1 AND id < $2 AND ($3 = '' OR state = $3)
                 AND ($4 = '' OR patient_id = $4)
                 AND (patient_id IS NULL OR patient_id NOT IN
                     (SELECT patient_id FROM test_patient WHERE practice_id = $1))
             ORDER BY id DESC LIMIT $5"
        ),
        params![practice, before, state, patient, asked.limit],
        read,
    )
}

/// Messages to a patient, newest first by when they went or are to go, before an instant and row.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    before: (Timestamp, uuid::Uuid),
    limit: u32,
) -> Result<Vec<Stored>, DbError> {
    tx.query(
        sql!(
            "SELECT practice_id, id, patient_id, contact_point_id, address_index, channel, kind,
                 purpose, origin, reply_to_at, language, template_name, template_version,
                 appointment_id, inbound_id, content_sealed, record_wrap, basis, clearance_entry,
                 state, state_at, refusals, useless_after, send_at, created_at
             FROM message
             WHERE practice_id = $1 AND patient_id = $2 AND send_at <= $3
                 AND (send_at < $3 OR id < $4)
             ORDER BY send_at DESC, id DESC LIMIT $5"
        ),
        params![practice, patient, before.0, before.1, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<Stored, DbError> {
    let reply_to_at: Option<Timestamp> = row.get(9)?;
    let origin = match (row.get::<String>(8)?.as_str(), reply_to_at) {
        ("automated", None) => Origin::Automated,
        ("staff", None) => Origin::Staff,
        ("reply", Some(to_message_at)) => Origin::Reply { to_message_at },
        _ => return Err(DbError::Column { index: 8, why: "no origin of ours" }),
    };
    let template_name: Option<String> = row.get(11)?;
    let template_version: Option<u32> = row.get(12)?;
    Ok(Stored {
        practice: row.get(0)?,
        id: row.get(1)?,
        patient: row.get(2)?,
        contact_point: row.get(3)?,
        address_index: row.get(4)?,
        channel: word(row, 5, Channel::from_word)?,
        kind: word(row, 6, Kind::from_word)?,
        purpose: word(row, 7, Purpose::from_word)?,
        origin,
        language: word(row, 10, Language::from_word)?,
        template: template_name
            .zip(template_version)
            .map(|(name, version)| TemplateRef { name, version }),
        appointment: row.get(13)?,
        inbound: row.get(14)?,
        content_sealed: row.get(15)?,
        record_wrap: row.get(16)?,
        basis: row.get(17)?,
        clearance: row.get(18)?,
        state: word(row, 19, State::from_word)?,
        state_at: row.get(20)?,
        refusals: row.get(21)?,
        useless_after: row.get(22)?,
        send_at: row.get(23)?,
        created_at: row.get(24)?,
    })
}

/// A column that holds one of our words.
///
/// # Errors
/// [`DbError::Column`] for any other word.
pub fn word<T>(
    row: &Row<'_>,
    index: usize,
    from_word: impl FnOnce(&str) -> Option<T>,
) -> Result<T, DbError> {
    from_word(&row.get::<String>(index)?).ok_or(DbError::Column { index, why: "no word of ours" })
}

/// A change of state.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Which message.
    pub id: MessageId,
    /// Its state until now, as the caller read it.
    pub from: State,
    /// Its state from now on.
    pub to: State,
    /// Codes, where it is refused.
    pub refusals: &'a [Code],
}

/// Moves a message on. False when it is no longer in the state the caller read, or may not move so.
///
/// # Errors
/// [`DbError`].
pub fn change_state(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    change: &Change<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    if !change.from.may_become(change.to) {
        return Ok(false);
    }
    let changed = tx.execute(
        sql!(
            "UPDATE message SET state = $4, state_at = $5, refusals = COALESCE($6, refusals),
                 send_at = CASE WHEN $4 = 'sending' THEN $5 ELSE send_at END
             WHERE practice_id = $1 AND id = $2 AND state = $3"
        ),
        params![
            practice,
            change.id,
            change.from.as_str(),
            change.to.as_str(),
            now,
            codes_text(change.refusals)
        ],
    )?;
    if changed > 0 {
        tx.touch(MESSAGE, change.id.to_string());
    }
    Ok(changed > 0)
}

/// How many automated texts and calls went, or are about to go, to a patient: since `day`, since
/// `week`. The message asked about is left out.
///
/// # Errors
/// [`DbError`].
pub fn count_for_caps(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    but: MessageId,
    windows: CapWindows,
) -> Result<(u32, u32), DbError> {
    tx.query_one(
        sql!(
            "SELECT COUNT(CASE WHEN send_at >= $4 AND send_at < $5 THEN 1 END), COUNT(*)
             FROM message
             WHERE practice_id = $1 AND patient_id = $2 AND send_at >= $6 AND send_at < $5
                 AND id <> $3 AND origin = 'automated'
                 AND channel IN ('sms', 'voicemail', 'ringless_voicemail')
                 AND state IN ('queued', 'sending', 'sent', 'delivered', 'undelivered', 'uncertain')"
        ),
        params![practice, patient, but, windows.day_start, windows.day_end, windows.week_start],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The spans of time that the caps count over.
#[derive(Debug, Clone, Copy)]
pub struct CapWindows {
    /// The first instant of the patient's day.
    pub day_start: Timestamp,
    /// The first instant of the day after.
    pub day_end: Timestamp,
    /// Seven days before `day_end`.
    pub week_start: Timestamp,
}

/// The appointments of which this address was reminded since an instant, each once.
///
/// # Errors
/// [`DbError`].
pub fn reminded_at(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    address_index: &[u8; 32],
    since: Timestamp,
) -> Result<Vec<AppointmentId>, DbError> {
    tx.query(
        sql!(
            "SELECT DISTINCT appointment_id FROM message
              WHERE practice_id = $1 AND address_index = $2 AND created_at >= $3
                AND kind = 'appt_reminder' AND appointment_id IS NOT NULL
                AND state NOT IN ('refused', 'cancelled', 'expired')"
        ),
        params![practice, address_index, since],
        |row| row.get(0),
    )
}

/// How many automatic answers, of one kind or of all, went to this address since an instant.
///
/// # Errors
/// [`DbError`].
pub fn answers_since(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    address_index: &[u8; 32],
    kind: Option<Kind>,
    since: Timestamp,
) -> Result<i64, DbError> {
    let kind = kind.map_or("", Kind::as_str);
    tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM message
              WHERE practice_id = $1 AND address_index = $2 AND created_at >= $3
                AND origin = 'reply' AND created_by = 'service:inbound'
                AND state NOT IN ('refused', 'cancelled') AND ($4 = '' OR kind = $4)"
        ),
        params![practice, address_index, since, kind],
        |row| row.get(0),
    )
}

/// The last message of a kind to a patient.
///
/// # Errors
/// [`DbError`].
pub fn last_of_kind(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    kind: Kind,
) -> Result<Option<MessageId>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id FROM message WHERE practice_id = $1 AND patient_id = $2 AND kind = $3
             ORDER BY send_at DESC, id DESC LIMIT 1"
        ),
        params![practice, patient, kind.as_str()],
        |row| row.get(0),
    )
}
