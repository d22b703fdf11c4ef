//! A search: candidates by their tokens, opened and compared with what was typed.

use std::collections::{BTreeSet, HashMap};

use gate::{Address, PatientId};
use jiff::Timestamp;
use seal::SealError;

use super::index::{self, identifiers};
use super::query::{self, Query, Reading, Word};
use super::{SearchError, folding};
use crate::audit::Log;
use crate::db::Tx;
use crate::db::contact_point::{self, ContactPointRow};
use crate::db::patient::{self, PatientRow};
use crate::db::patient_search::{self, MEANINGS, WORDS};
use crate::people::contact_points::open_address;
use crate::people::patients::open_person;
use crate::people::person::Person;

/// The most candidates that are opened. Whoever types two letters gets a hint, not a list.
const OPENED: u32 = 300;

/// Words are ordered by how few they lead to, counted no further than this.
const COUNTED: u32 = 2_000;

/// Somebody who fits: PHI. The caller's transaction records that it is shown.
#[derive(Clone)]
pub struct Match {
    /// The record in use.
    pub id: PatientId,
    /// Who.
    pub person: Person,
    /// The number tried first, where one can be used.
    pub last_four: Option<String>,
    /// Has died.
    pub deceased: bool,
    /// Is a patient now.
    pub active: bool,
    /// What was typed stands in an older record that was merged into this one.
    pub formerly: bool,
}

impl std::fmt::Debug for Match {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Match({})", self.id)
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// By family name and given name.
    pub people: Vec<Match>,
    /// There are more candidates than are opened: `people` are only some.
    pub more: bool,
}

/// Looks for everybody who fits every word, also with words of a name drawn together: whoever types
/// `de la cruz` means `Delacruz` too.
///
/// # Errors
/// [`SearchError`].
pub fn find(tx: &mut Tx<'_>, log: Log<'_>, query: &Query) -> Result<Found, SearchError> {
    let mut found = once(tx, log, query)?;
    if !found.more {
        for query in query.drawn_together() {
            found.people.extend(once(tx, log, &query)?.people);
        }
    }
    let mut seen = BTreeSet::new();
    found.people.retain(|one| seen.insert(one.id));
    found.people.sort_by_cached_key(|one| {
        let folded = |name: &str| folding::parts(name).join(" ");
        (folded(&one.person.family), folded(&one.person.given), one.person.birth_date)
    });
    Ok(found)
}

fn once(tx: &mut Tx<'_>, log: Log<'_>, query: &Query) -> Result<Found, SearchError> {
    let Some(words) = rarest_first(tx, log, query)? else { return Ok(Found::default()) };
    let mut rows = patient_search::patients(tx, log.practice, &words, OPENED + 1)?;
    let most = usize::try_from(OPENED).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    let asks_addresses = query.words.iter().any(Word::asks_addresses);
    let mut candidates = Candidates { log, now: log.clock.now(), addresses: HashMap::new() };
    if asks_addresses {
        let ids: Vec<PatientId> = rows.iter().map(|row| row.id).collect();
        candidates.open_addresses(tx, &ids)?;
    }
    let mut people = Vec::new();
    for row in rows {
        people.extend(candidates.compare(tx, query, row)?);
    }
    Ok(Found { people, more })
}

/// The tokens of the words that tell most, the rarest first; none where no word can be looked for.
fn rarest_first(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    query: &Query,
) -> Result<Option<[[i64; MEANINGS]; WORDS]>, SearchError> {
    let mut words = Vec::new();
    for word in &query.words {
        let mut tokens: Vec<i64> =
            word.0.iter().filter_map(|reading| index::token(log.keys, reading)).collect();
        let Some(first) = tokens.first().copied() else { continue };
        tokens.resize(MEANINGS, first);
        if let Ok(tokens) = <[i64; MEANINGS]>::try_from(tokens) {
            words.push(tokens);
        }
    }
    if words.len() > 1 {
        let mut counted = Vec::with_capacity(words.len());
        for word in words {
            counted.push((patient_search::count(tx, log.practice, &word, COUNTED)?, word));
        }
        counted.sort_unstable();
        words = counted.into_iter().map(|(_, word)| word).collect();
    }
    let Some(first) = words.first().copied() else { return Ok(None) };
    words.resize(WORDS, first);
    Ok(<[[i64; MEANINGS]; WORDS]>::try_from(words).ok())
}

/// What candidates are compared by.
struct Candidates<'a> {
    log: Log<'a>,
    now: Timestamp,
    addresses: HashMap<PatientId, Vec<Address>>,
}

impl Candidates<'_> {
    /// The addresses of these patients that can be used now, best rank first.
    fn open_addresses(&mut self, tx: &mut Tx<'_>, ids: &[PatientId]) -> Result<(), SearchError> {
        let (keys, practice) = (self.log.keys, self.log.practice);
        let now = self.now;
        let usable = |row: &ContactPointRow| {
            row.dead.is_none()
                && row.valid_from.is_none_or(|from| from <= now)
                && row.valid_until.is_none_or(|until| now < until)
        };
        for row in contact_point::of_patients(tx, practice, ids)? {
            if usable(&row) {
                let address = open_address(keys, practice, row.id, row.kind, row.address_sealed)?;
                self.addresses.entry(row.patient_id).or_default().push(address);
            }
        }
        Ok(())
    }

    /// The candidate, where what is written fits what was typed.
    fn compare(
        &self,
        tx: &mut Tx<'_>,
        query: &Query,
        row: PatientRow,
    ) -> Result<Option<Match>, SearchError> {
        let (keys, practice) = (self.log.keys, self.log.practice);
        let opened = open_person(keys, practice, row.id, row.person_sealed.clone());
        let person = match opened {
            Ok(person) => person,
            Err(SealError::Destroyed { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let names = folding::names(&person);
        let addresses = self.addresses.get(&row.id).map(Vec::as_slice).unwrap_or_default();
        let mut numbers = None;
        for word in &query.words {
            let fits = word.0.iter().any(|reading| reading.fits(&person, &names, addresses));
            if fits {
                continue;
            }
            if numbers.is_none() && word.asks_identifiers() {
                let known = identifiers(tx, self.log, row.id)?;
                numbers = Some(known.iter().map(|id| query::identifier(id)).collect::<Vec<_>>());
            }
            let known = numbers.as_deref().unwrap_or_default();
            let by_number = |reading: &Reading| matches!(reading, Reading::Identifier(id) if known.contains(id));
            if !word.0.iter().any(by_number) {
                return Ok(None);
            }
        }
        self.in_use(tx, row, person)
    }

    /// The record that is in use for this one.
    fn in_use(
        &self,
        tx: &mut Tx<'_>,
        mut row: PatientRow,
        mut person: Person,
    ) -> Result<Option<Match>, SearchError> {
        let (keys, practice) = (self.log.keys, self.log.practice);
        let formerly = row.merged_into.is_some();
        if let Some(into) = row.merged_into {
            let Some(stays) = patient::get(tx, practice, into)? else { return Ok(None) };
            person = open_person(keys, practice, stays.id, stays.person_sealed.clone())?;
            row = stays;
        }
        Ok(Some(Match {
            id: row.id,
            person,
            last_four: None,
            deceased: row.deceased_at.is_some(),
            active: row.active,
            formerly,
        }))
    }
}

/// Adds the end of the number tried first to those who are shown.
///
/// # Errors
/// [`SearchError`].
pub fn with_numbers(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    people: &mut [Match],
) -> Result<(), SearchError> {
    let ids: Vec<PatientId> = people.iter().map(|found| found.id).collect();
    let mut candidates = Candidates { log, now: log.clock.now(), addresses: HashMap::new() };
    candidates.open_addresses(tx, &ids)?;
    for found in people {
        let addresses = candidates.addresses.get(&found.id).map(Vec::as_slice);
        found.last_four = addresses.unwrap_or_default().iter().find_map(|address| match address {
            Address::Phone(number) => Some(number.last_four().to_owned()),
            Address::Email(_) | Address::Portal => None,
        });
    }
    Ok(())
}

impl Word {
    fn asks_addresses(&self) -> bool {
        self.0.iter().any(|reading| {
            use Reading as R;
            matches!(reading, R::Number(_) | R::LastSeven(_) | R::LastFour(_) | R::Mailbox(_))
        })
    }

    fn asks_identifiers(&self) -> bool {
        self.0.iter().any(|reading| matches!(reading, Reading::Identifier(_)))
    }
}

impl Reading {
    /// Whether it is so of this person; record numbers are compared apart.
    fn fits(&self, person: &Person, names: &[String], addresses: &[Address]) -> bool {
        let ends = |count, wanted: &str| {
            addresses.iter().any(|address| match address {
                Address::Phone(number) => {
                    index::last(number.reveal(), count).is_some_and(|end| end == wanted)
                }
                Address::Email(_) | Address::Portal => false,
            })
        };
        match self {
            Self::Name(name) => names.iter().any(|known| known.starts_with(name)),
            Self::Born(day) => person.birth_date == Some(*day),
            Self::Year(year) => person.birth_date.is_some_and(|born| born.year() == *year),
            Self::Number(number) => addresses.iter().any(|address| address.reveal() == number),
            Self::LastSeven(seven) => ends(7, seven),
            Self::LastFour(four) => ends(4, four),
            Self::Mailbox(mailbox) => {
                addresses.iter().any(|address| address.reveal().to_lowercase() == *mailbox)
            }
            Self::Identifier(_) => false,
        }
    }
}
