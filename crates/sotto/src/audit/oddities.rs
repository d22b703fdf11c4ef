//! What of the log a person should have a look at: who opened a record of their own name, of their
//! kin, of a neighbour, of somebody who asked that it be watched; very many at once; what was opened
//! while the office was closed (45 CFR 164.308(a)(1)(ii)(D)); and what was released against the
//! guard. None of it is an accusation.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use gate::PatientId;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::{Entry, Kind};
use crate::access::staff::Staff;
use crate::db::consent_event::ConsentKind;
use crate::db::{Tx, Word as _, patient, restriction};
use crate::office::Office;
use crate::people::patients::open_person;
use crate::people::person::{Home, Person};
use crate::people::search::SearchError;
use crate::people::search::find;
use crate::people::search::folding;
use crate::people::search::query::Query;

/// What one member of staff did on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// The id of the member of staff.
    pub actor: Cow<'static, str>,
    /// What was odd.
    pub what: Odd,
    /// On which day of the practice's calendar.
    pub day: Date,
    /// When it began.
    pub at: Timestamp,
    /// Of which patients.
    pub patients: BTreeSet<PatientId>,
}

macro_rules! odds {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal; )+) => {
        /// What can be odd, the closest to home first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Odd { $( $(#[$doc])* $variant, )+ }

        impl Odd {
            /// The word in the log.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The one with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }
    };
}

odds! {
    /// A record that bears their own name.
    Own = "own";
    /// A record that bears their family name.
    Kin = "kin";
    /// Somebody who lives in their street.
    Neighbour = "neighbour";
    /// Somebody who asked that it be watched who opens their record.
    Watched = "watched";
    /// More patients in an hour than the work asks for.
    Many = "many";
    /// Records opened while the office was closed.
    Closed = "closed";
    /// Health detail sent by text or email, because the patient demanded it (PRIV-14).
    Released = "released";
}

/// More different patients than this within an hour are many.
pub const MANY_IN_AN_HOUR: usize = 60;

/// A member of staff, as far as it takes to know whose record is close to them.
#[derive(Debug, Clone, Default)]
pub struct Colleague {
    /// Their name as colleagues see it.
    pub name: String,
    /// Where patients of that very name live: their own record, where they have one.
    pub homes: Vec<Home>,
}

/// Who the people in the entries are.
#[derive(Debug, Default)]
pub struct Known {
    /// Those who look, by their ids.
    pub staff: BTreeMap<String, Colleague>,
    /// Those who are looked at.
    pub patients: BTreeMap<PatientId, Person>,
    /// Those who asked that it be watched.
    pub watched: BTreeSet<PatientId>,
}

impl Known {
    /// Of everybody who looked and was looked at in these entries. Whose keys were destroyed is
    /// nobody's kin any more.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn of(
        tx: &mut Tx<'_>,
        office: &Office,
        entries: &[Entry],
        staff: &[Staff],
    ) -> Result<Self, SearchError> {
        let (practice, now) = (office.practice(), office.clock().now());
        let opened = || entries.iter().filter(|entry| opens(entry));
        let looked_at: BTreeSet<PatientId> =
            opened().flat_map(|entry| entry.patients.iter().copied()).collect();
        let mut known = Self {
            watched: restriction::watched(tx, practice, now)?.into_iter().collect(),
            ..Self::default()
        };
        for (id, sealed) in patient::persons(tx, practice, looked_at)? {
            let person = open_person(office.keys(), practice, id, sealed).ok();
            known.patients.extend(person.map(|person| (id, person)));
        }
        for id in opened().map(|entry| &*entry.actor.id).collect::<BTreeSet<_>>() {
            let Some(one) = staff.iter().find(|one| one.id.to_string() == id) else { continue };
            let name = one.named.name.clone();
            let homes = match Query::name(&name, "") {
                Some(query) => find::find(tx, office.into(), &query)?.people,
                None => Vec::new(),
            };
            let homes = homes.into_iter().filter_map(|found| found.person.home).collect();
            known.staff.insert(id.to_owned(), Colleague { name, homes });
        }
        Ok(known)
    }

    fn close(&self, actor: &str, patient: PatientId) -> Option<Odd> {
        let (colleague, person) = (self.staff.get(actor)?, self.patients.get(&patient)?);
        let own = folding::parts(&colleague.name);
        let family = folding::parts(&person.family);
        let shares = own.last().is_some_and(|last| family.contains(last));
        let named = folding::names(person);
        if shares && own.len() > 1 && own.iter().all(|part| named.contains(part)) {
            return Some(Odd::Own);
        }
        if shares {
            return Some(Odd::Kin);
        }
        let home = person.home.as_ref().and_then(street)?;
        let near = colleague.homes.iter().filter_map(street).any(|own| own == home);
        near.then_some(Odd::Neighbour)
    }
}

/// The street without its number, and the postal code.
fn street(home: &Home) -> Option<(Vec<String>, &str)> {
    let (line, _) = home.street.split_once(',').unwrap_or((&home.street, ""));
    let mut parts = folding::parts(line);
    parts.retain(|part| !part.starts_with(|c: char| c.is_ascii_digit()));
    let code = home.postal_code.get(..5)?;
    (!parts.is_empty()).then_some((parts, code))
}

/// Whether an entry opens a record: somebody was looked at, and not only listed among others who fit
/// what was typed.
#[must_use]
pub fn opens(entry: &Entry) -> bool {
    entry.actor.role.is_some() && !matches!(entry.kind, Kind::PatientsSearched | Kind::ConsentGiven)
}

/// Whether an entry is a release of somebody's records to them.
#[must_use]
pub fn releases(entry: &Entry) -> bool {
    entry.kind == Kind::ConsentGiven
        && entry.codes.iter().any(|code| code == ConsentKind::AccessRequest.word())
}

/// Looks through what staff did with patients' records in these entries, whatever their order.
/// `calendar` tells on which day an instant was, and whether the office was open.
#[must_use]
pub fn oddities(
    entries: &[Entry],
    known: &Known,
    calendar: impl Fn(Timestamp) -> (Date, bool),
) -> Vec<Oddity> {
    type Looks = BTreeMap<(Date, Cow<'static, str>), Vec<(Timestamp, PatientId)>>;
    let mut looks = Looks::new();
    let mut found: BTreeMap<(Date, Cow<'static, str>, Odd), Oddity> = BTreeMap::new();
    let mut odd = |day, actor: &Cow<'static, str>, what, at, patient| {
        let fresh = || Oddity { actor: actor.clone(), what, day, at, patients: BTreeSet::new() };
        let one = found.entry((day, actor.clone(), what)).or_insert_with(fresh);
        one.at = one.at.min(at);
        one.patients.insert(patient);
    };
    for entry in entries.iter().filter(|entry| opens(entry)) {
        let Ok(at) = Timestamp::from_microsecond(entry.recorded_at) else { continue };
        let (day, open) = calendar(at);
        let actor = &entry.actor.id;
        for patient in &entry.patients {
            looks.entry((day, actor.clone())).or_default().push((at, *patient));
            if let Some(what) = known.close(actor, *patient) {
                odd(day, actor, what, at, *patient);
            }
            if known.watched.contains(patient) {
                odd(day, actor, Odd::Watched, at, *patient);
            }
            if !open {
                odd(day, actor, Odd::Closed, at, *patient);
            }
        }
    }
    for entry in entries.iter().filter(|entry| releases(entry)) {
        let Ok(at) = Timestamp::from_microsecond(entry.recorded_at) else { continue };
        for patient in &entry.patients {
            odd(calendar(at).0, &entry.actor.id, Odd::Released, at, *patient);
        }
    }
    for ((day, actor), mut seen) in looks {
        seen.sort_unstable();
        for (at, patient) in worst_hour(&seen) {
            odd(day, &actor, Odd::Many, at, patient);
        }
    }
    let mut all: Vec<Oddity> = found.into_values().collect();
    all.sort_by_key(|one| (std::cmp::Reverse(one.day), one.what, one.at));
    all
}

/// What was seen in the hour with the most patients, where they are many.
fn worst_hour(seen: &[(Timestamp, PatientId)]) -> Vec<(Timestamp, PatientId)> {
    let mut from = 0;
    let mut worst: (usize, &[(Timestamp, PatientId)]) = (MANY_IN_AN_HOUR, &[]);
    for (index, (at, _)) in seen.iter().enumerate() {
        while seen
            .get(from)
            .is_some_and(|(first, _)| at.duration_since(*first) > SignedDuration::from_hours(1))
        {
            from += 1;
        }
        let span = seen.get(from..=index).unwrap_or_default();
        let count = span.iter().map(|(_, patient)| patient).collect::<BTreeSet<_>>().len();
        if count > worst.0 {
            worst = (count, span);
        }
    }
    worst.1.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, Event};
    use crate::ids::EntryId;
    use gate::PracticeId;

    fn entry(who: &'static str, patient: u128, at: &str) -> Entry {
        let at: Timestamp = at.parse().unwrap();
        let event = Event::new(Kind::PatientViewed, Actor::staff(who, "nurse"))
            .patient(PatientId(uuid::Uuid::from_u128(patient)));
        let id = EntryId(uuid::Uuid::from_u128(patient));
        Entry::of(event, PracticeId(uuid::Uuid::nil()), id, at, Vec::new())
    }

    fn utc(at: Timestamp) -> (Date, bool) {
        let local = at.to_zoned(jiff::tz::TimeZone::UTC);
        (local.date(), (9..17).contains(&local.hour()))
    }

    fn found(entries: &[Entry], known: &Known) -> Vec<(Odd, usize)> {
        let all = oddities(entries, known, utc);
        all.into_iter().map(|one| (one.what, one.patients.len())).collect()
    }

    #[test]
    fn many_patients_within_an_hour_are_odd_and_a_busy_day_is_not() {
        let known = Known::default();
        let of = |minutes_apart: u32, count: u32| -> Vec<Entry> {
            (0..count)
                .map(|n| {
                    let minute = n * minutes_apart;
                    let at = format!("2027-03-01T{:02}:{:02}:00Z", 9 + minute / 60, minute % 60);
                    entry("s-1", u128::from(n) + 1, &at)
                })
                .collect()
        };
        assert_eq!(found(&of(7, 60), &known), []);
        let many: Vec<Entry> =
            (0..61).map(|n| entry("s-1", n + 1, "2027-03-01T10:00:00Z")).collect();
        assert_eq!(found(&many, &known), [(Odd::Many, 61)]);
        // The same patient sixty times is one.
        let same: Vec<Entry> = (0..61).map(|_| entry("s-1", 1, "2027-03-01T10:00:00Z")).collect();
        assert_eq!(found(&same, &known), []);
        // Who is only listed was not opened.
        let listed = many.into_iter().map(|mut entry| {
            entry.kind = Kind::PatientsSearched;
            entry
        });
        assert_eq!(found(&listed.collect::<Vec<_>>(), &known), []);
    }

    #[test]
    fn what_was_opened_at_night_is_odd_and_programs_are_not_asked() {
        let known = Known::default();
        let night = [
            entry("s-1", 1, "2027-03-01T23:00:00Z"),
            entry("s-1", 2, "2027-03-01T23:05:00Z"),
            entry("s-1", 2, "2027-03-02T23:05:00Z"),
        ];
        assert_eq!(found(&night, &known), [(Odd::Closed, 1), (Odd::Closed, 2)], "a line a day");
        let mut program = entry("reminders", 1, "2027-03-01T23:00:00Z");
        program.actor = Actor::service("reminders");
        assert_eq!(found(&[program], &known), []);
    }

    #[test]
    fn whoever_is_close_to_home_is_named_and_others_are_not() {
        let lives = |street: &str, code: &str| Home {
            street: street.to_owned(),
            city: "Boulder".to_owned(),
            region: "CO".to_owned(),
            postal_code: code.to_owned(),
        };
        let person = |given: &str, family: &str, home: Option<Home>| Person {
            given: given.to_owned(),
            family: family.to_owned(),
            home,
            ..Person::default()
        };
        let colleague = Colleague {
            name: "Rosa Delgado".to_owned(),
            homes: vec![lives("12 Elm Street, Apt 3", "80302-1234")],
        };
        let table = [
            (person("Rosa María", "Delgado", None), Some(Odd::Own)),
            (person("Luis", "Delgado-Ruiz", None), Some(Odd::Kin)),
            (person("Ann", "Lee", Some(lives("98 elm street", "80302"))), Some(Odd::Neighbour)),
            (person("Ann", "Lee", Some(lives("98 Elm Street", "80301"))), None),
            (person("Ann", "Lee", Some(lives("12 Oak Street", "80302"))), None),
            (person("Rosa", "Lee", None), None),
            (person("Delgado", "Lee", None), None),
            (person("", "", None), None),
        ];
        for (one, what) in table {
            let id = PatientId(uuid::Uuid::from_u128(7));
            let known = Known {
                staff: BTreeMap::from([("s-1".to_owned(), colleague.clone())]),
                patients: BTreeMap::from([(id, one.clone())]),
                watched: BTreeSet::new(),
            };
            let seen = [entry("s-1", 7, "2027-03-01T10:00:00Z")];
            let expected: Vec<_> = what.into_iter().map(|what| (what, 1)).collect();
            assert_eq!(found(&seen, &known), expected, "{}", one.full_name());
            let others = [entry("s-2", 7, "2027-03-01T10:00:00Z")];
            assert_eq!(found(&others, &known), []);
        }
    }

    #[test]
    fn whoever_is_watched_is_always_named() {
        let id = PatientId(uuid::Uuid::from_u128(7));
        let known = Known { watched: BTreeSet::from([id]), ..Known::default() };
        let seen =
            [entry("s-1", 7, "2027-03-01T10:00:00Z"), entry("s-1", 8, "2027-03-01T10:00:00Z")];
        assert_eq!(found(&seen, &known), [(Odd::Watched, 1)]);
    }
}
