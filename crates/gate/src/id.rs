//! Ids: UUID v7 behind one newtype each, so that a patient's id is never taken for a message's.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be a UUID such as 0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01")]
pub struct InvalidId {
    /// What the id was to name.
    pub kind: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { kind: $kind })
            }
        }
    };
}

id! { /// A practice, the covered entity. Every row belongs to one.
PracticeId, "practice" }
id! { /// A patient of a practice.
PatientId, "patient" }
id! { /// A message, out or in.
MessageId, "message" }
id! { /// A telephone number, email address or portal account on file for a patient.
ContactPointId, "contact point" }
id! { /// One consent as it was given.
ConsentId, "consent" }
id! { /// An appointment.
AppointmentId, "appointment" }

#[cfg(test)]
mod tests {
    use super::{ConsentId, InvalidId, PatientId};

    #[test]
    fn an_id_reads_as_it_is_written() {
        let text = "0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01";
        assert_eq!(text.parse::<PatientId>().unwrap().to_string(), text);
        let error = "0190".parse::<ConsentId>().unwrap_err();
        assert_eq!(error, InvalidId { kind: "consent" });
    }
}
