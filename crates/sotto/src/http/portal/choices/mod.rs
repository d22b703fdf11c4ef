//! `/window/choices`: what the patient agrees to, likes, and lets others hear. One question a page;
//! taking back is as easy as giving.

pub mod elsewhere;
pub mod overview;
pub mod people;
pub mod place;
pub mod receipt;
pub mod wishes;

mod words;

use axum::response::Response;

use super::inside::Choosing;
use crate::db::Tx;
use crate::office::Office;
use crate::portal::Visitor;
use crate::portal::choices::{self, ChoiceError, Choices};

/// Where a choice leads back to.
const HERE: &str = "/window/choices";

/// A line of a list, with where it leads.
struct Line {
    to: String,
    words: String,
    note: String,
}

/// Something to tick or to choose.
struct Tick {
    value: String,
    words: String,
    on: bool,
}

impl Tick {
    fn new(value: impl Into<String>, words: impl Into<String>, on: bool) -> Self {
        Self { value: value.into(), words: words.into(), on }
    }
}

/// "9:00": a minute of the day, by the 24-hour clock.
fn clock(minute: u16) -> String {
    format!("{}:{:02}", minute / 60, minute % 60)
}

impl Choosing {
    /// Reads everything chosen, and notes that it was shown.
    async fn chosen(&self) -> Result<Choices, Response> {
        let event = self.at.looked_around("choices");
        let me = self.me.clone();
        let look = move |tx: &mut Tx<'_>, office: &Office, _: &Visitor| {
            Ok::<_, ChoiceError>((choices::read(tx, office, &me)?, vec![event]))
        };
        self.at.seen(look).await
    }
}
