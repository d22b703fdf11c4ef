//! Ids: a UUID v7 each, of a type each, so that one cannot be taken for another.

/// Declares an id: a newtype over a UUID, made by [`Clock::new_id`](crate::clock::Clock::new_id),
/// TEXT in the database.
macro_rules! id {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new one.
            #[must_use]
            pub fn new(clock: &$crate::clock::Clock) -> Self {
                Self(clock.new_id())
            }

            /// Gives a UUID read elsewhere this meaning.
            #[must_use]
            pub const fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            #[must_use]
            pub const fn as_uuid(self) -> uuid::Uuid {
                self.0
            }
        }

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

        impl $crate::db::ToValue for $name {
            fn to_value(&self) -> $crate::db::Value<'_> {
                $crate::db::Value::Text(self.0.to_string().into())
            }
        }

        impl $crate::db::FromColumn for $name {
            fn from_cell(cell: $crate::db::Cell<'_>) -> Result<Self, &'static str> {
                uuid::Uuid::from_cell(cell).map(Self)
            }
        }
    )*};
}

id! {
    /// A practice, the tenant that every row belongs to.
    PracticeId;
    /// A patient.
    PatientId;
    /// A message, whatever its channel.
    MessageId;
    /// An address at which somebody can be reached.
    ContactPointId;
    /// A person who acts for a patient.
    CaregiverId;
    /// One entry of the consent history.
    ConsentEventId;
    /// An appointment.
    AppointmentId;
    /// A clinician of the practice.
    ClinicianId;
    /// A place where the practice sees patients.
    SiteId;
}
