//! Tables `restriction` (PRIV-06, CLIN-10) and `alternative_contact` (PRIV-05). No import writes
//! to either.

use gate::{Channel, ContactPointId, PatientId, PracticeId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::words::words;
use crate::db::{
    DbError, Tx,
    registry::{ALTERNATIVE_CONTACT, RESTRICTION},
};
use crate::{params, sql};

/// What a restriction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestrictedThing {
    /// Never on a channel.
    Channel,
    /// Never at a contact point.
    ContactPoint,
    /// Never a kind of message.
    Kind,
    /// Nothing automated.
    Hold,
    /// No voicemail, no text, no caller's name.
    Safety,
    /// A kind of message, or every kind, is the young person's own (PRIV-09).
    MinorConfidential,
    /// Whoever opens the record is asked about it (docs/log.md).
    Watched,
    /// Their record is of a programme for substance use disorders (42 CFR Part 2, PRIV-16): what was
    /// said with them is closed to most, and sensitive wherever it goes.
    Part2,
}

/// What became of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestrictionStatus {
    /// Binding.
    Accepted,
    /// Not agreed to.
    Declined,
    /// Over.
    Terminated,
}

words! {
    RestrictedThing {
        Channel = "channel",
        ContactPoint = "contact_point",
        Kind = "kind",
        Hold = "hold",
        Safety = "safety",
        MinorConfidential = "minor_confidential",
        Watched = "watched",
        Part2 = "part2",
    }
    RestrictionStatus { Accepted = "accepted", Declined = "declined", Terminated = "terminated" }
}

/// A row of `restriction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestrictionRow {
    /// Key.
    pub id: Uuid,
    /// Whose.
    pub patient_id: PatientId,
    /// About what.
    pub what: RestrictedThing,
    /// Which channel, contact point or kind.
    pub value: Option<String>,
    /// What became of it.
    pub status: RestrictionStatus,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// Who wrote it down.
    pub recorded_by: String,
    /// When.
    pub recorded_at: Timestamp,
}

impl RestrictionRow {
    /// Whether it binds now.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.status == RestrictionStatus::Accepted
            && self.valid_from <= now
            && self.valid_until.is_none_or(|until| now < until)
    }
}

/// Whose records are watched now.
///
/// # Errors
/// [`DbError`].
pub fn watched(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    now: Timestamp,
) -> Result<Vec<PatientId>, DbError> {
    tx.query(
        sql!(
            "SELECT DISTINCT patient_id FROM restriction
              WHERE practice_id = $1 AND what = 'watched' AND status = 'accepted'
                AND valid_from <= $2 AND (valid_until IS NULL OR valid_until > $2)"
        ),
        params![practice, now],
        |row| row.get(0),
    )
}

/// Which of these patients carry the tag `part2` now.
///
/// # Errors
/// [`DbError`].
pub fn part2_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patients: &[PatientId],
    now: Timestamp,
) -> Result<Vec<PatientId>, DbError> {
    let ids: Vec<String> = patients.iter().map(|id| format!("\"{id}\"")).collect();
    tx.query(
        sql! {
            sqlite: "SELECT DISTINCT patient_id FROM restriction
                  WHERE practice_id = $1 AND what = 'part2' AND status = 'accepted'
                    AND valid_from <= $2 AND (valid_until IS NULL OR valid_until > $2)
                    AND patient_id IN (SELECT value FROM json_each($3))",
            postgres: "SELECT DISTINCT patient_id FROM restriction
                  WHERE practice_id = $1 AND what = 'part2' AND status = 'accepted'
                    AND valid_from <= $2 AND (valid_until IS NULL OR valid_until > $2)
                    AND patient_id = ANY (ARRAY(SELECT json_array_elements_text($3::TEXT::JSON)))"
        },
        params![practice, now, format!("[{}]", ids.join(","))],
        |row| row.get(0),
    )
}

/// A patient's restrictions, also those that are over.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<RestrictionRow>, DbError> {
    // Sorted here: to have them in the order of the key, SQLite would go through the whole practice.
    let mut rows = tx.query(
        sql!(
            "SELECT id, patient_id, what, value, status, valid_from, valid_until, recorded_by,
                    recorded_at
               FROM restriction WHERE practice_id = $1 AND patient_id = $2"
        ),
        params![practice, patient],
        |row| {
            Ok(RestrictionRow {
                id: row.get(0)?,
                patient_id: row.get(1)?,
                what: row.get(2)?,
                value: row.get(3)?,
                status: row.get(4)?,
                valid_from: row.get(5)?,
                valid_until: row.get(6)?,
                recorded_by: row.get(7)?,
                recorded_at: row.get(8)?,
            })
        },
    )?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &RestrictionRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO restriction
                 (practice_id, id, patient_id, what, value, status, valid_from, valid_until,
                  recorded_by, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 status = excluded.status, valid_until = excluded.valid_until"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.what,
            row.value,
            row.status,
            row.valid_from,
            row.valid_until,
            row.recorded_by,
            row.recorded_at
        ],
    )?;
    tx.touch(RESTRICTION, row.id.to_string());
    Ok(())
}

/// A row of `alternative_contact`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlternativeRow {
    /// Key.
    pub id: Uuid,
    /// Whose.
    pub patient_id: PatientId,
    /// Which channel; `None`: all.
    pub channel: Option<Channel>,
    /// Use this one; `None`: none on that channel.
    pub contact_point_id: Option<ContactPointId>,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Option<Timestamp>,
    /// Where the request is kept.
    pub evidence: Option<String>,
    /// Who wrote it down.
    pub recorded_by: String,
    /// When.
    pub recorded_at: Timestamp,
}

/// A patient's alternative contacts, also those that are over.
///
/// # Errors
/// [`DbError`].
pub fn alternatives_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<AlternativeRow>, DbError> {
    // Sorted here: to have them in the order of the key, SQLite would go through the whole practice.
    let mut rows = tx.query(
        sql!(
            "SELECT id, patient_id, channel, contact_point_id, valid_from, valid_until, evidence,
                    recorded_by, recorded_at
               FROM alternative_contact WHERE practice_id = $1 AND patient_id = $2"
        ),
        params![practice, patient],
        |row| {
            Ok(AlternativeRow {
                id: row.get(0)?,
                patient_id: row.get(1)?,
                channel: row.get(2)?,
                contact_point_id: row.get(3)?,
                valid_from: row.get(4)?,
                valid_until: row.get(5)?,
                evidence: row.get(6)?,
                recorded_by: row.get(7)?,
                recorded_at: row.get(8)?,
            })
        },
    )?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put_alternative(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    row: &AlternativeRow,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO alternative_contact
                 (practice_id, id, patient_id, channel, contact_point_id, valid_from, valid_until,
                  evidence, recorded_by, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (practice_id, id) DO UPDATE SET valid_until = excluded.valid_until"
        ),
        params![
            practice,
            row.id,
            row.patient_id,
            row.channel,
            row.contact_point_id,
            row.valid_from,
            row.valid_until,
            row.evidence,
            row.recorded_by,
            row.recorded_at
        ],
    )?;
    tx.touch(ALTERNATIVE_CONTACT, row.id.to_string());
    Ok(())
}
