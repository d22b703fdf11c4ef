//! What an audit entry says (RULEBOOK §10; ASTM E2147-18; 45 CFR 170.210(e)).
//!
//! An entry holds ids, words of closed lists, and keyed hashes. It never holds the text of a
//! message, a name, an address or a secret; there is no field that could.

use std::borrow::Cow;
use std::fmt;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use gate::{Binding, Channel, Cleared, Code, Draft, MessageId, PatientId, PracticeId, Refusal};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::db::registry::Table;
use crate::ids::EntryId;

/// The version of the entry's form.
pub const FORM: u8 = 1;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that stands in the log.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What happened. Add a kind where one is missing; never change a word that was released.
    Kind {
        /// The gate let a message through.
        MessageCleared = "message.cleared",
        /// The gate refused a message.
        MessageRefused = "message.refused",
        /// The gate refused a cleared message just before the wire.
        MessageRefusedAtRelease = "message.refused_at_release",
        /// A waiting message was withdrawn.
        MessageCancelled = "message.cancelled",
        /// A waiting message was put off.
        MessagePostponed = "message.postponed",
        /// A message was put on the wire, or is about to be.
        AttemptStarted = "attempt.started",
        /// A carrier took a message, refused it, or did not answer.
        AttemptEnded = "attempt.ended",
        /// Staff settled an uncertain attempt.
        AttemptSettled = "attempt.settled",
        /// A delivery report arrived.
        ReceiptStored = "receipt.stored",
        /// A message from outside arrived.
        InboundReceived = "inbound.received",
        /// A number or address was closed to messages.
        OptedOut = "suppression.opted_out",
        /// A number or address was opened again.
        OptedIn = "suppression.opted_in",
        /// A file was kept.
        AttachmentKept = "attachment.kept",
        /// A file was not kept: a scanner knows what is in it.
        AttachmentRefused = "attachment.refused",
        /// A consent was recorded.
        ConsentGiven = "consent.given",
        /// A consent was revoked.
        ConsentRevoked = "consent.revoked",
        /// A patient, with contact points and what belongs to them, was added or changed.
        PatientChanged = "patient.changed",
        /// A patient's data was looked at.
        PatientViewed = "patient.viewed",
        /// Patients were searched for.
        PatientsSearched = "patient.searched",
        /// A patient's keys were destroyed.
        PatientErased = "patient.erased",
        /// An alternative contact or restriction was recorded.
        RestrictionChanged = "restriction.changed",
        /// An appointment was added or changed.
        AppointmentChanged = "appointment.changed",
        /// Reminders were planned, sent on or withdrawn.
        RemindersChanged = "reminder.changed",
        /// A conversation was opened, read or closed.
        ConversationChanged = "conversation.changed",
        /// A draft was begun or discarded.
        DraftChanged = "draft.changed",
        /// A step of a call was taken.
        CallChanged = "call.changed",
        /// A task was made or done.
        TaskChanged = "task.changed",
        /// The content of a message was read.
        ContentViewed = "content.viewed",
        /// A file was imported.
        FileImported = "import.finished",
        /// The practice's own data was set up or changed.
        PracticeChanged = "practice.changed",
        /// A policy file was put in force.
        PolicyActivated = "policy.activated",
        /// Templates were loaded, approved or withdrawn.
        TemplatesChanged = "template.changed",
        /// A vendor, its agreement or a channel's setting changed.
        VendorChanged = "vendor.changed",
        /// A token was made, used up or revoked.
        TokenChanged = "token.changed",
        /// A request was answered and its answer kept for repetition.
        RequestAnswered = "request.answered",
        /// A member of staff was invited, changed, disabled or enabled.
        StaffChanged = "staff.changed",
        /// Somebody's password, code generator, passkey or recovery codes changed, or one was used.
        CredentialChanged = "credential.changed",
        /// Somebody signed in, proved again who they are, or signed out.
        SessionChanged = "session.changed",
        /// A browser was registered or wiped.
        DeviceChanged = "device.changed",
        /// A record was opened in an emergency, closed again, or that was reviewed.
        BreakGlass = "break_glass.changed",
        /// Who may do what was looked at.
        AccessReported = "access.reported",
        /// A sign-in or a token was refused.
        AccessRefused = "access.refused",
        /// A key was destroyed, rotated or made.
        KeyChanged = "key.changed",
        /// Somebody went through a span of the log and signed it off.
        AuditReviewed = "audit.reviewed",
        /// Audit data left the house.
        AuditExported = "audit.exported",
        /// A backup was made and read back.
        BackupTaken = "backup.taken",
        /// The database was put back from a backup.
        BackupRestored = "backup.restored",
        /// A backup was restored into a place of its own, to see that it can be.
        RestoreDrilled = "backup.drilled",
        /// A version of the schema came into force.
        SchemaChanged = "schema.changed",
        /// The settings were read again, and taken over or refused.
        SettingsReloaded = "settings.reloaded",
        /// After writes that failed, the database could be written again.
        StorageRecovered = "storage.recovered",
        /// Our record was compared with the carriers' and the schedule, or that was asked for.
        Reconciled = "reconciliation.changed",
        /// The self-test of the night was asked for, begun or ended.
        SelfTested = "self_test.changed",
        /// A link to the window was made or ended.
        LinkChanged = "link.changed",
        /// The patient opened or read a message of ours, was reminded of it, or their copy ended.
        LetterChanged = "letter.changed",
        /// A version of a form that patients fill in came into force, or is not asked any more.
        FormsChanged = "form.changed",
        /// A patient filled in a form.
        FormAnswered = "form.answered",
        /// In the sealed mode a conversation was begun or looked at, a browser's key registered or
        /// ended, an envelope stored or handed out. Nobody here can know what was said.
        SealedChanged = "sealed.changed",
        /// A month of records ends soon, or ended: the certificate; or a legal hold was placed or lifted.
        RetentionChanged = "retention.changed",
        /// The log's head was signed.
        Checkpoint = "audit.checkpoint",
    }
}

words! {
    /// Which way it went.
    Outcome {
        /// As asked.
        Done = "done",
        /// Refused by a rule; the codes say which.
        Refused = "refused",
        /// Tried, and failed.
        Failed = "failed",
        /// Nobody can tell.
        Uncertain = "uncertain",
    }
}

words! {
    /// Why health information was used (HL7 v3 PurposeOfUse).
    PurposeOfUse {
        /// Treatment.
        Treatment = "TREAT",
        /// Payment.
        Payment = "HPAYMT",
        /// Health care operations.
        Operations = "HOPERAT",
        /// The patient asked.
        PatientRequest = "PATRQT",
        /// Emergency treatment, break-glass.
        Emergency = "ETREAT",
        /// Marketing.
        Marketing = "HMARKT",
    }
}

words! {
    /// What kind of actor.
    ActorKind {
        /// A person who works here.
        Staff = "staff",
        /// Somebody at the machine's command line.
        Operator = "operator",
        /// A program with a token.
        Token = "token",
        /// A part of Sotto itself.
        Service = "service",
        /// A patient, by a message or the portal.
        Patient = "patient",
        /// Somebody who acts for a patient, at the window.
        Caregiver = "caregiver",
        /// A carrier.
        Carrier = "carrier",
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// What kind.
    pub kind: ActorKind,
    /// Which: an id, or the name of a part of Sotto.
    pub id: Cow<'static, str>,
    /// The role at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Cow<'static, str>>,
    /// How they signed in, and the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Cow<'static, str>>,
}

impl Actor {
    /// A part of Sotto: `reminders`, `outbox`, `inbound`.
    #[must_use]
    pub const fn service(name: &'static str) -> Self {
        Self::of(ActorKind::Service, Cow::Borrowed(name))
    }

    /// Somebody at the command line of the machine, who has its keys anyway.
    #[must_use]
    pub const fn operator() -> Self {
        Self::of(ActorKind::Operator, Cow::Borrowed("command line"))
    }

    /// A program with a token, by the token's id.
    #[must_use]
    pub fn token(id: impl fmt::Display) -> Self {
        Self::of(ActorKind::Token, Cow::Owned(id.to_string()))
    }

    /// A person who works here, by their id, with the role they act in.
    #[must_use]
    pub fn staff(id: impl fmt::Display, role: &'static str) -> Self {
        let actor = Self::of(ActorKind::Staff, Cow::Owned(id.to_string()));
        Self { role: Some(Cow::Borrowed(role)), ..actor }
    }

    /// The same, in a session: how it began, and its id.
    #[must_use]
    pub fn in_session(self, session: impl Into<Cow<'static, str>>) -> Self {
        Self { session: Some(session.into()), ..self }
    }

    /// The patient, by a message of theirs.
    #[must_use]
    pub fn patient(id: PatientId) -> Self {
        Self::of(ActorKind::Patient, Cow::Owned(id.to_string()))
    }

    /// Somebody who acts for a patient, by their own id.
    #[must_use]
    pub fn caregiver(id: impl fmt::Display) -> Self {
        Self::of(ActorKind::Caregiver, Cow::Owned(id.to_string()))
    }

    /// A carrier, by the adapter's name.
    #[must_use]
    pub fn carrier(adapter: impl Into<Cow<'static, str>>) -> Self {
        Self::of(ActorKind::Carrier, adapter.into())
    }

    /// A member of staff, or somebody at the machine's command line.
    #[must_use]
    pub const fn is_a_person(&self) -> bool {
        matches!(self.kind, ActorKind::Staff | ActorKind::Operator)
    }

    const fn of(kind: ActorKind, id: Cow<'static, str>) -> Self {
        Self { kind, id, role: None, session: None }
    }
}

impl fmt::Display for Actor {
    /// `kind:id`, for columns such as `created_by`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

/// What it was done to: a table and a row's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// The table's name.
    pub kind: Cow<'static, str>,
    /// The row's key.
    pub id: String,
}

impl Object {
    /// A row of a table.
    #[must_use]
    pub fn row(table: Table, key: impl fmt::Display) -> Self {
        Self { kind: Cow::Borrowed(table.name()), id: key.to_string() }
    }
}

/// A keyed hash, 32 bytes; in the log as base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.as_bytes()).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("expected 32 bytes in base64"))
    }
}

/// A row as it stood when the entry was written: its table, its key, and the keyed digest of all
/// its columns, or none when the row was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound(pub Cow<'static, str>, pub String, pub Option<Digest>);

/// What a decision rested on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grounds {
    /// The version of the policy in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Name and version of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The highest level the guard found, 0 to 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// The categories the guard found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// The guard's rules that found something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// The consents relied upon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<String>,
}

/// Something that happened, about to be written down. Made by the functions below, or by
/// [`Event::new`] and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub(super) kind: Kind,
    pub(super) outcome: Outcome,
    pub(super) codes: Vec<Cow<'static, str>>,
    pub(super) actor: Actor,
    pub(super) occurred_at: Option<Timestamp>,
    pub(super) patients: Vec<PatientId>,
    pub(super) object: Option<Object>,
    pub(super) purpose: Option<PurposeOfUse>,
    pub(super) grounds: Option<Grounds>,
    pub(super) channel: Option<Channel>,
    pub(super) destination: Option<Digest>,
    pub(super) content: Option<Digest>,
    pub(super) correlation: Option<String>,
    pub(super) binding: Option<Digest>,
}

impl Event {
    /// An event of this kind, done by this actor.
    #[must_use]
    pub fn new(kind: Kind, actor: Actor) -> Self {
        Self {
            kind,
            outcome: Outcome::Done,
            codes: Vec::new(),
            actor,
            occurred_at: None,
            patients: Vec::new(),
            object: None,
            purpose: None,
            grounds: None,
            channel: None,
            destination: None,
            content: None,
            correlation: None,
            binding: None,
        }
    }

    /// The row it is about.
    #[must_use]
    pub fn about(mut self, table: Table, key: impl fmt::Display) -> Self {
        self.object = Some(Object::row(table, key));
        self
    }

    /// The patient it is about; call it again for another.
    #[must_use]
    pub fn patient(mut self, patient: impl Into<Option<PatientId>>) -> Self {
        self.patients.extend(patient.into());
        self
    }

    /// Which way it went, where not simply done.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// A word of a closed list that says why. Never free text.
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.codes.push(code.into());
        self
    }

    /// When it happened, where that is not now: a carrier's report, a paper form.
    #[must_use]
    pub fn occurred_at(mut self, at: impl Into<Option<Timestamp>>) -> Self {
        self.occurred_at = at.into();
        self
    }

    /// Why health information was used.
    #[must_use]
    pub fn purpose(mut self, purpose: PurposeOfUse) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// What the decision rested on.
    #[must_use]
    pub fn grounds(mut self, grounds: Grounds) -> Self {
        self.grounds = Some(grounds);
        self
    }

    /// By which channel, and to which blind index of an address.
    #[must_use]
    pub fn to(mut self, channel: Channel, destination: [u8; 32]) -> Self {
        self.channel = Some(channel);
        self.destination = Some(Digest(destination));
        self
    }

    /// The keyed hash of a content that is kept elsewhere.
    #[must_use]
    pub fn content(mut self, keyed_hash: [u8; 32]) -> Self {
        self.content = Some(Digest(keyed_hash));
        self
    }

    /// What ties it to other events: a request id, a trace id.
    #[must_use]
    pub fn correlation(mut self, id: impl fmt::Display) -> Self {
        self.correlation = Some(id.to_string());
        self
    }

    /// A message was cleared: the binding ties the entry to the content for
    /// [`gate::reload`](gate::reload).
    #[must_use]
    pub fn message_cleared(actor: Actor, cleared: &Cleared, facts: Sent) -> Self {
        let (draft, basis) = (cleared.draft(), cleared.basis());
        let grounds = Grounds {
            policy: Some(basis.policy.as_str().to_owned()),
            template: template_of(draft),
            level: Some(basis.level.into()),
            categories: basis.categories.iter().filter_map(word).collect(),
            rules: basis.rules.iter().map(ToString::to_string).collect(),
            consents: basis.consents.iter().map(ToString::to_string).collect(),
        };
        let mut event = Self::of_draft(Kind::MessageCleared, actor, draft, &facts).grounds(grounds);
        event.binding = facts.binding.map(|binding| Digest(binding.0));
        event
    }

    /// A message was refused, for these reasons.
    #[must_use]
    pub fn message_refused(actor: Actor, draft: &Draft, refusal: &Refusal, facts: Sent) -> Self {
        let mut event = Self::of_draft(Kind::MessageRefused, actor, draft, &facts)
            .outcome(Outcome::Refused)
            .grounds(Grounds { template: template_of(draft), ..Grounds::default() });
        event.codes = refusal.reasons().map(|reason| reason.code.as_str().into()).collect();
        event
    }

    /// A cleared message was refused just before the wire.
    #[must_use]
    pub fn message_refused_at_release(message: MessageId, codes: &[Code]) -> Self {
        let mut event = Self::new(Kind::MessageRefusedAtRelease, Actor::service("outbox"))
            .about(crate::db::registry::MESSAGE, message)
            .outcome(Outcome::Refused);
        event.codes = codes.iter().map(|code| code.as_str().into()).collect();
        event
    }

    /// A waiting message was withdrawn; `why` is a word of a closed list.
    #[must_use]
    pub fn message_cancelled(actor: Actor, message: MessageId, why: &'static str) -> Self {
        Self::new(Kind::MessageCancelled, actor)
            .about(crate::db::registry::MESSAGE, message)
            .code(why)
    }

    fn of_draft(kind: Kind, actor: Actor, draft: &Draft, facts: &Sent) -> Self {
        Self::new(kind, actor)
            .about(crate::db::registry::MESSAGE, draft.message)
            .patient(draft.patient)
            .to(draft.channel, facts.destination)
            .content(facts.content)
            .code(draft.kind.as_str())
            .purpose(purpose_of(draft))
    }
}

/// The keyed hashes of a message, made by whoever has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The blind index of the address.
    pub destination: [u8; 32],
    /// The keyed hash of the content.
    pub content: [u8; 32],
    /// The tag of the clearance; none for a refusal.
    pub binding: Option<Binding>,
}

/// The word that stands for a value of a closed list.
fn word(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

fn template_of(draft: &Draft) -> Option<String> {
    draft.content.template.as_ref().map(|t| format!("{} {}", t.name, t.version))
}

fn purpose_of(draft: &Draft) -> PurposeOfUse {
    use gate::Purpose;
    match draft.purpose {
        Purpose::Treatment => PurposeOfUse::Treatment,
        Purpose::Payment => PurposeOfUse::Payment,
        Purpose::Operations => PurposeOfUse::Operations,
        Purpose::Marketing => PurposeOfUse::Marketing,
        Purpose::PatientRequest => PurposeOfUse::PatientRequest,
        Purpose::Emergency => PurposeOfUse::Emergency,
    }
}

/// An entry of the log, as it is hashed and stored: one line of JSON with its fields in this order
/// and no blanks between them. Fields that say nothing are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// [`FORM`].
    pub v: u8,
    /// Whose log.
    pub practice: PracticeId,
    /// The entry's id, which is also its row's.
    pub id: EntryId,
    /// When it was written, in microseconds UTC.
    pub recorded_at: i64,
    /// When it happened, where that is another time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<i64>,
    /// What happened.
    pub kind: Kind,
    /// Which way it went.
    pub outcome: Outcome,
    /// Why, in words of closed lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Cow<'static, str>>,
    /// Who.
    pub actor: Actor,
    /// The version of Sotto that wrote it.
    pub program: Cow<'static, str>,
    /// About whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patients: Vec<PatientId>,
    /// About what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Why health information was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<PurposeOfUse>,
    /// What a decision rested on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grounds: Option<Grounds>,
    /// By which channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Cow<'static, str>>,
    /// The blind index of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Digest>,
    /// The keyed hash of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
    /// What ties it to other entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The tag of a clearance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Digest>,
    /// The rows that were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Bound>,
}

/// Bytes that should be an entry and are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an audit entry of form 1 in its canonical spelling")]
pub struct NotAnEntry;

impl Entry {
    /// The event with everything that only the log knows.
    #[must_use]
    pub(super) fn of(
        event: Event,
        practice: PracticeId,
        id: EntryId,
        now: Timestamp,
        records: Vec<Bound>,
    ) -> Self {
        Self {
            v: FORM,
            practice,
            id,
            recorded_at: now.as_microsecond(),
            occurred_at: event.occurred_at.map(Timestamp::as_microsecond),
            kind: event.kind,
            outcome: event.outcome,
            codes: event.codes,
            actor: event.actor,
            program: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
            patients: event.patients,
            object: event.object,
            purpose: event.purpose,
            grounds: event.grounds,
            channel: event.channel.map(|channel| Cow::Borrowed(channel.as_str())),
            destination: event.destination,
            content: event.content,
            correlation: event.correlation,
            binding: event.binding,
            records,
        }
    }

    /// The canonical bytes: what is stored and hashed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and lists of them always serialize.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads an entry back. Only the canonical spelling is taken, so that one entry has one hash.
    ///
    /// # Errors
    /// [`NotAnEntry`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAnEntry> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|_| NotAnEntry)?;
        if entry.v == FORM && entry.to_bytes() == bytes { Ok(entry) } else { Err(NotAnEntry) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::db::registry;

    fn entry() -> Entry {
        let id = EntryId(uuid::Uuid::from_u128(7));
        let practice = PracticeId(uuid::Uuid::from_u128(1));
        let event = Event::new(Kind::ConsentGiven, Actor::staff("s-1", "front_desk"))
            .about(registry::CONSENT_EVENT, "c-1")
            .patient(PatientId(uuid::Uuid::from_u128(2)))
            .purpose(PurposeOfUse::Treatment)
            .code("paper");
        let records = vec![
            Bound("consent_event".into(), "c-1".into(), Some(Digest([9; 32]))),
            Bound("preference".into(), "p-1".into(), None),
        ];
        Entry::of(event, practice, id, Timestamp::from_second(1_800_000_000).unwrap(), records)
    }

    #[test]
    fn the_canonical_bytes_are_these() {
        let text = String::from_utf8(entry().to_bytes()).unwrap();
        let text = text.replace(env!("CARGO_PKG_VERSION"), "0");
        insta::assert_snapshot!(text, @r#"{"v":1,"practice":"00000000-0000-0000-0000-000000000001","id":"00000000-0000-0000-0000-000000000007","recorded_at":1800000000000000,"kind":"consent.given","outcome":"done","codes":["paper"],"actor":{"kind":"staff","id":"s-1","role":"front_desk"},"program":"0","patients":["00000000-0000-0000-0000-000000000002"],"object":{"kind":"consent_event","id":"c-1"},"purpose":"TREAT","records":[["consent_event","c-1","CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk"],["preference","p-1",null]]}"#);
    }

    #[test]
    fn one_entry_has_one_spelling() {
        let bytes = entry().to_bytes();
        assert_eq!(Entry::from_bytes(&bytes), Ok(entry()));
        let text = String::from_utf8(bytes).unwrap();
        for other in [
            text.replace(",\"kind\"", ", \"kind\""),
            text.replace("\"v\":1", "\"v\":2"),
            text.replace("\"v\":1", "\"v\":1,\"codes\":[]"),
            text.replace("\"v\":1", "\"v\":1,\"new\":1"),
            text.replace("consent.given", "consent.lost"),
            format!("{text}\n"),
        ] {
            assert_eq!(Entry::from_bytes(other.as_bytes()), Err(NotAnEntry), "{other}");
        }
    }

    #[test]
    fn words_are_said_once() {
        let mut words: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Kind::ALL.len());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Entry::from_bytes(&bytes).is_err());
        }

        #[test]
        fn a_flipped_bit_is_never_the_same_entry(at in any::<usize>(), bit in 0..8_u32) {
            let mut bytes = entry().to_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_ne!(Entry::from_bytes(&bytes), Ok(entry()));
        }
    }
}
