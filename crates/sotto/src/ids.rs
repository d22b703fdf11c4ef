//! Ids: a UUID v7 each, of a type each, so that one cannot be taken for another.

pub use gate::{AppointmentId, ConsentId, ContactPointId, MessageId, PatientId, PracticeId};

use crate::clock::Clock;

/// An id that a [`Clock`] can make.
pub trait Id: Sized {
    /// Gives a UUID read elsewhere this meaning.
    fn from_uuid(uuid: uuid::Uuid) -> Self;

    /// A new one, a UUID v7.
    #[must_use]
    fn new(clock: &Clock) -> Self {
        Self::from_uuid(clock.new_id())
    }
}

/// What every UUID v7 of this instant or later is not below, as text: a span of time is a span of
/// the keys of tables whose ids are made when their rows are.
#[must_use]
pub fn lowest_at(at: jiff::Timestamp) -> String {
    let millis = u128::try_from(at.as_millisecond()).unwrap_or_default();
    uuid::Uuid::from_u128(millis << 80).to_string()
}

/// When a UUID v7 was made, to the millisecond; none for another kind of UUID.
#[must_use]
pub fn made_at(id: uuid::Uuid) -> Option<jiff::Timestamp> {
    if id.get_version_num() != 7 {
        return None;
    }
    let millis = i64::try_from(id.as_u128() >> 80).ok()?;
    jiff::Timestamp::from_millisecond(millis).ok()
}

/// The gate's ids have a public field; here they learn the way into a column and out of it.
macro_rules! stored {
    ($($name:ident),*) => {$(
        impl Id for $name {
            fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(uuid)
            }
        }

        impl $crate::db::ToValue for $name {
            fn to_value(&self) -> $crate::db::Value<'_> {
                $crate::db::ToValue::to_value(&self.0)
            }
        }

        impl $crate::db::FromColumn for $name {
            fn from_cell(cell: $crate::db::Cell<'_>) -> Result<Self, &'static str> {
                uuid::Uuid::from_cell(cell).map(Self)
            }
        }
    )*};
}

/// Declares an id of this crate: a newtype over a UUID, TEXT in the database.
macro_rules! id {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                uuid::Uuid::try_parse(text).map(Self)
            }
        }

        stored!($name);
    )*};
}

stored!(AppointmentId, ConsentId, ContactPointId, MessageId, PatientId, PracticeId);

id! {
    /// An entry of the audit log.
    EntryId;
    /// One try to hand a message over.
    AttemptId;
    /// A message that came in.
    InboundId;
    /// A thread with one number or mailbox.
    ConversationId;
    /// Everything said with one patient, or with a number nobody knows.
    ThreadId;
    /// What a colleague wrote beside a thread.
    NoteId;
    /// A file that came or went with words, or stands behind a consent.
    AttachmentId;
    /// A vendor that carries no channel.
    VendorId;
    /// What was written down about the agreement with a vendor.
    AgreementId;
    /// What is kept although its time is over.
    LegalHoldId;
    /// Something a person has to do.
    TaskId;
    /// A call that staff make.
    CallId;
    /// A record opened in an emergency.
    BreakGlassId;
    /// The public half of a browser's key of the sealed mode.
    SealedKeyId;
    /// A sealed conversation.
    SealedThreadId;
    /// A sealed message; the browser draws its id.
    SealedMessageId;
    /// A planned reminder.
    ReminderId;
    /// A delivery report.
    ReceiptId;
    /// A comparison of our record with others.
    ReconciliationId;
    /// Something such a comparison found.
    FindingId;
    /// A test of the night.
    SelfTestId;
    /// Words that wait for a second person.
    ProposalId;
    /// An API token.
    TokenId;
    /// Somebody who works here.
    StaffId;
    /// A sign-in, from its start to its end.
    SessionId;
    /// What patients are asked before a visit.
    FormId;
    /// What one of them answered.
    FormAnswerId;
    /// A patient's stay at the window, from its start to its end.
    WindowSessionId;
    /// A phone that is remembered at the window.
    PhoneId;
    /// A browser that somebody signed in with.
    DeviceId;
    /// A passkey.
    PasskeyId;
    /// A person who acts for a patient.
    CaregiverId;
    /// A clinician of the practice.
    ClinicianId;
    /// A place where the practice sees patients.
    SiteId;
    /// One run of one process that serves the practice, from its start to its end.
    RunId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_time_is_a_span_of_ids() {
        let at: jiff::Timestamp = "2027-03-01T14:00:00.123Z".parse().unwrap();
        let clock = Clock::manual(at);
        let id = clock.new_id();
        assert_eq!(made_at(id), Some(at));
        assert!(id.to_string() >= lowest_at(at));
        let later = at + jiff::SignedDuration::from_millis(1);
        assert!(id.to_string() < lowest_at(later));
        assert_eq!(made_at(uuid::Uuid::nil()), None);
    }
}
