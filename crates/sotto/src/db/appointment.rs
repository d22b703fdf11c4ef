//! Table `appointment`.

use gate::{AppointmentId, Channel, Kind, PatientId, PracticeId};
use jiff::Timestamp;

use crate::db::words::words;
use crate::db::{DbError, Row, Tx, registry::APPOINTMENT};
use crate::ids::{ClinicianId, SiteId};
use crate::{params, sql};

/// What the schedule says of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppointmentStatus {
    /// It will take place.
    Booked,
    /// It will not.
    Cancelled,
    /// It did.
    Fulfilled,
    /// The patient did not come.
    NoShow,
}

/// What the patient answered to a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppointmentReply {
    /// Will come.
    Confirmed,
    /// Cannot come.
    Declined,
    /// Wants another time.
    Reschedule,
}

words! {
    AppointmentStatus {
        Booked = "booked",
        Cancelled = "cancelled",
        Fulfilled = "fulfilled",
        NoShow = "noshow",
    }
    AppointmentReply {
        Confirmed = "confirmed",
        Declined = "declined",
        Reschedule = "reschedule",
    }
}

/// A row of `appointment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppointmentRow {
    /// Key.
    pub id: AppointmentId,
    /// The EHR's id.
    pub external_id: String,
    /// Whose.
    pub patient_id: PatientId,
    /// With whom.
    pub clinician_id: Option<ClinicianId>,
    /// Where.
    pub site_id: Option<SiteId>,
    /// Begin.
    pub starts_at: Timestamp,
    /// End.
    pub ends_at: Option<Timestamp>,
    /// What the schedule says.
    pub status: AppointmentStatus,
    /// Counts changes of time, site or status; reminders belong to one version.
    pub version: i64,
    /// What the patient answered, to this version.
    pub reply: Option<AppointmentReply>,
    /// When.
    pub reply_at: Option<Timestamp>,
    /// Last change.
    pub updated_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<AppointmentRow, DbError> {
    Ok(AppointmentRow {
        id: row.get(0)?,
        external_id: row.get(1)?,
        patient_id: row.get(2)?,
        clinician_id: row.get(3)?,
        site_id: row.get(4)?,
        starts_at: row.get(5)?,
        ends_at: row.get(6)?,
        status: row.get(7)?,
        version: row.get(8)?,
        reply: row.get(9)?,
        reply_at: row.get(10)?,
        updated_at: row.get(11)?,
    })
}

/// The appointment with this id.
///
/// # Errors
/// [`DbError`].
pub fn get(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: AppointmentId,
) -> Result<Option<AppointmentRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, external_id, patient_id, clinician_id, site_id, starts_at, ends_at, status,
                    version, reply, reply_at, updated_at
               FROM appointment WHERE practice_id = $1 AND id = $2"
        ),
        params![practice, id],
        read,
    )
}

/// The appointment with this id of the EHR.
///
/// # Errors
/// [`DbError`].
pub fn by_external_id(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    external_id: &str,
) -> Result<Option<AppointmentRow>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, external_id, patient_id, clinician_id, site_id, starts_at, ends_at, status,
                    version, reply, reply_at, updated_at
               FROM appointment WHERE practice_id = $1 AND external_id = $2"
        ),
        params![practice, external_id],
        read,
    )
}

/// A patient's appointments that begin in this span of time, the end left out.
///
/// # Errors
/// [`DbError`].
pub fn of_patient(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    span: (Timestamp, Timestamp),
) -> Result<Vec<AppointmentRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, external_id, patient_id, clinician_id, site_id, starts_at, ends_at, status,
                    version, reply, reply_at, updated_at
               FROM appointment
              WHERE practice_id = $1 AND patient_id = $2 AND starts_at >= $3 AND starts_at < $4
              ORDER BY starts_at, id"
        ),
        params![practice, patient, span.0, span.1],
        read,
    )
}

/// Where a patient has been booked, ever.
///
/// # Errors
/// [`DbError`].
pub fn sites_of(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
) -> Result<Vec<SiteId>, DbError> {
    tx.query(
        sql!(
            "SELECT DISTINCT site_id FROM appointment
              WHERE practice_id = $1 AND patient_id = $2 AND site_id IS NOT NULL
              ORDER BY site_id"
        ),
        params![practice, patient],
        |row| row.get(0),
    )
}

/// Where a patient is seen next, or was seen last; none where no appointment names a place.
///
/// # Errors
/// [`DbError`].
pub fn site_near(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patient: PatientId,
    now: Timestamp,
) -> Result<Option<SiteId>, DbError> {
    let next = tx.query_opt(
        sql!(
            "SELECT site_id FROM appointment
              WHERE practice_id = $1 AND patient_id = $2 AND site_id IS NOT NULL
                AND status = 'booked' AND starts_at >= $3
              ORDER BY starts_at, id LIMIT 1"
        ),
        params![practice, patient, now],
        |row| row.get(0),
    )?;
    if next.is_some() {
        return Ok(next);
    }
    tx.query_opt(
        sql!(
            "SELECT site_id FROM appointment
              WHERE practice_id = $1 AND patient_id = $2 AND site_id IS NOT NULL
                AND status <> 'cancelled' AND starts_at < $3
              ORDER BY starts_at DESC, id DESC LIMIT 1"
        ),
        params![practice, patient, now],
        |row| row.get(0),
    )
}

/// Where each of these patients is seen: a line for each place that an appointment names.
///
/// # Errors
/// [`DbError`].
pub fn sites_of_each(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    patients: &[PatientId],
) -> Result<Vec<(PatientId, SiteId)>, DbError> {
    let ids: Vec<String> = patients.iter().map(|id| format!("\"{id}\"")).collect();
    tx.query(
        sql! {
            sqlite: "SELECT DISTINCT patient_id, site_id FROM appointment
                  WHERE practice_id = $1 AND site_id IS NOT NULL
                    AND patient_id IN (SELECT value FROM json_each($2))
                  ORDER BY patient_id, site_id",
            postgres: "SELECT DISTINCT patient_id, site_id FROM appointment
                  WHERE practice_id = $1 AND site_id IS NOT NULL AND patient_id = ANY
                        (ARRAY(SELECT json_array_elements_text($2::TEXT::JSON)))
                  ORDER BY patient_id, site_id"
        },
        params![practice, format!("[{}]", ids.join(","))],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// All appointments that begin in this span of time, the end left out; none of the patient that is
/// nobody.
///
/// # Errors
/// [`DbError`].
pub fn starting(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    span: (Timestamp, Timestamp),
) -> Result<Vec<AppointmentRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, external_id, patient_id, clinician_id, site_id, starts_at, ends_at, status,
                    version, reply, reply_at, updated_at
               FROM appointment
              WHERE practice_id = $1 AND starts_at >= $2 AND starts_at < $3
                AND patient_id NOT IN (SELECT patient_id FROM test_patient WHERE practice_id = $1)
              ORDER BY starts_at, id"
        ),
        params![practice, span.0, span.1],
        read,
    )
}

/// Adds the row or puts it in place of the one with its id.
///
/// # Errors
/// [`DbError`].
pub fn put(tx: &mut Tx<'_>, practice: PracticeId, row: &AppointmentRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO appointment
                 (practice_id, id, external_id, patient_id, clinician_id, site_id, starts_at,
                  ends_at, status, version, reply, reply_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT (practice_id, id) DO UPDATE SET
                 patient_id = excluded.patient_id, clinician_id = excluded.clinician_id,
                 site_id = excluded.site_id, starts_at = excluded.starts_at,
                 ends_at = excluded.ends_at, status = excluded.status,
                 version = excluded.version, reply = excluded.reply,
                 reply_at = excluded.reply_at, updated_at = excluded.updated_at"
        ),
        params![
            practice,
            row.id,
            row.external_id,
            row.patient_id,
            row.clinician_id,
            row.site_id,
            row.starts_at,
            row.ends_at,
            row.status,
            row.version,
            row.reply,
            row.reply_at,
            row.updated_at
        ],
    )?;
    tx.touch(APPOINTMENT, row.id.to_string());
    Ok(())
}
/// An appointment as the schedule of a day shows it.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Which.
    pub id: AppointmentId,
    /// Whose.
    pub patient: PatientId,
    /// Who it is.
    pub person_sealed: Vec<u8>,
    /// Where: the site, and its name.
    pub site: Option<(SiteId, String)>,
    /// When.
    pub starts_at: Timestamp,
    /// What the schedule says.
    pub status: AppointmentStatus,
    /// What the patient answered.
    pub reply: Option<AppointmentReply>,
}

/// Appointments that begin in a span of time, by when they begin: those behind `after`.
///
/// # Errors
/// [`DbError`].
pub fn visits(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (from, until): (Timestamp, Timestamp),
    after: (Timestamp, AppointmentId),
    most: u32,
) -> Result<Vec<Visit>, DbError> {
    tx.query(
        sql!(
            "SELECT a.id, a.patient_id, p.person_sealed, a.site_id, s.name, a.starts_at, a.status,
                    a.reply
               FROM appointment a
               JOIN patient p ON p.practice_id = a.practice_id AND p.id = a.patient_id
               LEFT JOIN site s ON s.practice_id = a.practice_id AND s.id = a.site_id
              WHERE a.practice_id = $1 AND a.starts_at >= $2 AND a.starts_at < $3
                AND (a.starts_at, a.id) > ($4, $5)
                AND a.patient_id NOT IN (SELECT patient_id FROM test_patient WHERE practice_id = $1)
              ORDER BY a.starts_at, a.id LIMIT $6"
        ),
        params![practice, from, until, after.0, after.1, most],
        |row| {
            let (site, name): (Option<SiteId>, Option<String>) = (row.get(3)?, row.get(4)?);
            Ok(Visit {
                id: row.get(0)?,
                patient: row.get(1)?,
                person_sealed: row.get(2)?,
                site: site.zip(name),
                starts_at: row.get(5)?,
                status: row.get(6)?,
                reply: row.get(7)?,
            })
        },
    )
}

/// What went out about an appointment.
#[derive(Debug, Clone)]
pub struct Reminded {
    /// About which.
    pub appointment: AppointmentId,
    /// What.
    pub kind: Kind,
    /// How.
    pub channel: Channel,
    /// Where it stands.
    pub state: String,
    /// Since when.
    pub state_at: Timestamp,
}

/// What went out about appointments that begin in a span of time, the oldest first.
///
/// # Errors
/// [`DbError`].
pub fn sent_about(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (from, until): (Timestamp, Timestamp),
) -> Result<Vec<Reminded>, DbError> {
    tx.query(
        sql!(
            "SELECT m.appointment_id, m.kind, m.channel, m.state, m.state_at
               FROM appointment a
               JOIN message m ON m.practice_id = a.practice_id AND m.appointment_id = a.id
              WHERE a.practice_id = $1 AND a.starts_at >= $2 AND a.starts_at < $3
                AND m.kind IN ('appt_reminder', 'appt_reminder_generic')
              ORDER BY m.created_at, m.id"
        ),
        params![practice, from, until],
        |row| {
            Ok(Reminded {
                appointment: row.get(0)?,
                kind: row.get(1)?,
                channel: row.get(2)?,
                state: row.get(3)?,
                state_at: row.get(4)?,
            })
        },
    )
}

/// How many appointments begin in a span of time.
///
/// # Errors
/// [`DbError`].
pub fn count_visits(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    (from, until): (Timestamp, Timestamp),
) -> Result<i64, DbError> {
    tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM appointment
              WHERE practice_id = $1 AND starts_at >= $2 AND starts_at < $3
                AND patient_id NOT IN (SELECT patient_id FROM test_patient WHERE practice_id = $1)"
        ),
        params![practice, from, until],
        |row| row.get(0),
    )
}
