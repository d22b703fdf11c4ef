//! Automatic answers: which, in what language, and when silence is better.

use gate::{Address, Channel, Kind, MessageId, Origin, Purpose};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::effects::covers_texts;
use super::receive::{Case, InboundError};
use super::who;
use crate::audit::Actor;
use crate::compose::{ComposeError, Values, Variant};
use crate::conversations::tasks::TaskError;
use crate::db::appointment::AppointmentRow;
use crate::db::{Tx, inbound_message, message, patient, site};
use crate::facts;
use crate::ids::Id as _;
use crate::intake::{self, IntakeError, Request, Wanted, Words};
use crate::journeys::reminders::profile_values;
use crate::schedule::places;

/// An answer to be given.
#[derive(Debug, Clone)]
pub(super) struct Say<'a> {
    kind: Kind,
    variant: Variant,
    appointment: Option<&'a AppointmentRow>,
    to: Whom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    /// Only where it is sure which patient wrote.
    Patient,
    /// Whoever wrote.
    Anyone,
    /// Not our patient.
    Stranger,
}

impl<'a> Say<'a> {
    /// An answer of this kind, for a patient.
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, variant: Variant::Plain, appointment: None, to: Whom::Patient }
    }

    /// In another wording.
    pub(super) const fn variant(self, variant: Variant) -> Self {
        Self { variant, ..self }
    }

    /// About this appointment.
    pub(super) const fn about(self, appointment: &'a AppointmentRow) -> Self {
        Self { appointment: Some(appointment), ..self }
    }

    /// It may answer a number that is unknown or shared.
    pub(super) const fn stranger_too(self) -> Self {
        Self { to: Whom::Anyone, ..self }
    }

    /// It answers somebody who is not our patient.
    pub(super) const fn only_a_stranger(self) -> Self {
        Self { to: Whom::Stranger, ..self }
    }
}

/// Within so long, one emergency answer (RULEBOOK §12: one an episode).
const EPISODE: SignedDuration = SignedDuration::from_mins(30);
/// Within so long, one "the office is closed".
const CLOSED_ONCE: SignedDuration = SignedDuration::from_hours(12);
/// Within an hour, so many automatic answers to one address.
const MOST_AN_HOUR: i64 = 6;
/// Within an hour, so many messages from one address are a person's; more are a machine's.
const MOST_FROM_A_PERSON: i64 = 30;

/// Answers, unless silence is better. The gate has the last word; its refusal is on record.
pub(super) fn say(tx: &mut Tx<'_>, case: &Case<'_>, say: Say<'_>) -> Result<(), InboundError> {
    let patient = match (say.to, say.appointment) {
        (Whom::Stranger, _) => None,
        (_, Some(row)) => Some(row.patient_id),
        (_, None) => case.sender.patient(),
    };
    let on_the_air =
        case.arrival.channel == Channel::Sms && matches!(case.arrival.from, Address::Phone(_));
    let nobody = say.to == Whom::Patient && patient.is_none();
    if !on_the_air || nobody || better_silent(tx, case, say.kind)? {
        return Ok(());
    }
    let values = match values(tx, case, &say) {
        Ok(values) => values,
        Err(InboundError::Intake(IntakeError::Compose(error))) => {
            tracing::error!(%error, kind = say.kind.as_str(), "inbound.answer_not_written");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let patient = match patient {
        Some(id) => facts::subject(tx, case.office, id).map_err(IntakeError::from)?,
        None => None,
    };
    let request = Request {
        message: MessageId::new(case.office.clock()),
        patient,
        channel: Wanted::Channel(Channel::Sms),
        to: Some(case.arrival.from.clone()),
        kind: say.kind,
        purpose: Purpose::PatientRequest,
        origin: Origin::Reply { to_message_at: case.arrival.received_at.min(case.now) },
        words: Words::Template { values: values.variant(say.variant) },
        language: Some(who::language(tx, case.office, &case.sender, case.text)?),
        appointment: say.appointment.map(|row| row.id),
        inbound: Some(case.inbound),
        useless_after: None,
        actor: Actor::service("inbound"),
    };
    match intake::accept(tx, case.office, request) {
        Ok(_) => Ok(()),
        // Words that cannot be made touch nothing: what came in is kept, and staff have their task.
        Err(IntakeError::Compose(error)) => {
            tracing::error!(%error, kind = say.kind.as_str(), "inbound.answer_not_written");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Two machines must not answer each other for ever, and a number that is off hears only what the
/// law lets it hear.
fn better_silent(tx: &mut Tx<'_>, case: &Case<'_>, kind: Kind) -> Result<bool, InboundError> {
    let practice = case.office.practice();
    let ago = |span| case.now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let sent_since = |tx: &mut Tx<'_>, kind: Option<Kind>, span| {
        message::answers_since(tx, practice, &case.index, kind, ago(span))
    };
    let an_hour = SignedDuration::from_hours(1);
    match kind {
        Kind::EmergencyAutoreply => return Ok(sent_since(tx, Some(kind), EPISODE)? > 0),
        // The law asks for these, and each is sent once for each change of state.
        Kind::StopConfirm | Kind::WrongNumberApology => return Ok(false),
        Kind::AfterHoursAutoreply if sent_since(tx, Some(kind), CLOSED_ONCE)? > 0 => {
            return Ok(true);
        }
        _ => {}
    }
    if !kind.may_reach_an_opted_out_number() {
        let off = facts::opt_outs(tx, case.office, &case.index)?;
        if off.iter().any(|o| o.wrong_number || covers_texts(o)) {
            return Ok(true);
        }
    }
    Ok(sent_since(tx, None, an_hour)? >= MOST_AN_HOUR
        || inbound_message::count_since(tx, practice, &case.index, ago(an_hour))?
            > MOST_FROM_A_PERSON)
}

fn values(tx: &mut Tx<'_>, case: &Case<'_>, say: &Say<'_>) -> Result<Values, InboundError> {
    let compose = |error: ComposeError| InboundError::Intake(IntakeError::Compose(error));
    let mut values = Values::new();
    if let Some(row) = say.appointment {
        let practice = case.office.practice();
        let zone_of = |name: Option<String>| TimeZone::get(&name?).ok();
        let place = match row.site_id {
            Some(id) => site::get(tx, practice, id)?.and_then(|site| zone_of(site.timezone)),
            None => None,
        };
        let place = place.unwrap_or_else(|| case.office.profile().timezone.clone());
        let home = patient::get(tx, practice, row.patient_id)?.and_then(|p| zone_of(p.timezone));
        let zone = home.unwrap_or_else(|| place.clone());
        let apart = zone.to_offset(row.starts_at) != place.to_offset(row.starts_at);
        values = values.when(row.starts_at, &zone, apart);
    }
    let place = places::of_patient(tx, case.office, case.sender.patient());
    let hours = place.map_err(TaskError::from)?.hours;
    profile_values(case.office, values)
        .and_then(|values| {
            values.default_hours(
                &hours.in_words(gate::Language::English),
                &hours.in_words(gate::Language::Spanish),
            )
        })
        .map_err(compose)
}

/// Phrases with which machines answer, folded.
const AUTOMATIC: &[&str] = &[
    "automatic reply",
    "automated reply",
    "auto-reply",
    "autoreply",
    "auto reply",
    "automated message",
    "automatic message",
    "automated response",
    "auto-response",
    "this is an automatic",
    "out of office",
    "out of the office",
    "i'm driving with do not disturb",
    "i am driving with do not disturb",
    "i'm not receiving notifications",
    "i am not receiving notifications",
    "sent from my car",
    "do not reply to this",
    "this number is not monitored",
    "respuesta automatica",
    "mensaje automatico",
    "fuera de la oficina",
];

/// Another machine's answer. It may still hold an emergency, which is asked first.
pub(super) fn is_automatic(text: &str) -> bool {
    let folded = guard::fold(text).replace('\u{2019}', "'");
    AUTOMATIC.iter().any(|phrase| folded.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::is_automatic;

    #[test]
    fn machines_are_heard() {
        for text in [
            "(Auto-Reply) I'm busy",
            "This is an automated message. Please call the office.",
            "I’m driving with Do Not Disturb While Driving turned on.",
            "Respuesta automática: fuera de servicio",
        ] {
            assert!(is_automatic(text), "{text}");
        }
        for text in ["C", "I'm driving, late by 10 minutes", "stop", "Is this automated?", ""] {
            assert!(!is_automatic(text), "{text}");
        }
    }
}
