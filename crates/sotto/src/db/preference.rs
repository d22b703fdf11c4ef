//! Table `preference`: wishes, which are no consents (SPEC CN-14).

use gate::{Channel, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::{DbError, Tx, registry::PREFERENCE};
use crate::{params, sql};

/// A row of `preference`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceRow {
    /// Whose.
    pub patient_id: PatientId,
    /// The channel liked best.
    pub channel: Option<Channel>,
    /// Not before this minute of the local day.
    pub from_minute: Option<u16>,
    /// Not from this minute of the local day on.
    pub until_minute: Option<u16>,
    /// Kinds not wanted, their words separated by spaces.
    pub kinds_off: String,
    /// Last change.
    pub updated_at: Timestamp,
}

/// A patient's wishes.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Option<PreferenceRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT patient_id, channel, from_minute, until_minute, kinds_off, updated_at
               FROM preference WHERE practice_id = $1 AND patient_id = $2"
        ),
        params![practice, patient],
        |row| {
            Ok(PreferenceRow {
                patient_id: row.get(0)?,
                channel: row.get(1)?,
                from_minute: row.get(2)?,
                until_minute: row.get(3)?,
                kinds_off: row.get(4)?,
                updated_at: row.get(5)?,
            })
        },
    )
}

/// Puts the wishes in place of the earlier ones.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &PreferenceRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO preference
                 (practice_id, patient_id, channel, from_minute, until_minute, kinds_off,
                  updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (practice_id, patient_id) DO UPDATE SET
                 channel = excluded.channel, from_minute = excluded.from_minute,
                 until_minute = excluded.until_minute, kinds_off = excluded.kinds_off,
                 updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.patient_id,
            row.channel,
            row.from_minute,
            row.until_minute,
            row.kinds_off,
            row.updated_at
        ],
    )?;
    tx.touch(PREFERENCE, row.patient_id.to_string());
    Ok(())
}
