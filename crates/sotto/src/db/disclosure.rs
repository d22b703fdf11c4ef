//! What left the house about a patient, for the accounting of disclosures (45 CFR 164.528): read
//! from tables `message`, `suppression_event` and `audit_entry`.

use gate::{Channel, Kind, MessageId, PatientId, PracticeId, Purpose};
use jiff::Timestamp;

use crate::db::{DbError, Tx};
use crate::{params, sql};

/// A message that went to an address which turned out to be somebody else's.
#[derive(Debug, Clone)]
pub struct Misdirected {
    /// Which.
    pub message: MessageId,
    /// How.
    pub channel: Channel,
    /// Which kind.
    pub kind: Kind,
    /// Why.
    pub purpose: Purpose,
    /// The end of the address is all that is told of it.
    pub address_index: Vec<u8>,
    /// When it went.
    pub sent_at: Timestamp,
    /// When the mistake was learnt.
    pub learnt_at: Timestamp,
    /// The leaf of the entry that cleared it, once it has one.
    pub leaf: Option<i64>,
}

/// Messages about a patient that went, since an instant, to an address that was later said to be
/// somebody else's; newest first.
///
/// # Errors
/// [`DbError`].
pub fn misdirected(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    since: Timestamp,
) -> Result<Vec<Misdirected>, DbError> {
    tx.query(
        sql!(
            "SELECT m.id, m.channel, m.kind, m.purpose, m.address_index, m.send_at,
                    (SELECT MIN(s.occurred_at) FROM suppression_event s
                      WHERE s.practice_id = $1 AND s.address_index = m.address_index
                        AND s.event = 'wrong_number' AND s.occurred_at >= m.send_at),
                    (SELECT e.leaf_index FROM audit_entry e
                      WHERE e.practice_id = $1 AND e.id = m.clearance_entry)
               FROM message m
              WHERE m.practice_id = $1 AND m.patient_id = $2 AND m.send_at >= $3
                AND m.state IN ('sent', 'delivered', 'undelivered', 'uncertain')
                AND m.kind <> 'wrong_number_apology'
                AND EXISTS (SELECT 1 FROM suppression_event s
                      WHERE s.practice_id = $1 AND s.address_index = m.address_index
                        AND s.event = 'wrong_number' AND s.occurred_at >= m.send_at)
              ORDER BY m.send_at DESC, m.id DESC LIMIT 500"
        ),
        params![practice, patient, since],
        |row| {
            Ok(Misdirected {
                message: row.get(0)?,
                channel: row.get(1)?,
                kind: row.get(2)?,
                purpose: row.get(3)?,
                address_index: row.get(4)?,
                sent_at: row.get(5)?,
                learnt_at: row.get(6)?,
                leaf: row.get(7)?,
            })
        },
    )
}

/// How many messages went since an instant, by why and whether to somebody who acts for the patient.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Why.
    pub purpose: Purpose,
    /// To a caregiver's address.
    pub to_carer: bool,
    /// How many.
    pub count: i64,
}

/// Counts what went about a patient.
///
/// # Errors
/// [`DbError`].
pub fn counted(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    since: Timestamp,
) -> Result<Vec<Counted>, DbError> {
    tx.query(
        sql!(
            "SELECT m.purpose, CASE WHEN c.caregiver_id IS NULL THEN 0 ELSE 1 END, COUNT(*)
               FROM message m
               LEFT JOIN contact_point c ON c.practice_id = m.practice_id
                    AND c.id = m.contact_point_id
              WHERE m.practice_id = $1 AND m.patient_id = $2 AND m.send_at >= $3
                AND m.state IN ('sent', 'delivered', 'undelivered', 'uncertain')
              GROUP BY m.purpose, CASE WHEN c.caregiver_id IS NULL THEN 0 ELSE 1 END"
        ),
        params![practice, patient, since],
        |row| {
            Ok(Counted {
                purpose: row.get(0)?,
                to_carer: row.get::<i64>(1)? != 0,
                count: row.get(2)?,
            })
        },
    )
}
