//! What a patient likes best: a wish that never stands in for a consent (SPEC CN-12 to CN-14).

use gate::{Channel, Kind, Language, PatientId};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::told::{self, Note, RecordError, Told, in_use, wrong};
use crate::audit::{self, Actor, AuditError, Event, Log};
use crate::db::{self, DbError, Tx, patient::PatientRow, preference::PreferenceRow};
use crate::office::Office;

/// Why preferences were not stored.
#[derive(Debug, thiserror::Error)]
pub enum PreferenceError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit entry.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The hours make no window.
    #[error("from and until must be two different times of the day, such as 09:00 and 18:00")]
    Hours,
}

/// A patient's wishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// The channel liked best.
    pub channel: Option<Channel>,
    /// Minutes of the local day between which messages are welcome; a window may pass midnight.
    pub hours: Option<(u16, u16)>,
    /// Kinds not wanted.
    pub kinds_off: Vec<Kind>,
}

impl Preferences {
    /// Whether a message of this kind is welcome at this minute of the patient's day.
    #[must_use]
    pub fn welcomes(&self, kind: Kind, minute: u16) -> bool {
        let in_hours = self.hours.is_none_or(|(from, until)| {
            if from < until {
                (from..until).contains(&minute)
            } else {
                minute >= from || minute < until
            }
        });
        in_hours && !self.kinds_off.contains(&kind)
    }

    /// When a message of this kind is next welcome where the patient lives: `now` itself, or the
    /// begin of the next window. `None` when the kind is not wanted at all.
    #[must_use]
    pub fn next_welcome(&self, kind: Kind, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.kinds_off.contains(&kind) {
            return None;
        }
        let local = now.to_zoned(zone.clone());
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute()));
        let Some((from, _)) = self.hours else { return Some(now) };
        if self.welcomes(kind, minute.unwrap_or_default()) {
            return Some(now);
        }
        let opens = |date: Date| {
            let time = Time::midnight().checked_add(i64::from(from).minutes()).ok()?;
            Some(date.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp())
        };
        let today = opens(local.date()).filter(|opening| *opening > now);
        // At the end of time there is no tomorrow; then it goes now.
        Some(today.or_else(|| opens(local.date().tomorrow().ok()?)).unwrap_or(now))
    }
}

/// Writes down a patient's wishes in place of the earlier ones.
///
/// # Errors
/// [`PreferenceError`].
pub fn set(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    actor: Actor,
    patient: PatientId,
    wishes: &Preferences,
) -> Result<(), PreferenceError> {
    const DAY: u16 = 24 * 60;
    if wishes.hours.is_some_and(|(from, until)| from == until || from >= DAY || until > DAY) {
        return Err(PreferenceError::Hours);
    }
    let kinds: Vec<_> = wishes.kinds_off.iter().map(|kind| kind.as_str()).collect();
    let row = PreferenceRow {
        patient_id: patient,
        channel: wishes.channel,
        from_minute: wishes.hours.map(|(from, _)| from),
        until_minute: wishes.hours.map(|(_, until)| until),
        kinds_off: kinds.join(" "),
        updated_at: log.clock.now(),
    };
    db::preference::put(tx, log.practice, &row)?;
    let event = Event::new(audit::Kind::PatientChanged, actor)
        .about(db::registry::PREFERENCE, patient)
        .patient(patient);
    audit::append(tx, log, event)?;
    Ok(())
}

/// Writes down a patient's wishes as they were told, and keeps what was told before.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn record(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (patient, wishes): (PatientId, &Preferences),
    told: &Told,
) -> Result<(), RecordError> {
    in_use(tx, office, patient)?;
    if !matches!(wishes.channel, None | Some(Channel::Sms | Channel::Email | Channel::Portal)) {
        return wrong("channel", "what can be liked best is sms, email or portal");
    }
    let kinds: Vec<_> = wishes.kinds_off.iter().map(|kind| kind.as_str()).collect();
    let details = serde_json::json!({
        "channel": wishes.channel.map(Channel::as_str), "hours": wishes.hours, "kinds_off": kinds,
    });
    let about = (db::registry::PREFERENCE, patient.to_string());
    told::note(tx, office, actor, Note { patient, about, event: "changed", details, told })?;
    Ok(set(tx, office.into(), actor.clone(), patient, wishes)?)
}

/// Writes down the language a patient wants to be written to in.
///
/// # Errors
/// [`RecordError`]; the caller's transaction must then be given up.
pub fn speak(
    tx: &mut Tx<'_>,
    office: &Office,
    actor: &Actor,
    (patient, language): (PatientId, Language),
    told: &Told,
) -> Result<(), RecordError> {
    let row = in_use(tx, office, patient)?;
    let language = language.as_str();
    if row.language.as_deref().and_then(|tag| tag.split('-').next()) == Some(language) {
        return Ok(());
    }
    let details = serde_json::json!({ "language": language });
    let about = (db::registry::PATIENT, patient.to_string());
    told::note(tx, office, actor, Note { patient, about, event: "changed", details, told })?;
    let row = PatientRow { language: Some(language.to_owned()), ..row };
    db::patient::put(tx, office.practice(), &row)?;
    let event = Event::new(audit::Kind::PatientChanged, actor.clone())
        .about(db::registry::PATIENT, patient)
        .patient(patient)
        .code("language");
    audit::append(tx, office, event)?;
    Ok(())
}

/// A patient's wishes; the default when none are on file.
///
/// # Errors
/// [`DbError`].
pub fn get(tx: &mut Tx<'_>, log: Log<'_>, patient: PatientId) -> Result<Preferences, DbError> {
    let Some(row) = db::preference::get(tx, log.practice, patient)? else {
        return Ok(Preferences::default());
    };
    Ok(Preferences {
        channel: row.channel,
        hours: row.from_minute.zip(row.until_minute),
        kinds_off: row.kinds_off.split(' ').filter_map(Kind::from_word).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_welcome_is_by_the_patients_clock() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let at = |text: &str| {
            text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone.clone()).unwrap()
        };
        let day = Preferences { hours: Some((540, 1080)), ..Preferences::default() };
        let night = Preferences { hours: Some((1320, 360)), ..Preferences::default() };
        for (wishes, now, next) in [
            (&day, "2027-03-01T08:59", "2027-03-01T09:00"),
            (&day, "2027-03-01T09:00", "2027-03-01T09:00"),
            (&day, "2027-03-01T17:59", "2027-03-01T17:59"),
            (&day, "2027-03-01T18:00", "2027-03-02T09:00"),
            // The clocks go forward in the night to the 14th.
            (&day, "2027-03-13T18:00", "2027-03-14T09:00"),
            (&night, "2027-03-01T12:00", "2027-03-01T22:00"),
            (&night, "2027-03-01T23:00", "2027-03-01T23:00"),
            (&night, "2027-03-01T06:00", "2027-03-01T22:00"),
            (&Preferences::default(), "2027-03-01T03:00", "2027-03-01T03:00"),
        ] {
            let found = wishes.next_welcome(Kind::Recall, at(now).timestamp(), &zone);
            assert_eq!(found, Some(at(next).timestamp()), "{now}");
        }
        let off = Preferences { kinds_off: vec![Kind::Recall], ..day };
        assert_eq!(off.next_welcome(Kind::Recall, at("2027-03-01T12:00").timestamp(), &zone), None);
    }

    #[test]
    fn hours_may_pass_midnight() {
        let day = Preferences { hours: Some((540, 1080)), ..Preferences::default() };
        let night = Preferences { hours: Some((1320, 360)), ..Preferences::default() };
        for (minute, by_day, by_night) in [
            (539, false, false),
            (540, true, false),
            (1079, true, false),
            (1080, false, false),
            (1320, false, true),
            (0, false, true),
            (360, false, false),
        ] {
            assert_eq!(day.welcomes(Kind::Recall, minute), by_day, "{minute}");
            assert_eq!(night.welcomes(Kind::Recall, minute), by_night, "{minute}");
        }
        let off = Preferences { kinds_off: vec![Kind::Survey], ..Preferences::default() };
        assert!(!off.welcomes(Kind::Survey, 600) && off.welcomes(Kind::Recall, 600));
    }
}
