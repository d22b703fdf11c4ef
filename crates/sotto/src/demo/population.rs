//! Made-up people: a function of the seed and nothing else. Their numbers are from the range kept
//! for fiction (555-01xx), their mailboxes from `example.com`.

use gate::{EmailAddress, Language, PhoneNumber};
use jiff::civil::{Date, date};
use twin::{Behaviour, Line, Persona, ReplyKind};

use crate::people::person::{Home, Person};

/// Area codes of the practice's region, 100 numbers of fiction each.
const AREA_CODES: [&str; 24] = [
    "303", "720", "970", "719", "307", "402", "308", "785", "620", "316", "913", "505", "575",
    "801", "385", "435", "406", "605", "701", "208", "602", "480", "623", "928",
];

const GIVEN_EN: [&str; 24] = [
    "James", "Mary", "Robert", "Linda", "Michael", "Susan", "David", "Karen", "Will", "Nancy",
    "Thomas", "Grace", "Daniel", "Ruth", "Paul", "Alice", "Mark", "Joan", "Steven", "Helen",
    "Andrew", "Amy", "Brian", "Rose",
];
const GIVEN_ES: [&str; 16] = [
    "Maria", "José", "Carmen", "Luis", "Ana", "Juan", "Rosa", "Carlos", "Lucía", "Miguel", "Elena",
    "Jorge", "Sofía", "Pedro", "Isabel", "Raúl",
];
const FAMILY_EN: [&str; 24] = [
    "Walker", "Fever", "Harris", "Young", "King", "Wright", "Hill", "Green", "Baker", "Nelson",
    "Carter", "Parker", "Collins", "Stewart", "Morris", "Rogers", "Cook", "Bell", "Ward", "Brooks",
    "Sanders", "Price", "Wood", "Ross",
];
const FAMILY_ES: [&str; 16] = [
    "García",
    "Martínez",
    "López",
    "Hernández",
    "González",
    "Pérez",
    "Sánchez",
    "Ramírez",
    "Torres",
    "Flores",
    "Rivera",
    "Gómez",
    "Díaz",
    "Cruz",
    "Reyes",
    "Morales",
];
const STREETS: [&str; 8] = [
    "Cold Harbor Road",
    "Maple Street",
    "Memorial Avenue",
    "Oak Lane",
    "Juniper Way",
    "Main Street",
    "Canyon Drive",
    "Lincoln Street",
];

/// What is special about a made-up patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// Consented to texts, has a mobile.
    Ordinary,
    /// Has a mobile and never consented.
    NoConsent,
    /// Opted out before the demo begins.
    OptedOut,
    /// Has died.
    Deceased,
    /// A minor, reached through a parent's phone that brothers and sisters share.
    Minor,
    /// Shares a phone with the patient before.
    SharesPhone,
    /// Asked for email instead of the telephone (RULEBOOK PRIV-05).
    Confidential,
    /// Has only a landline.
    Landline,
    /// Reads email only.
    EmailOnly,
    /// Has a daughter who may hear about appointments.
    Caregiver,
    /// The mailbox on file bounces.
    Bounces,
}

/// A made-up patient.
#[derive(Debug, Clone)]
pub struct Somebody {
    /// Counted from 0.
    pub number: usize,
    /// What is special.
    pub story: Story,
    /// Names, birth date, home.
    pub person: Person,
    /// Language on file.
    pub language: Language,
    /// Telephone, where there is one.
    pub phone: Option<PhoneNumber>,
    /// Mailbox, where there is one.
    pub email: Option<EmailAddress>,
}

/// A small generator of repeatable choices (SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let end = u64::try_from(end).unwrap_or(1).max(1);
        usize::try_from(z % end).unwrap_or_default()
    }

    /// One of these.
    pub fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len());
        from.get(at).copied().unwrap_or_default()
    }
}

/// The most people that numbers of fiction suffice for.
pub const MOST: usize = AREA_CODES.len() * 100;

/// The number of fiction at this place.
fn fiction(at: usize) -> Option<PhoneNumber> {
    let area = AREA_CODES.get(at / 100)?;
    PhoneNumber::from_e164(&format!("+1{area}55501{:02}", at % 100)).ok()
}

/// What is special about the patient with this number. Of 100 in a row some are of each kind.
#[must_use]
pub const fn story_of(number: usize) -> Story {
    match number % 100 {
        3 | 23 | 43 | 63 | 83 | 93 => Story::NoConsent,
        7 | 57 => Story::OptedOut,
        11 => Story::Deceased,
        15 | 16 | 65 => Story::Minor,
        20 | 70 => Story::SharesPhone,
        27 | 77 => Story::Confidential,
        31 | 61 | 81 => Story::Landline,
        36 | 37 | 38 | 86 | 87 | 88 => Story::EmailOnly,
        45 | 95 => Story::Caregiver,
        51 => Story::Bounces,
        _ => Story::Ordinary,
    }
}

/// Makes this many people.
#[must_use]
pub fn people(seed: u64, count: usize) -> Vec<Somebody> {
    let mut chance = Chance::new(seed ^ 0x50_7770);
    let mut all: Vec<Somebody> = Vec::with_capacity(count);
    for number in 0..count.min(MOST) {
        let story = story_of(number);
        let spanish = number % 5 == 2;
        let language = if spanish { Language::Spanish } else { Language::English };
        let (given, family) = if spanish {
            (chance.pick(&GIVEN_ES), chance.pick(&FAMILY_ES))
        } else {
            (chance.pick(&GIVEN_EN), chance.pick(&FAMILY_EN))
        };
        let phone = match story {
            Story::EmailOnly | Story::Bounces => None,
            // The second of a family, and who shares a phone, has that of the one before.
            Story::SharesPhone => all.last().and_then(|before| before.phone.clone()),
            Story::Minor if number % 100 == 16 => all.last().and_then(|b| b.phone.clone()),
            _ => fiction(number),
        };
        let mailbox = format!("patient{number}@example.com");
        let has_mailbox = matches!(
            story,
            Story::EmailOnly | Story::Bounces | Story::Confidential | Story::NoConsent
        ) || number % 3 == 0;
        all.push(Somebody {
            number,
            story,
            language,
            person: Person {
                given: given.to_owned(),
                family: family.to_owned(),
                birth_date: Some(birth_date(&mut chance, story == Story::Minor)),
                home: Some(Home {
                    street: format!("{} {}", 100 + chance.below(900), chance.pick(&STREETS)),
                    city: "Denver".to_owned(),
                    region: "CO".to_owned(),
                    postal_code: "80202".to_owned(),
                }),
                ..Person::default()
            },
            phone,
            email: if has_mailbox { EmailAddress::parse(&mailbox).ok() } else { None },
        });
    }
    all
}

fn birth_date(chance: &mut Chance, minor: bool) -> Date {
    let year = if minor { 2016 } else { 1940 + chance.below(65) };
    let (month, day) = (1 + chance.below(12), 1 + chance.below(28));
    let in_range = |n: usize| i8::try_from(n).unwrap_or(1);
    Date::new(i16::try_from(year).unwrap_or(1980), in_range(month), in_range(day))
        .unwrap_or(date(1980, 1, 1))
}

/// The people at the other end of these patients' numbers and mailboxes, who answer in the twin.
/// The first ordinary ones tell the stories that every demo should show; the rest are a mix.
#[must_use]
pub fn personas(seed: u64, people: &[Somebody]) -> Vec<Persona> {
    const SHOWN: [ReplyKind; 10] = [
        ReplyKind::Confirm,
        ReplyKind::RunningLate,
        ReplyKind::Decline,
        ReplyKind::Reschedule,
        ReplyKind::OptOut,
        ReplyKind::WrongNumber,
        ReplyKind::Emergency,
        ReplyKind::BareCancel,
        ReplyKind::Thanks,
        ReplyKind::Question,
    ];
    let mut chance = Chance::new(seed ^ 0x7777);
    let mut shown = SHOWN.iter();
    let mut all = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for somebody in people {
        if let Some(phone) = &somebody.phone
            && seen.insert(phone.reveal().to_owned())
        {
            let behaviour = match somebody.story {
                Story::Ordinary => match shown.next() {
                    Some(kind) => Behaviour::Once(*kind),
                    None if chance.below(3) == 0 => Behaviour::Silent,
                    None => Behaviour::Ordinary,
                },
                Story::NoConsent | Story::OptedOut | Story::Deceased | Story::Landline => {
                    Behaviour::Silent
                }
                _ => Behaviour::Ordinary,
            };
            let persona = Persona::mobile(phone.reveal(), behaviour);
            let persona = if somebody.story == Story::Landline {
                persona.on(Line::Landline)
            } else {
                persona
            };
            all.push(speaking(persona, somebody.language));
        }
        if let Some(email) = &somebody.email {
            let persona = Persona::mailbox(email.reveal(), Behaviour::Silent);
            let line = if somebody.story == Story::Bounces {
                Line::BouncingMailbox
            } else {
                Line::Mailbox
            };
            all.push(speaking(persona.on(line), somebody.language));
        }
    }
    all
}

fn speaking(persona: Persona, language: Language) -> Persona {
    match language {
        Language::Spanish => persona.in_spanish(),
        Language::English => persona,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_people() {
        let names = |seed| -> Vec<_> {
            people(seed, 200).into_iter().map(|p| (p.person.given, p.person.family)).collect()
        };
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
    }

    #[test]
    fn two_hundred_people_hold_every_story() {
        let all = people(7, 200);
        assert_eq!(all.len(), 200);
        for story in [
            Story::Ordinary,
            Story::NoConsent,
            Story::OptedOut,
            Story::Deceased,
            Story::Minor,
            Story::SharesPhone,
            Story::Confidential,
            Story::Landline,
            Story::EmailOnly,
            Story::Caregiver,
            Story::Bounces,
        ] {
            assert!(all.iter().any(|p| p.story == story), "{story:?}");
        }
        assert!(all.iter().filter(|p| p.language == Language::Spanish).count() > 20);
        let phones: Vec<_> = all.iter().filter_map(|p| p.phone.as_ref()).collect();
        assert!(phones.iter().all(|p| p.reveal().contains("55501")));
    }

    #[test]
    fn no_two_personas_live_at_one_address() {
        let all = personas(7, &people(7, MOST));
        let mut addresses: Vec<_> = all.iter().map(|p| p.address.clone()).collect();
        let count = addresses.len();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), count);
    }
}
