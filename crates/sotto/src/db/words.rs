//! The words that stand for our enums in TEXT columns.

use gate::facts::{Dead, Line};

/// Gives an enum its words and the way into a column and out of it.
macro_rules! words {
    ($($type:ty { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        impl $crate::db::Word for $type {
            fn word(&self) -> &'static str {
                match self { $(<$type>::$variant => $word),* }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(<$type>::$variant),)* _ => None }
            }
        }

        impl $crate::db::ToValue for $type {
            fn to_value(&self) -> $crate::db::Value<'_> {
                $crate::db::Value::Text($crate::db::Word::word(self).into())
            }
        }

        impl $crate::db::FromColumn for $type {
            fn from_cell(cell: $crate::db::Cell<'_>) -> Result<Self, &'static str> {
                match cell {
                    $crate::db::Cell::Text(text) => {
                        $crate::db::Word::from_word(text).ok_or("a word that nobody knows")
                    }
                    _ => Err("expected text"),
                }
            }
        }
    )*};
}
pub(crate) use words;

/// An enum that is written as a word.
pub trait Word: Sized {
    /// Its word.
    fn word(&self) -> &'static str;

    /// The one with this word.
    fn from_word(word: &str) -> Option<Self>;
}

words! {
    Line {
        Mobile = "mobile",
        Landline = "landline",
        Voip = "voip",
        Unknown = "unknown",
        NotALine = "not_a_line",
    }
    gate::Category {
        Diagnosis = "diagnosis",
        Medication = "medication",
        LabResult = "lab_result",
        Procedure = "procedure",
        Specialty = "specialty",
        MentalHealth = "mental_health",
        Sud = "sud",
        Reproductive = "reproductive",
        Hiv = "hiv",
        Billing = "billing",
        IdentifierSsn = "identifier_ssn",
        IdentifierMrn = "identifier_mrn",
        IdentifierDob = "identifier_dob",
        IdentifierAddress = "identifier_address",
        IdentifierOther = "identifier_other",
    }
    gate::facts::Scope {
        CallBack = "call_back",
        Appointments = "appointments",
        Billing = "billing",
        Clinical = "clinical",
    }
    Dead {
        WrongNumber = "wrong_number",
        Bounced = "bounced",
        Reassigned = "reassigned",
    }
}

/// Declares the columns of types that know their words themselves.
macro_rules! foreign {
    ($($type:ty),*) => {$(
        impl $crate::db::ToValue for $type {
            fn to_value(&self) -> $crate::db::Value<'_> {
                $crate::db::Value::Text(self.as_str().into())
            }
        }

        impl $crate::db::FromColumn for $type {
            fn from_cell(cell: $crate::db::Cell<'_>) -> Result<Self, &'static str> {
                match cell {
                    $crate::db::Cell::Text(text) => {
                        <$type>::from_word(text).ok_or("a word that nobody knows")
                    }
                    _ => Err("expected text"),
                }
            }
        }
    )*};
}

foreign!(
    gate::Channel,
    gate::Kind,
    gate::Purpose,
    crate::access::policies::About,
    crate::access::roles::Role
);
