//! What the gate asks about, loaded in one query set inside the transaction that decides.

use std::collections::BTreeSet;

use gate::facts::{
    AddressFacts, Alternative, Consent, ConsentClass, Dead, History, Known, Line, Location, OptOut,
    Practice, Recipient, Restriction, Role, Scope, Template, Vendor,
};
use gate::{
    Address, Category, Channel, ConsentId, ContactPointId, Draft, Facts, Kind, Language, Level,
    PatientId, Purpose,
};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::channels::AdapterName;
use crate::db::message::{self, CapWindows};
use crate::db::{DbError, Tx, patient, template_version, vendor};
use crate::office::Office;
use crate::people::caregivers::PARENTAL;
use crate::people::person::Person;
use crate::people::{area_codes, patients, releases};
use crate::portal::link;
use crate::{params, sql};

/// Facts cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The patient's record cannot be opened.
    #[error("the patient's record cannot be opened: {0}")]
    Seal(#[from] seal::SealError),
}

/// A patient as the facts and the templates need them.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Who.
    pub id: PatientId,
    /// Names, birth date, home.
    pub person: Person,
    /// The language on file.
    pub language: Option<Language>,
    /// The zone of the home, where known.
    pub timezone: Option<TimeZone>,
    /// PRIV-23.
    pub deceased: bool,
    /// In use.
    pub active: bool,
    /// Nobody: the self-test's.
    pub test: Option<Test>,
}

/// How the messages of the patient that is nobody go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// To a phone of the practice's own.
    ByWire,
    /// Back before the wire.
    ByLoopback,
}

/// The patient a message is about, opened.
///
/// # Errors
/// [`FactsError`].
pub fn subject(
    tx: &mut Tx<'_>,
    office: &Office,
    id: PatientId,
) -> Result<Option<Subject>, FactsError> {
    let Some((row, test)) = patient::with_test(tx, office.practice(), id)? else {
        return Ok(None);
    };
    Ok(Some(Subject {
        test: test.map(|by_wire| if by_wire { Test::ByWire } else { Test::ByLoopback }),
        id,
        person: patients::open_person(office.keys(), office.practice(), id, row.person_sealed)?,
        language: row.language.as_deref().and_then(Language::from_word),
        timezone: row.timezone.as_deref().and_then(|name| TimeZone::get(name).ok()),
        deceased: row.deceased_at.is_some(),
        active: row.active && row.merged_into.is_none(),
    }))
}

/// Loads everything the checks ask about one draft.
///
/// # Errors
/// [`FactsError`]; the caller's transaction then fails, and nothing is sent.
pub fn load(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
    subject: Option<&Subject>,
    now: Timestamp,
) -> Result<Facts, FactsError> {
    tx.ahead(|tx| each(tx, office, draft, subject, now))?;
    each(tx, office, draft, subject, now)
}

fn each(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
    subject: Option<&Subject>,
    now: Timestamp,
) -> Result<Facts, FactsError> {
    let profile = office.profile();
    let index = office.address_index(&draft.address);
    let zone = location(draft, subject);
    let (restrictions, minor_confidential) = restrictions(tx, office, draft, now)?;
    let context = context(office, subject, &draft.address);
    Ok(Facts {
        recipient: recipient(tx, office, draft, subject, now)?,
        vendor: carrier(tx, office, draft.channel, subject)?
            .map_or(Known::No("no carrier is set up for this channel"), Known::Yes),
        opt_outs: Known::Yes(opt_outs(tx, office, &index)?),
        alternatives: Known::Yes(alternatives(tx, office, draft.patient, now)?),
        restrictions: Known::Yes(restrictions),
        minor_confidential: Known::Yes(minor_confidential),
        consents: Known::Yes(consents(tx, office, draft, &index)?),
        location: Known::Yes(zone),
        address: address(tx, office, draft, &index, now)?,
        template: template(tx, office, draft)?,
        // The last, since it has no answer to go on with while the others are found out ahead.
        history: Known::Yes(history(tx, office, draft, subject, now)?),
        context,
        portal_ready: subject.is_some(),
        practice: Practice {
            name: profile.display_name.clone(),
            phone: profile.phone.clone(),
            // A notice carries a link of its own.
            portal_url: link::url(office, draft.message),
        },
    })
}

/// What the guard is told: the practice's names and places, and whose message it is.
#[must_use]
pub fn context(office: &Office, subject: Option<&Subject>, address: &Address) -> guard::Context {
    let mut context = office.profile().context.clone();
    if let Some(subject) = subject {
        let person = &subject.person;
        context.recipient_names = person
            .given
            .split_whitespace()
            .chain(person.preferred.as_deref())
            .chain([person.family.as_str()])
            .map(str::to_owned)
            .collect();
    }
    context.recipient_addresses = vec![address.reveal().to_owned()];
    context
}

/// Who carries it. What would go to nobody's number is turned back in the carrier's place, under
/// the carrier's own agreement.
fn carrier(
    tx: &mut Tx<'_>,
    office: &Office,
    channel: Channel,
    subject: Option<&Subject>,
) -> Result<Option<Vendor>, DbError> {
    let carrier = vendor::for_channel(tx, office.practice(), channel)?;
    let turned_back = subject.is_some_and(|subject| subject.test == Some(Test::ByLoopback))
        && channel != Channel::Portal;
    Ok(carrier.map(|carrier| {
        if turned_back {
            Vendor { adapter: AdapterName::Loopback.as_str().to_owned(), ..carrier }
        } else {
            carrier
        }
    }))
}

fn location(draft: &Draft, subject: Option<&Subject>) -> Location {
    let by_number = match &draft.address {
        Address::Phone(number) => area_codes::zone_of(number),
        Address::Email(_) | Address::Portal => None,
    };
    Location { by_address: subject.and_then(|s| s.timezone.clone()), by_number }
}

fn recipient(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
    subject: Option<&Subject>,
    now: Timestamp,
) -> Result<Known<Recipient>, FactsError> {
    let caregiver = match draft.contact_point {
        Some(id) => caregiver_behind(tx, office, id, now)?,
        None => None,
    };
    let Some(subject) = subject else {
        return Ok(if draft.patient.is_none() {
            Known::Yes(Recipient {
                role: Role::Unknown,
                deceased: false,
                age: None,
                active: true,
                language: None,
            })
        } else {
            Known::No("the patient is not on file")
        });
    };
    let today = now.to_zoned(office.profile().timezone.clone()).date();
    let age = subject.person.age_on(today);
    let role = match caregiver {
        None => Role::Patient,
        Some(caregiver) if caregiver.representative => {
            Role::Representative { of_minor: caregiver.parental }
        }
        Some(caregiver) => Role::Caregiver { scope: caregiver.scope, written: caregiver.written },
    };
    Ok(Known::Yes(Recipient {
        role,
        deceased: subject.deceased,
        age,
        active: subject.active,
        language: subject.language,
    }))
}

/// A caregiver behind an address: what is on record and in force.
pub(crate) struct Behind {
    pub(crate) representative: bool,
    /// Authority over a child: it ends at eighteen (PRIV-08, PRIV-09).
    pub(crate) parental: bool,
    written: bool,
    pub(crate) scope: Vec<Scope>,
    /// When somebody last looked at it.
    pub(crate) updated_at: Timestamp,
}

/// The caregiver whose contact point this is, with the scope that is recorded and in force.
pub(crate) fn caregiver_behind(
    tx: &mut Tx<'_>,
    office: &Office,
    contact_point: ContactPointId,
    now: Timestamp,
) -> Result<Option<Behind>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT g.representative, g.scope, g.permission, g.valid_from, g.valid_until,
                    g.relation, g.updated_at
             FROM contact_point c JOIN caregiver g
                 ON g.practice_id = c.practice_id AND g.id = c.caregiver_id
             WHERE c.practice_id = $1 AND c.id = $2"
        ),
        params![office.practice(), contact_point],
        |row| {
            let permission: String = row.get(2)?;
            let permitted = permission != "none" && in_force(row.get(3)?, row.get(4)?, now);
            let scope: String = row.get(1)?;
            let relation: String = row.get(5)?;
            Ok(Behind {
                updated_at: row.get(6)?,
                parental: PARENTAL.contains(&relation.to_ascii_lowercase().as_str()),
                written: permission == "written",
                representative: permitted && row.get::<bool>(0)?,
                scope: if permitted {
                    scope.split_whitespace().filter_map(scope_from_word).collect()
                } else {
                    Vec::new()
                },
            })
        },
    )
}

fn scope_from_word(word: &str) -> Option<Scope> {
    Some(match word {
        "call_back" => Scope::CallBack,
        "appointments" => Scope::Appointments,
        "billing" => Scope::Billing,
        "clinical" => Scope::Clinical,
        _ => return None,
    })
}

fn in_force(from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> bool {
    from.is_none_or(|from| from <= now) && until.is_none_or(|until| now < until)
}

/// The events about an address, folded: what is in force now.
pub(crate) fn opt_outs(
    tx: &mut Tx<'_>,
    office: &Office,
    index: &[u8; 32],
) -> Result<Vec<OptOut>, DbError> {
    let mut standing: Vec<OptOut> = Vec::new();
    tx.each::<DbError>(
        sql!(
            "SELECT event, channel, kind, occurred_at FROM suppression_event
             WHERE practice_id = $1 AND address_index = $2 ORDER BY occurred_at, id"
        ),
        params![office.practice(), index],
        |row| {
            let channel = row.get::<Option<String>>(1)?.as_deref().and_then(Channel::from_word);
            let kind = row.get::<Option<String>>(2)?.as_deref().and_then(Kind::from_word);
            let since: Timestamp = row.get(3)?;
            match row.get::<String>(0)?.as_str() {
                // What the patient turns on again is on; a wrong number stays wrong.
                "opt_in" => standing.retain(|s| {
                    s.wrong_number
                        || (channel.is_some() && s.channel != channel)
                        || (kind.is_some() && s.kind != kind)
                }),
                "confirmed" => standing.iter_mut().for_each(|s| s.confirmed = true),
                event => {
                    let wrong_number = event == "wrong_number";
                    let known = standing.iter().any(|s| {
                        s.channel == channel && s.kind == kind && s.wrong_number == wrong_number
                    });
                    if !known {
                        let confirmed = false;
                        standing.push(OptOut { channel, kind, since, confirmed, wrong_number });
                    }
                }
            }
            Ok(())
        },
    )?;
    Ok(standing)
}

pub(crate) fn alternatives(
    tx: &mut Tx<'_>,
    office: &Office,
    patient: Option<PatientId>,
    now: Timestamp,
) -> Result<Vec<Alternative>, DbError> {
    let Some(patient) = patient else { return Ok(Vec::new()) };
    tx.query(
        sql!(
            "SELECT channel, contact_point_id FROM alternative_contact
             WHERE practice_id = $1 AND patient_id = $2 AND valid_from <= $3
                 AND (valid_until IS NULL OR valid_until > $3)
             ORDER BY recorded_at, id"
        ),
        params![office.practice(), patient, now],
        |row| {
            Ok(Alternative {
                channel: row.get::<Option<String>>(0)?.as_deref().and_then(Channel::from_word),
                use_instead: row.get(1)?,
            })
        },
    )
}

/// Accepted restrictions in force, and whether this kind of message is tagged as a minor's own
/// matter (PRIV-09).
fn restrictions(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
    now: Timestamp,
) -> Result<(Vec<Restriction>, bool), DbError> {
    let Some(patient) = draft.patient else { return Ok((Vec::new(), false)) };
    let mut standing = Vec::new();
    let mut confidential = false;
    tx.each::<DbError>(
        sql!(
            "SELECT what, value FROM restriction
             WHERE practice_id = $1 AND patient_id = $2 AND status = 'accepted'
                 AND valid_from <= $3 AND (valid_until IS NULL OR valid_until > $3)"
        ),
        params![office.practice(), patient, now],
        |row| {
            let value: Option<String> = row.get(1)?;
            let word = value.as_deref().unwrap_or_default();
            let read = match row.get::<String>(0)?.as_str() {
                "minor_confidential" => {
                    confidential |= value.is_none() || word == draft.kind.as_str();
                    return Ok(());
                }
                "channel" => Channel::from_word(word).map(Restriction::Channel),
                "contact_point" => word.parse().ok().map(Restriction::ContactPoint),
                "kind" => Kind::from_word(word).map(Restriction::Kind),
                "safety" => Some(Restriction::Safety),
                // Who opens the record is watched; nothing is held back.
                "watched" => return Ok(()),
                "part2" => Some(Restriction::Part2),
                _ => None,
            };
            // A hold, or a restriction we cannot read, holds everything.
            standing.push(read.unwrap_or(Restriction::Hold));
            Ok(())
        },
    )?;
    Ok((standing, confidential))
}

fn consents(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
    index: &[u8; 32],
) -> Result<Vec<Consent>, DbError> {
    let Some(patient) = draft.patient else { return Ok(Vec::new()) };
    let mut standing: Vec<Consent> = Vec::new();
    tx.each::<DbError>(
        sql!(
            "SELECT event, consent_id, class, channel, address_index, purposes, categories,
                 up_to_level, risk_warned, method, captured_at, valid_until, evidence_digest
             FROM consent_event WHERE practice_id = $1 AND patient_id = $2
             ORDER BY captured_at, recorded_at, id"
        ),
        params![office.practice(), patient],
        |row| {
            let id: ConsentId = row.get(1)?;
            if row.get::<String>(0)? != "given" {
                standing.retain(|consent| consent.id != id);
                return Ok(());
            }
            let words = |index| -> Result<Vec<String>, DbError> {
                let text: String = row.get(index)?;
                Ok(text.split_whitespace().map(str::to_owned).collect())
            };
            let class = match row.get::<String>(2)?.as_str() {
                "pec" => ConsentClass::Pec,
                "pewc" => ConsentClass::Pewc,
                "content" => ConsentClass::Content {
                    categories: words(6)?.iter().filter_map(|w| category(w)).collect(),
                    up_to: row
                        .get::<Option<u8>>(7)?
                        .and_then(|n| Level::try_from(n).ok())
                        .unwrap_or_default(),
                    risk_warned: row.get(8)?,
                },
                "marketing_authorization" => ConsentClass::MarketingAuthorization,
                "access_request" => ConsentClass::AccessRequestRelease {
                    of_this_message: row
                        .get::<Option<Vec<u8>>>(12)?
                        .is_some_and(|given_for| releases::is_of(office.keys(), draft, &given_for)),
                },
                // A class we do not know permits nothing.
                _ => return Ok(()),
            };
            let Some(channel) = Channel::from_word(&row.get::<String>(3)?) else { return Ok(()) };
            let purposes = words(5)?;
            let method: String = row.get(9)?;
            standing.push(Consent {
                id,
                class,
                channel,
                for_this_address: row.get::<[u8; 32]>(4)? == *index,
                purposes: purposes.iter().filter_map(|w| Purpose::from_word(w)).collect(),
                from: row.get(10)?,
                until: row.get(11)?,
                written: matches!(method.as_str(), "paper" | "portal" | "form"),
            });
            Ok(())
        },
    )?;
    Ok(standing)
}

fn category(word: &str) -> Option<Category> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

/// What went to the patient lately, by the patient's own days: the one fact that sending itself
/// changes.
///
/// # Errors
/// [`DbError`].
pub fn history(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
    subject: Option<&Subject>,
    now: Timestamp,
) -> Result<History, DbError> {
    let Some(patient) = draft.patient else { return Ok(History::default()) };
    // The caps spare people; nobody is spared by them.
    if subject.is_some_and(|subject| subject.test.is_some()) {
        return Ok(History::default());
    }
    let Location { by_address, by_number } = location(draft, subject);
    let zone = by_address.or(by_number).unwrap_or_else(|| office.profile().timezone.clone());
    let day = now.to_zoned(zone);
    let start = day.start_of_day();
    let windows = start.and_then(|start| {
        let end = start.checked_add(1.day())?;
        Ok(CapWindows {
            day_start: start.timestamp(),
            day_end: end.timestamp(),
            week_start: end.checked_sub(7.days())?.timestamp(),
        })
    });
    // Only at the ends of time is there no such day; then the whole of time counts.
    let windows = windows.unwrap_or(CapWindows {
        day_start: Timestamp::MIN,
        day_end: Timestamp::MAX,
        week_start: Timestamp::MIN,
    });
    let (today, week) =
        message::count_for_caps(tx, office.practice(), patient, draft.message, windows)?;
    Ok(History { today, week })
}

fn address(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
    index: &[u8; 32],
    now: Timestamp,
) -> Result<Known<AddressFacts>, DbError> {
    if draft.address == Address::Portal {
        return Ok(Known::Yes(AddressFacts {
            in_period: true,
            verified: true,
            patients: 1,
            shared: false,
            line: Line::NotALine,
            dead: None,
            verified_tls: true,
        }));
    }
    // Counted here: asked for DISTINCT, SQLite walks every contact point in the order of patients.
    let holders: Vec<PatientId> = tx.query(
        sql!("SELECT patient_id FROM contact_point WHERE practice_id = $1 AND address_index = $2"),
        params![office.practice(), index],
        |row| row.get(0),
    )?;
    let patients = holders.iter().collect::<BTreeSet<_>>().len();
    let patients = u32::try_from(patients).unwrap_or(u32::MAX);
    let Some(id) = draft.contact_point else {
        // An answer to a number that wrote to us: it exists, and nothing else is known of it.
        return Ok(Known::Yes(AddressFacts {
            in_period: true,
            verified: false,
            patients,
            shared: patients > 1,
            line: if matches!(draft.address, Address::Phone(_)) {
                Line::Unknown
            } else {
                Line::NotALine
            },
            dead: None,
            verified_tls: false,
        }));
    };
    let row = tx.query_opt(
        sql!(
            "SELECT valid_from, valid_until, verified_at, shared, line, dead, address_index
             FROM contact_point WHERE practice_id = $1 AND id = $2"
        ),
        params![office.practice(), id],
        |row| {
            let line = match row.get::<String>(4)?.as_str() {
                "mobile" => Line::Mobile,
                "landline" => Line::Landline,
                "voip" => Line::Voip,
                "not_a_line" => Line::NotALine,
                _ => Line::Unknown,
            };
            let dead = match row.get::<Option<String>>(5)?.as_deref() {
                None => None,
                Some("wrong_number") => Some(Dead::WrongNumber),
                Some("reassigned") => Some(Dead::Reassigned),
                Some(_) => Some(Dead::Bounced),
            };
            let facts = AddressFacts {
                in_period: in_force(row.get(0)?, row.get(1)?, now),
                verified: row.get::<Option<i64>>(2)?.is_some(),
                patients,
                shared: row.get(3)?,
                line,
                dead,
                verified_tls: false,
            };
            Ok((facts, row.get::<[u8; 32]>(6)? == *index))
        },
    )?;
    Ok(match row {
        Some((facts, true)) => Known::Yes(facts),
        Some((_, false)) => Known::No("the address on file changed after this was written"),
        None => Known::No("the contact point is not on file"),
    })
}

fn template(
    tx: &mut Tx<'_>,
    office: &Office,
    draft: &Draft,
) -> Result<Known<Option<Template>>, DbError> {
    let Some(used) = &draft.content.template else { return Ok(Known::Yes(None)) };
    let found = template_version::standing(tx, office.practice(), used)?;
    Ok(found.map_or(Known::No("the template version is not on file"), |t| Known::Yes(Some(t))))
}
