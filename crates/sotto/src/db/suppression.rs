//! Table `suppression_event`: opt-outs and what undoes them, append-only (RULEBOOK §5.4).

use gate::{Channel, Kind, PracticeId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::words::words;
use crate::db::{DbError, Tx, registry::SUPPRESSION_EVENT};
use crate::{params, sql};

/// What happened to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppressionKind {
    /// No more messages (TEL-10).
    OptOut,
    /// Messages again (TEL-18); never by an import.
    OptIn,
    /// It is somebody else's (TEL-19).
    WrongNumber,
    /// The one confirmation was sent or queued (TEL-13).
    Confirmed,
}

/// Where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppressionSource {
    /// A per-se word in a reply.
    Keyword,
    /// Other words that a reasonable person reads so (TEL-11).
    Words,
    /// Staff wrote it down.
    Staff,
    /// The carrier's own list.
    Carrier,
    /// The button in a mail (RFC 8058).
    OneClick,
}

words! {
    SuppressionKind {
        OptOut = "opt_out",
        OptIn = "opt_in",
        WrongNumber = "wrong_number",
        Confirmed = "confirmed",
    }
    SuppressionSource {
        Keyword = "keyword",
        Words = "words",
        Staff = "staff",
        Carrier = "carrier",
        OneClick = "one_click",
    }
}

/// A row of `suppression_event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionRow {
    /// Key.
    pub id: Uuid,
    /// The address, as a blind index.
    pub address_index: Vec<u8>,
    /// What happened.
    pub event: SuppressionKind,
    /// Which channel; `None`: all automated.
    pub channel: Option<Channel>,
    /// Which kind of message; `None`: all.
    pub kind: Option<Kind>,
    /// Where it came from.
    pub source: SuppressionSource,
    /// The message that said so.
    pub inbound_id: Option<Uuid>,
    /// Who wrote it down.
    pub recorded_by: String,
    /// When.
    pub occurred_at: Timestamp,
}

/// What happened to an address, oldest first.
///
/// # Errors
/// [`DbError`].
pub fn of_address(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    address_index: &[u8],
) -> Result<Vec<SuppressionRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, address_index, event, channel, kind, source, inbound_id, recorded_by,
                    occurred_at
               FROM suppression_event WHERE practice_id = $1 AND address_index = $2
              ORDER BY occurred_at, id"
        ),
        params![practice, address_index],
        |row| {
            Ok(SuppressionRow {
                id: row.get(0)?,
                address_index: row.get(1)?,
                event: row.get(2)?,
                channel: row.get(3)?,
                kind: row.get(4)?,
                source: row.get(5)?,
                inbound_id: row.get(6)?,
                recorded_by: row.get(7)?,
                occurred_at: row.get(8)?,
            })
        },
    )
}

/// Adds an event.
///
/// # Errors
/// [`DbError`].
pub fn add(tx: &mut Tx<'_>, practice: PracticeId, row: &SuppressionRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO suppression_event
                 (practice_id, id, address_index, event, channel, kind, source, inbound_id,
                  recorded_by, occurred_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        params![
            practice,
            row.id,
            row.address_index,
            row.event,
            row.channel,
            row.kind,
            row.source,
            row.inbound_id,
            row.recorded_by,
            row.occurred_at
        ],
    )?;
    tx.touch(SUPPRESSION_EVENT, row.id.to_string());
    Ok(())
}
