//! The tokens of a patient: kept by whoever changes one, and made at the start for whoever has none.

use std::collections::BTreeSet;

use gate::{Address, PatientId};
use seal::{Keyring, SealError};
use tokio_util::sync::CancellationToken;

use super::query::{self, FEWEST_LETTERS, Reading};
use super::{SearchError, folding};
use crate::audit::Log;
use crate::db::{Db, Tx, contact_point, patient, patient_search};
use crate::office::Office;
use crate::people::contact_points::open_address;
use crate::people::import::record::FHIR_ID;
use crate::people::patients::{open_identifier, open_person};
use crate::people::person::Person;

/// Names are found by their first letters up to here; who is found by them is compared whole.
const LONGEST_BEGINNING: usize = 8;

/// How many patients one transaction takes when the index is made anew.
const BATCH: u32 = 100;

/// Two nodes that start together do not both do the work.
const LOCK: i64 = 0x7061_7469_656e_7473;

/// The token under which a patient with this is found; none for what is too short to look for.
pub(super) fn token(keys: &Keyring, reading: &Reading) -> Option<i64> {
    let (domain, text) = match reading {
        Reading::Name(name) => ("search name", beginning(name)?),
        Reading::Born(day) => ("search born", day.to_string()),
        Reading::Year(year) => ("search year", year.to_string()),
        // A whole number is looked for by its end and compared whole.
        Reading::Number(number) => ("search seven", last(number, 7)?),
        Reading::LastSeven(seven) => ("search seven", seven.clone()),
        Reading::LastFour(four) => ("search four", four.clone()),
        Reading::Mailbox(mailbox) => ("search mailbox", mailbox.clone()),
        Reading::Identifier(id) => ("search identifier", id.clone()),
    };
    let [a, b, c, d, e, f, g, h, ..] = keys.blind_index(domain, text.as_bytes());
    Some(i64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

fn beginning(name: &str) -> Option<String> {
    let fewest = fewest(name);
    (name.chars().count() >= fewest).then(|| name.chars().take(LONGEST_BEGINNING).collect())
}

/// One sign is a whole name in some scripts.
fn fewest(name: &str) -> usize {
    if name.is_ascii() { FEWEST_LETTERS } else { 1 }
}

/// The last digits of a number.
pub(super) fn last(number: &str, count: usize) -> Option<String> {
    let digits = number.trim_start_matches('+');
    digits.get(digits.len().checked_sub(count)?..).map(str::to_owned)
}

/// What a patient can be found by.
struct Known {
    person: Person,
    addresses: Vec<Address>,
    identifiers: Vec<String>,
}

impl Known {
    fn tokens(&self, keys: &Keyring) -> BTreeSet<i64> {
        let mut readings = Vec::new();
        for name in folding::names(&self.person) {
            let letters: Vec<char> = name.chars().collect();
            let longest = letters.len().min(LONGEST_BEGINNING);
            let beginnings = (fewest(&name)..=longest).filter_map(|count| letters.get(..count));
            readings.extend(beginnings.map(|some| Reading::Name(some.iter().collect())));
        }
        if let Some(born) = self.person.birth_date {
            readings.push(Reading::Born(born));
            readings.push(Reading::Year(born.year()));
        }
        for address in &self.addresses {
            match address {
                Address::Phone(number) => {
                    readings.extend(last(number.reveal(), 7).map(Reading::LastSeven));
                    readings.extend(last(number.reveal(), 4).map(Reading::LastFour));
                }
                Address::Email(mailbox) => {
                    readings.push(Reading::Mailbox(mailbox.reveal().to_lowercase()));
                }
                Address::Portal => {}
            }
        }
        let identifiers = self.identifiers.iter().map(|id| query::identifier(id));
        readings.extend(identifiers.filter(|id| !id.is_empty()).map(Reading::Identifier));
        readings.iter().filter_map(|reading| token(keys, reading)).collect()
    }
}

/// Makes a patient's tokens those that fit what is on file now. Call it in the transaction that
/// changes names, birth date, numbers, mailboxes or record numbers. Whose key was destroyed is not
/// found any more.
///
/// # Errors
/// [`SearchError`]; the caller's transaction must then be given up.
pub fn refresh(tx: &mut Tx<'_>, log: Log<'_>, patient: PatientId) -> Result<(), SearchError> {
    let tokens = match known(tx, log, patient) {
        Ok(Some(known)) => known.tokens(log.keys),
        Ok(None) | Err(SearchError::Seal(SealError::Destroyed { .. })) => BTreeSet::new(),
        Err(error) => return Err(error),
    };
    let tokens: Vec<i64> = tokens.into_iter().collect();
    patient_search::put(tx, log.practice, patient, &tokens)?;
    Ok(())
}

fn known(tx: &mut Tx<'_>, log: Log<'_>, id: PatientId) -> Result<Option<Known>, SearchError> {
    let (keys, practice) = (log.keys, log.practice);
    let Some(row) = patient::get(tx, practice, id)? else { return Ok(None) };
    let person = open_person(keys, practice, id, row.person_sealed)?;
    let mut addresses = Vec::new();
    for point in contact_point::of_patient(tx, practice, id)? {
        addresses.push(open_address(keys, practice, point.id, point.kind, point.address_sealed)?);
    }
    let identifiers = identifiers(tx, log, id)?;
    Ok(Some(Known { person, addresses, identifiers }))
}

/// The numbers that people know a patient by; an EHR's internal id is none.
pub(super) fn identifiers(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    id: PatientId,
) -> Result<Vec<String>, SearchError> {
    let rows = patient::identifiers(tx, log.practice, id)?;
    rows.into_iter()
        .filter(|row| row.system != FHIR_ID)
        .map(|row| Ok(open_identifier(log.keys, log.practice, row.id, row.value_sealed)?))
        .collect()
}

/// Makes the tokens of every patient who has none: after an upgrade from a version without them,
/// after a restore, whose backup leaves them out, or after a node of an older version added
/// somebody. Where everybody has theirs it looks once and ends. Says how many there were.
///
/// # Errors
/// [`SearchError`]; what was done stays, and the next start goes on from there.
pub async fn catch_up(
    db: &Db,
    office: &Office,
    stop: &CancellationToken,
) -> Result<u64, SearchError> {
    let (mut done, mut after) = (0_u64, None);
    while !stop.is_cancelled() {
        let practice = office.practice();
        let missing =
            db.read(move |tx| patient_search::missing(tx, practice, after, BATCH)).await?;
        let Some(last) = missing.last().copied() else { break };
        let office = office.clone();
        let made = db
            .write(move |tx| {
                tx.lock(LOCK)?;
                for id in &missing {
                    refresh(tx, (&office).into(), *id)?;
                }
                Ok::<_, SearchError>(missing.len())
            })
            .await?;
        let before = done / 5_000;
        done += u64::try_from(made).unwrap_or_default();
        if done / 5_000 > before {
            tracing::info!(patients = done, "search.indexing");
        }
        after = Some(last);
    }
    if done > 0 {
        tracing::info!(patients = done, "search.indexed");
    }
    Ok(done)
}
