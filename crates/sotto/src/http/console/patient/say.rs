//! A patient's rows in a person's words.

use gate::facts::{Dead, Line, Scope};
use gate::{Category, Channel, Level};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::words::{channel_words, kind_words};
use crate::db::Word;
use crate::db::consent_event::{ConsentEventRow, ConsentKind, ConsentMethod};
use crate::db::restriction::{RestrictedThing, RestrictionStatus};

/// "Mar 3, 2027".
pub(in crate::http::console) fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%b %-d, %Y").to_string()
}

/// The last day before an instant: what "until" means to a person.
pub(in crate::http::console) fn last_day(until: Timestamp, zone: &TimeZone) -> String {
    day(until.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(until), zone)
}

pub(super) const fn line(line: Line) -> &'static str {
    match line {
        Line::Mobile => "Mobile",
        Line::Landline => "Landline",
        Line::Voip => "Internet phone",
        Line::Unknown => "Phone",
        Line::NotALine => "Email",
    }
}

pub(super) const fn dead(dead: &Dead) -> &'static str {
    match dead {
        Dead::WrongNumber => "Somebody else’s number",
        Dead::Bounced => "Does not exist any more",
        Dead::Reassigned => "Changed hands",
    }
}

/// How an address was verified.
pub(super) fn verified(how: Option<&str>) -> &'static str {
    match how {
        Some("code") => "Verified by code",
        Some("portal") => "Verified in the portal",
        Some("in_person") => "Verified in person",
        _ => "Verified",
    }
}

pub(super) fn language(tag: Option<&str>) -> String {
    match tag.map(|tag| tag.split('-').next().unwrap_or(tag)) {
        Some("en") => "English".to_owned(),
        Some("es") => "Spanish".to_owned(),
        Some(other) => other.to_owned(),
        None => "not on file".to_owned(),
    }
}

pub(super) const fn method(method: ConsentMethod) -> &'static str {
    match method {
        ConsentMethod::Paper => "on paper",
        ConsentMethod::Portal => "in the portal",
        ConsentMethod::Spoken => "spoken",
        ConsentMethod::Keyword => "by a reply",
        ConsentMethod::Form => "on a form",
    }
}

/// What a consent allows.
pub(super) fn allows(row: &ConsentEventRow) -> String {
    let what = match row.class {
        ConsentKind::Pec => "Automated messages about visits and care".to_owned(),
        ConsentKind::Pewc => "Marketing messages".to_owned(),
        ConsentKind::MarketingAuthorization => "Health information used for marketing".to_owned(),
        ConsentKind::AccessRequest => "Their own records, this once".to_owned(),
        ConsentKind::Content => {
            let level = row.up_to_level.and_then(|level| Level::try_from(level).ok());
            let categories: Vec<&str> = row
                .categories
                .split_whitespace()
                .filter_map(Category::from_word)
                .map(category)
                .collect();
            let level = level.map_or("health detail", self::level);
            format!("Words about {}, up to “{level}”", categories.join(", "))
        }
    };
    if row.purposes.is_empty() {
        return what;
    }
    format!("{what}; only for {}", row.purposes.replace('_', " ").replace(' ', ", "))
}

pub(super) const fn level(level: Level) -> &'static str {
    match level {
        Level::Administrative => "fine for anyone to hear",
        Level::Mention => "hints that something exists",
        Level::Detail => "health detail",
        Level::Sensitive => "sensitive",
        Level::Never => "never send",
    }
}

/// The categories that a patient may allow to be written about.
pub(super) const CATEGORIES: [Category; 10] = [
    Category::Diagnosis,
    Category::Medication,
    Category::LabResult,
    Category::Procedure,
    Category::Specialty,
    Category::MentalHealth,
    Category::Sud,
    Category::Reproductive,
    Category::Hiv,
    Category::Billing,
];

pub(super) const fn category(category: Category) -> &'static str {
    match category {
        Category::Diagnosis => "diagnoses",
        Category::Medication => "medicines",
        Category::LabResult => "test results",
        Category::Procedure => "procedures",
        Category::Specialty => "which specialist",
        Category::MentalHealth => "mental health",
        Category::Sud => "substance use",
        Category::Reproductive => "reproductive health",
        Category::Hiv => "HIV",
        Category::Billing => "bills",
        Category::IdentifierSsn
        | Category::IdentifierMrn
        | Category::IdentifierDob
        | Category::IdentifierAddress
        | Category::IdentifierOther => "identifiers",
    }
}

pub(super) const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::CallBack => "that we called",
        Scope::Appointments => "appointments",
        Scope::Billing => "bills",
        Scope::Clinical => "health matters",
    }
}

pub(super) const fn status(status: RestrictionStatus) -> &'static str {
    match status {
        RestrictionStatus::Accepted => "agreed",
        RestrictionStatus::Declined => "declined",
        RestrictionStatus::Terminated => "ended",
    }
}

/// A channel as something one does not do.
fn no_channel(word: &str) -> &'static str {
    match word {
        "sms" => "No texts",
        "email" => "No email",
        "voicemail" => "No voicemail",
        "ringless_voicemail" => "No ringless voicemail",
        "portal" => "Nothing in the portal",
        _ => "No calls",
    }
}

/// What the tag `part2` means (42 CFR Part 2, PRIV-16).
pub(super) const PART2: &str =
    "Treatment for substance use, 42 CFR Part 2: what was said is closed to most";

/// A restriction; `contact` is the address it names, where it names one.
pub(super) fn restriction(what: RestrictedThing, value: Option<&str>, contact: &str) -> String {
    match (what, value) {
        (RestrictedThing::Channel, value) => no_channel(value.unwrap_or_default()).to_owned(),
        (RestrictedThing::ContactPoint, _) => format!("Never {contact}"),
        (RestrictedThing::Kind, value) => {
            format!("None of this kind: {}", kind_words(value.unwrap_or_default()))
        }
        (RestrictedThing::Hold, _) => "On hold: nothing automated".to_owned(),
        (RestrictedThing::Safety, _) => {
            "Safety: no voicemail, no text, no caller’s name".to_owned()
        }
        (RestrictedThing::Watched, _) => {
            "Watched: whoever opens this record is asked why".to_owned()
        }
        (RestrictedThing::Part2, _) => PART2.to_owned(),
        (RestrictedThing::MinorConfidential, None) => {
            "A young person’s own matters: nothing to parents".to_owned()
        }
        (RestrictedThing::MinorConfidential, Some(kind)) => {
            format!("A young person’s own matter, nothing to parents: {}", kind_words(kind))
        }
    }
}

/// "Texts to", "Email to", "Voicemail to".
pub(super) fn by(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "Texts to",
        Channel::Email => "Email to",
        Channel::Voicemail => "Voicemail at",
        Channel::RinglessVoicemail => "Ringless voicemail at",
        Channel::Portal => "The portal",
        Channel::LiveVoiceVerified | Channel::LiveVoiceUnverified => "Calls to",
    }
}

/// What an opt-out stops.
pub(super) fn opted_out(channel: Option<Channel>, kind: Option<gate::Kind>) -> String {
    let channel = channel.map_or("all automated messages".to_owned(), |channel| {
        channel_words(channel.as_str()).to_lowercase()
    });
    match kind {
        None => channel,
        Some(kind) => format!("{channel}: {}", kind_words(kind.as_str()).to_lowercase()),
    }
}
