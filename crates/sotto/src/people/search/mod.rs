//! Finding a patient by what staff type: parts of a name, a date of birth, the last digits of a
//! number, a record number, or several of these together.
//!
//! Names are stored sealed, so nothing can be looked up in them. Beside each patient lie tokens
//! instead (`db/patient_search.rs`): keyed hashes of what may be typed, eight bytes each, which
//! without the practice's key say nothing of what they stand for. A search turns words into tokens
//! ([`query`]), takes the patients who have all of them, opens those and compares what is written
//! with what was typed ([`find`]). A token that should not be there therefore shows nobody.
//!
//! [`index`] keeps the tokens, in the transaction that changes the patient. Nothing rests on them:
//! a crash leaves what the last commit left, and what is missing is made at the next start.

pub mod find;
pub mod folding;
pub mod index;
pub mod query;

mod dates;

use seal::SealError;

use super::contact_points::ContactPointError;
use crate::db::DbError;

/// A search failed, or the tokens of a patient could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A patient's record cannot be opened.
    #[error("a patient's record cannot be opened: {0}")]
    Seal(#[from] SealError),
}

impl From<ContactPointError> for SearchError {
    fn from(error: ContactPointError) -> Self {
        match error {
            ContactPointError::Db(error) => Self::Db(error),
            ContactPointError::Seal(error) => Self::Seal(error),
        }
    }
}
