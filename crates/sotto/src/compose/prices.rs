//! What a text costs: the carrier's price for one part, as the practice wrote it down. It decides
//! nothing; it stands beside the words while they are written.

use gate::{Channel, PracticeId};

use crate::audit::{self, AuditError, Event};
use crate::db::registry::SETTING;
use crate::db::{DbError, Tx, setting, vendor};
use crate::office::Office;

/// The price of one part, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(u32);

/// A price of more than a dollar a part is a slip.
const MOST: u32 = 1_000_000;

impl Price {
    /// From cents as somebody writes them: `0.79`. None for what is no price below a dollar.
    #[must_use]
    pub fn from_cents(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('¢').trim_end();
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || whole.is_empty() || part.len() > 4 {
            return None;
        }
        let millionths: u32 = format!("{whole}{part:0<4}").parse().ok()?;
        (millionths <= MOST).then_some(Self(millionths))
    }

    /// In cents, as one would write it: `0.79`.
    #[must_use]
    pub fn cents(self) -> String {
        let text = format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// What so many parts cost, to a tenth of a cent: "about 1.6 ¢".
    #[must_use]
    pub fn of_parts(self, parts: usize) -> String {
        let parts = u64::try_from(parts).unwrap_or(u64::MAX);
        let tenths = u64::from(self.0).saturating_mul(parts).saturating_add(500) / 1_000;
        format!("about {}.{} ¢", tenths / 10, tenths % 10)
    }
}

fn name(adapter: &str) -> String {
    format!("price/{adapter}")
}

/// The price of a part by an adapter, where somebody wrote it down.
///
/// # Errors
/// [`DbError`].
pub fn by(tx: &mut Tx<'_>, practice: PracticeId, adapter: &str) -> Result<Option<Price>, DbError> {
    let stored = setting::get(tx, practice, &name(adapter))?;
    Ok(stored.and_then(|cents| Price::from_cents(&cents)))
}

/// The price of a part by whoever carries texts.
///
/// # Errors
/// [`DbError`].
pub fn of_texts(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Option<Price>, DbError> {
    match vendor::channel(tx, practice, Channel::Sms)? {
        Some(carrier) => by(tx, practice, &carrier.adapter),
        None => Ok(None),
    }
}

/// Writes down the price of a part by an adapter; none: nobody knows it any more.
///
/// # Errors
/// [`DbError`]; [`AuditError`] through the caller's type.
pub fn set<E: From<DbError> + From<AuditError>>(
    tx: &mut Tx<'_>,
    office: &Office,
    (adapter, price): (&str, Option<Price>),
    event: Event,
) -> Result<(), E> {
    let (name, now) = (name(adapter), office.clock().now());
    let cents = price.map(Price::cents).unwrap_or_default();
    setting::put(tx, office.practice(), (&name, &cents), now)?;
    audit::append(tx, office, event.about(SETTING, name).code("price"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_read_and_written_back() {
        for (text, cents) in [
            ("0.79", "0.79"),
            ("0.790", "0.79"),
            ("1", "1"),
            ("0.0083 ¢", "0.0083"),
            ("100", "100"),
        ] {
            assert_eq!(Price::from_cents(text).unwrap().cents(), cents, "{text}");
        }
        for text in ["", ".", "-1", "1,5", "0.00001", "101", "a", "99999999999"] {
            assert_eq!(Price::from_cents(text), None, "{text}");
        }
    }

    #[test]
    fn parts_cost_so_much() {
        let price = Price::from_cents("0.79").unwrap();
        for (parts, says) in [(1, "about 0.8 ¢"), (2, "about 1.6 ¢"), (13, "about 10.3 ¢")] {
            assert_eq!(price.of_parts(parts), says);
        }
    }
}
