//! From whom, and about which appointment. A number several patients share never guesses.

use std::collections::BTreeSet;

use gate::facts::Dead;
use gate::{AppointmentId, Language, PatientId};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::receive::InboundError;
use crate::db::appointment::{self, AppointmentRow, AppointmentStatus};
use crate::db::{Tx, contact_point, message, patient};
use crate::office::Office;
use crate::people::patients::open_person;

/// Who may have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sender {
    /// Nobody on file has this address.
    Unknown,
    /// Exactly one patient has it.
    One(PatientId),
    /// Several have it: which one wrote is not known.
    Shared(Vec<PatientId>),
}

impl Sender {
    /// The patient, where it is sure.
    pub(super) fn patient(&self) -> Option<PatientId> {
        match self {
            Self::One(patient) => Some(*patient),
            Self::Unknown | Self::Shared(_) => None,
        }
    }

    /// Everybody it may be.
    pub(super) fn all(&self) -> &[PatientId] {
        match self {
            Self::Unknown => &[],
            Self::One(patient) => std::slice::from_ref(patient),
            Self::Shared(patients) => patients,
        }
    }
}

/// Whose address it is, and when the youngest of them was born: what they write is kept for so long. One
/// that was said to be somebody else's is nobody's.
pub(super) fn sender(
    tx: &mut Tx<'_>,
    office: &Office,
    index: &[u8; 32],
    now: Timestamp,
) -> Result<(Sender, Option<Date>), InboundError> {
    let practice = office.practice();
    let points = contact_point::by_address(tx, practice, index)?;
    let patients: BTreeSet<PatientId> = points
        .into_iter()
        .filter(|point| {
            !matches!(point.dead, Some(Dead::WrongNumber | Dead::Reassigned))
                && point.valid_until.is_none_or(|until| until > now)
        })
        .map(|point| point.patient_id)
        .collect();
    let (mut current, mut youngest) = (Vec::new(), None);
    for id in patients {
        let row = patient::get(tx, practice, id)?.filter(|row| row.merged_into.is_none());
        if let Some(row) = row {
            let person = open_person(office.keys(), practice, id, row.person_sealed).ok();
            youngest = youngest.max(person.and_then(|person| person.birth_date));
            current.push(id);
        }
    }
    let sender = match current.as_slice() {
        [] => Sender::Unknown,
        [one] => Sender::One(*one),
        _ => Sender::Shared(current),
    };
    Ok((sender, youngest))
}

/// How far back a reminder counts: the longest step of the default plan and a day.
const REMINDED_WITHIN: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The one appointment that a reply can be about: still ahead, reminded at this very number of
/// late, of a patient who has the number; and no other such.
pub(super) fn appointment_meant(
    tx: &mut Tx<'_>,
    office: &Office,
    index: &[u8; 32],
    sender: &Sender,
    now: Timestamp,
) -> Result<Option<AppointmentRow>, InboundError> {
    let since = now.checked_sub(REMINDED_WITHIN).unwrap_or(Timestamp::MIN);
    let reminded: Vec<AppointmentId> = message::reminded_at(tx, office.practice(), index, since)?;
    let mut meant = None;
    for id in reminded {
        let Some(row) = appointment::get(tx, office.practice(), id)? else { continue };
        let ahead = row.status == AppointmentStatus::Booked && row.starts_at > now;
        if !ahead || !sender.all().contains(&row.patient_id) {
            continue;
        }
        if meant.is_some() {
            return Ok(None);
        }
        meant = Some(row);
    }
    Ok(meant)
}

/// The language to answer in: the patient's; where several may have written, theirs if they share
/// one; otherwise what the text looks like.
pub(super) fn language(
    tx: &mut Tx<'_>,
    office: &Office,
    sender: &Sender,
    text: &str,
) -> Result<Language, InboundError> {
    let mut languages = BTreeSet::new();
    for id in sender.all() {
        let row = patient::get(tx, office.practice(), *id)?;
        languages.insert(row.and_then(|r| Language::from_word(r.language.as_deref()?)));
    }
    let mut languages = languages.into_iter();
    Ok(match (languages.next(), languages.next()) {
        (Some(Some(language)), None) => language,
        _ if looks_spanish(text) => Language::Spanish,
        _ => Language::English,
    })
}

/// Words that are common in Spanish texts and are no English words.
const SPANISH: &[&str] = &[
    "alto",
    "ayuda",
    "baja",
    "cancelar",
    "cita",
    "como",
    "cuando",
    "doctora",
    "donde",
    "equivocado",
    "es",
    "esta",
    "estoy",
    "favor",
    "gracias",
    "hola",
    "hoy",
    "llegar",
    "mas",
    "mensajes",
    "mi",
    "necesito",
    "numero",
    "otra",
    "para",
    "parar",
    "pare",
    "por",
    "puedo",
    "que",
    "quien",
    "quiero",
    "si",
    "soy",
    "tengo",
    "textos",
    "usted",
    "ya",
];

fn looks_spanish(text: &str) -> bool {
    let folded = guard::fold(text);
    let words: Vec<&str> =
        folded.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let spanish = words.iter().filter(|word| SPANISH.contains(word)).count();
    spanish > 0 && spanish * 4 >= words.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spanish_is_seen() {
        for text in ["ALTO", "¿quién es?", "No puedo ir, gracias", "Número equivocado", "ayuda"]
        {
            assert!(looks_spanish(text), "{text}");
        }
        for text in ["STOP", "who is this", "C", "", "I need to see the doctor", "👍"] {
            assert!(!looks_spanish(text), "{text}");
        }
    }
}
