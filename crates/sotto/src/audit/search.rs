//! Looking through the log: by when, who, about whom, and what (45 CFR 164.308(a)(1)(ii)(D)).
//!
//! Entries are found by the time in their ids, the newest first, and read one by one; a look goes
//! back over at most [`MOST_READ`] of them and says where the next one goes on. So a search costs
//! the log nothing while entries are written, and its cost has a bound.

use std::borrow::Cow;

use gate::PatientId;
use jiff::{SignedDuration, Timestamp};

use super::{AuditError, Entry, Kind, Outcome};
use crate::db::Tx;
use crate::ids::{EntryId, lowest_at};
use crate::office::Office;
use crate::{params, sql};

/// How many entries one look reads at most.
pub const MOST_READ: usize = 20_000;
/// How many it shows at most.
pub const MOST_FOUND: usize = 50;
/// How many are read at once.
const AT_ONCE: u32 = 1_000;

macro_rules! sorts {
    ($( $(#[$doc:meta])* $variant:ident = $word:literal, $words:literal, [$($kind:ident)|*]; )+) => {
        /// A sort of entries, as a person asks for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Sort { $( $(#[$doc])* $variant, )+ }

        impl Sort {
            /// Every sort.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word in a URL.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// What a person calls it.
            #[must_use]
            pub const fn in_words(self) -> &'static str {
                match self { $( Self::$variant => $words, )+ }
            }

            /// The sort with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }

            const fn kinds(self) -> &'static [Kind] {
                match self { $( Self::$variant => &[$( Kind::$kind, )*], )+ }
            }
        }
    };
}

sorts! {
    /// Somebody looked.
    Views = "views", "Views", [ContentViewed | AccessReported];
    /// Messages to patients.
    Messages = "messages", "Messages", [MessageCleared | MessageRefused
        | MessageRefusedAtRelease | MessageCancelled | MessagePostponed];
    /// What patients wrote.
    Replies = "replies", "Replies", [InboundReceived];
    /// Conversations and tasks.
    Work = "work", "Conversations, tasks and calls", [ConversationChanged | TaskChanged | CallChanged];
    /// Consents.
    Consents = "consents", "Consents", [ConsentGiven | ConsentRevoked];
    /// How patients may be reached.
    People = "people", "Patients' records", [PatientChanged | PatientErased | RestrictionChanged
        | AppointmentChanged];
    /// Coming in.
    SignIns = "sign_ins", "Sign-ins and devices", [SessionChanged | DeviceChanged
        | CredentialChanged | AccessRefused];
    /// Who works here.
    Staff = "staff", "Staff and tokens", [StaffChanged | TokenChanged];
    /// How the practice is set up.
    Settings = "settings", "Settings", [PracticeChanged | PolicyActivated | TemplatesChanged
        | VendorChanged | SettingsReloaded | KeyChanged];
    /// What left the house, and who went through the log.
    Reviews = "reviews", "Reviews and exports", [AuditReviewed | AuditExported | BackupTaken
        | BackupRestored];
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Of this sort; none: every one.
    pub sort: Option<Sort>,
    /// By this actor's id.
    pub actor: Option<String>,
    /// About this patient.
    pub patient: Option<PatientId>,
    /// Only what was refused or failed.
    pub not_done: bool,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Older than this entry: the look before ended there.
    pub before: Option<EntryId>,
}

impl Search {
    fn wants(&self, entry: &Entry) -> bool {
        self.sort.is_none_or(|sort| sort.kinds().contains(&entry.kind))
            && self.actor.as_ref().is_none_or(|id| entry.actor.id == id.as_str())
            && self.patient.is_none_or(|id| entry.patients.contains(&id))
            && !(self.not_done && entry.outcome == Outcome::Done)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The entries, the newest first, each with its leaf once it has one.
    pub entries: Vec<(Entry, Option<u64>)>,
    /// How many were read for it.
    pub read: usize,
    /// The last one read, where there may be more behind it.
    pub next: Option<EntryId>,
}

/// Looks.
///
/// # Errors
/// [`AuditError::Unreadable`], [`AuditError::Db`].
pub fn search(tx: &mut Tx<'_>, office: &Office, wanted: &Search) -> Result<Found, AuditError> {
    let practice = office.practice();
    let lowest = wanted.from.map_or_else(String::new, lowest_at);
    let mut below = match (wanted.before, wanted.until) {
        (Some(entry), _) => entry.to_string(),
        (None, Some(until)) => lowest_at(until),
        // Above every UUID.
        (None, None) => "g".to_owned(),
    };
    let mut found = Found::default();
    loop {
        let rows: Vec<(EntryId, Vec<u8>, Option<i64>)> = tx.query(
            sql!(
                "SELECT id, body, leaf_index FROM audit_entry
                  WHERE practice_id = $1 AND id >= $2 AND id < $3 ORDER BY id DESC LIMIT $4"
            ),
            params![practice, lowest, below, AT_ONCE],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let last = rows.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        for (id, body, leaf) in rows {
            let entry = Entry::from_bytes(&body).map_err(|_| AuditError::Unreadable { id })?;
            found.read += 1;
            below = id.to_string();
            if wanted.wants(&entry) {
                found.entries.push((entry, leaf.and_then(|leaf| u64::try_from(leaf).ok())));
            }
            if found.entries.len() == MOST_FOUND || found.read == MOST_READ {
                found.next = Some(id);
                return Ok(found);
            }
        }
        if last {
            return Ok(found);
        }
    }
}

/// Something in the log that a person should have a look at. None of it is an accusation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// The id of the member of staff.
    pub actor: Cow<'static, str>,
    /// What was odd.
    pub what: Odd,
    /// When it began.
    pub at: Timestamp,
    /// Of how many patients.
    pub patients: usize,
}

/// What can be odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Odd {
    /// More patients' records in an hour than the work asks for.
    Many,
    /// Records opened while the office was closed.
    Closed,
}

/// More different patients than this within an hour are many.
pub const MANY_IN_AN_HOUR: usize = 60;

/// Looks through what staff did with patients' records in these entries, whatever their order.
/// `is_open` tells whether the office was open at an instant.
#[must_use]
pub fn oddities(entries: &[Entry], is_open: impl Fn(Timestamp) -> bool) -> Vec<Oddity> {
    use std::collections::{BTreeMap, BTreeSet};
    let mut by_actor: BTreeMap<Cow<'static, str>, Vec<(Timestamp, PatientId)>> = BTreeMap::new();
    let by_staff = entries.iter().filter(|entry| entry.actor.role.is_some());
    for entry in by_staff {
        let Ok(at) = Timestamp::from_microsecond(entry.recorded_at) else { continue };
        let seen = by_actor.entry(entry.actor.id.clone()).or_default();
        seen.extend(entry.patients.iter().map(|patient| (at, *patient)));
    }
    let mut found = Vec::new();
    for (actor, mut seen) in by_actor {
        seen.sort_unstable();
        let mut from = 0;
        let mut worst: Option<(Timestamp, usize)> = None;
        for (index, (at, _)) in seen.iter().enumerate() {
            while seen
                .get(from)
                .is_some_and(|(first, _)| at.duration_since(*first) > SignedDuration::from_hours(1))
            {
                from += 1;
            }
            let span = seen.get(from..=index).unwrap_or_default();
            let count = span.iter().map(|(_, patient)| patient).collect::<BTreeSet<_>>().len();
            let first = span.first().map_or(*at, |(first, _)| *first);
            if count > MANY_IN_AN_HOUR && worst.is_none_or(|(_, most)| count > most) {
                worst = Some((first, count));
            }
        }
        if let Some((at, patients)) = worst {
            found.push(Oddity { actor: actor.clone(), what: Odd::Many, at, patients });
        }
        let closed: Vec<_> = seen.iter().filter(|(at, _)| !is_open(*at)).collect();
        if let Some((at, _)) = closed.first() {
            let patients = closed.iter().map(|(_, patient)| patient).collect::<BTreeSet<_>>();
            let patients = patients.len();
            found.push(Oddity { actor, what: Odd::Closed, at: *at, patients });
        }
    }
    found.sort_by_key(|one| (one.what, std::cmp::Reverse(one.at)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, Event};
    use gate::PracticeId;

    fn entry(who: &str, patient: u128, at: &str) -> Entry {
        let at: Timestamp = at.parse().unwrap();
        let event = Event::new(Kind::ContentViewed, Actor::staff(who, "nurse"))
            .patient(PatientId(uuid::Uuid::from_u128(patient)));
        let id = EntryId(uuid::Uuid::from_u128(patient));
        Entry::of(event, PracticeId(uuid::Uuid::nil()), id, at, Vec::new())
    }

    fn open(at: Timestamp) -> bool {
        (9..17).contains(&at.to_zoned(jiff::tz::TimeZone::UTC).hour())
    }

    #[test]
    fn many_patients_within_an_hour_are_odd_and_a_busy_day_is_not() {
        let of = |minutes_apart: u32, count: u32| -> Vec<Entry> {
            (0..count)
                .map(|n| {
                    let minute = n * minutes_apart;
                    let at = format!("2027-03-01T{:02}:{:02}:00Z", 9 + minute / 60, minute % 60);
                    entry("s-1", u128::from(n) + 1, &at)
                })
                .collect()
        };
        assert_eq!(oddities(&of(7, 60), open), []);
        let many: Vec<Entry> =
            (0..61).map(|n| entry("s-1", n + 1, "2027-03-01T10:00:00Z")).collect();
        let found = oddities(&many, open);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].what, found[0].patients), (Odd::Many, 61));
        // The same patient sixty times is one.
        let same: Vec<Entry> = (0..61).map(|_| entry("s-1", 1, "2027-03-01T10:00:00Z")).collect();
        assert_eq!(oddities(&same, open), []);
    }

    #[test]
    fn what_was_opened_at_night_is_odd_and_programs_are_not_asked() {
        let night =
            [entry("s-1", 1, "2027-03-01T23:00:00Z"), entry("s-1", 2, "2027-03-01T23:05:00Z")];
        let found = oddities(&night, open);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].what, found[0].patients), (Odd::Closed, 2));
        let mut program = entry("reminders", 1, "2027-03-01T23:00:00Z");
        program.actor = Actor::service("reminders");
        assert_eq!(oddities(&[program], open), []);
    }
}
