//! `/settings`: when the office is open, who carries what under which agreement, what may be said
//! where, the words in force, and the programs that may come in.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Category, Channel, Language, Verdict};
use guard::Level;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::page::{Filled, Frame, PageError, failed, html, see_other};
use super::signed_in::{ChangeSettings, May, MayRecently};
use super::words::{When, channel_words, kind_words};
use crate::access::tokens::{self, NewToken, Scope, Secret, TokenError};
use crate::conversations::tasks;
use crate::db::vendor::{self, Agreed};
use crate::db::{Tx, api_token};
use crate::http::Doors;
use crate::http::params::Path;
use crate::ids::TokenId;
use crate::office::Office;
use crate::schedule::office_hours::OfficeHours;

/// The channels of the matrix.
const CHANNELS: [Channel; 5] =
    [Channel::Sms, Channel::Email, Channel::Voicemail, Channel::RinglessVoicemail, Channel::Portal];

const DAYS: [(&str, &str); 7] = [
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
];

struct Day {
    word: &'static str,
    words: &'static str,
    openings: String,
}

struct Carrier {
    channel: &'static str,
    name: String,
    sender: String,
    enabled: bool,
    standing: String,
    tone: &'static str,
    until: Option<When>,
    most: &'static str,
}

struct Row {
    level: &'static str,
    cells: Vec<Cell>,
}

struct Cell {
    channel: &'static str,
    words: &'static str,
    tone: &'static str,
}

struct Wording {
    kind: String,
    name: String,
    text: String,
    language: &'static str,
    lang: &'static str,
}

struct TokenLine {
    id: String,
    name: String,
    scopes: String,
    until: When,
    good: bool,
}

#[derive(Template)]
#[template(path = "console/settings.html")]
struct Page {
    frame: Frame,
    error: Option<String>,
    days: Vec<Day>,
    closed: String,
    carriers: Vec<Carrier>,
    channels: Vec<&'static str>,
    matrix: Vec<Row>,
    wordings: Vec<Wording>,
    tokens: Vec<TokenLine>,
    scopes: Vec<&'static str>,
    longest: u16,
}

#[derive(Template)]
#[template(path = "console/token.html")]
struct Made {
    frame: Frame,
    name: String,
    secret: String,
}

/// `GET /settings`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
) -> Result<Response, Response> {
    show(&doors, &may, None, None).await
}

struct Read {
    hours: OfficeHours,
    agreements: Vec<Agreed>,
    set_up: Vec<(Channel, vendor::ChannelSetting)>,
    tokens: Vec<tokens::Token>,
}

async fn show(
    doors: &Doors,
    may: &May<ChangeSettings>,
    error: Option<String>,
    typed: Option<Hours>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| -> Result<Read, PageError> {
        let practice = office.practice();
        let mut set_up = Vec::new();
        for channel in CHANNELS {
            if let Some(setting) = vendor::channel(tx, practice, channel)? {
                set_up.push((channel, setting));
            }
        }
        Ok(Read {
            hours: tasks::office_hours(tx, &office)?,
            agreements: vendor::agreements(tx, practice)?,
            set_up,
            tokens: api_token::list(tx, practice)?,
        })
    };
    let read = doors.db().read(read).await.map_err(|error| failed(&error))?;
    let office = doors.office();
    let (now, zone) = (office.clock().now(), office.profile().timezone.clone());
    let typed = typed.unwrap_or_else(|| Hours::of(&read.hours));
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = Page {
        frame: Frame::of(doors, &may.signed_in),
        error,
        days: DAYS
            .iter()
            .map(|(word, words)| Day {
                word,
                words,
                openings: typed.week.get(*word).cloned().unwrap_or_default(),
            })
            .collect(),
        closed: typed.closed.clone(),
        carriers: read
            .set_up
            .iter()
            .map(|(channel, setting)| carrier(*channel, setting, &read.agreements, (now, &zone)))
            .collect(),
        channels: CHANNELS.iter().map(|channel| channel_words(channel.as_str())).collect(),
        matrix: matrix(office),
        wordings: wordings(office),
        tokens: read
            .tokens
            .into_iter()
            .map(|token| TokenLine {
                id: token.id.to_string(),
                good: token.is_good(now),
                scopes: token.scopes.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", "),
                until: When::new(token.expires_at, now, &zone),
                name: token.name,
            })
            .collect(),
        scopes: Scope::ALL.iter().map(|scope| scope.as_str()).collect(),
        longest: tokens::MOST_DAYS,
    };
    Ok(html(status, &page))
}

/// A channel's carrier, and how the agreement with it stands (BAA-03: warned of 90, 60, 30 and 7
/// days ahead; the gate refuses from the day on which it ends).
fn carrier(
    channel: Channel,
    setting: &vendor::ChannelSetting,
    agreements: &[Agreed],
    (now, zone): (Timestamp, &jiff::tz::TimeZone),
) -> Carrier {
    let agreed = agreements.iter().find(|agreed| agreed.adapter == setting.adapter);
    let until = agreed.and_then(|agreed| agreed.expires_at);
    let (standing, tone) = agreed.map_or_else(
        || ("No agreement: nothing is sent".to_owned(), "stop"),
        |agreed| standing(agreed, now),
    );
    let most = agreed.and_then(|agreed| Level::try_from(agreed.max_level).ok());
    Carrier {
        channel: channel_words(channel.as_str()),
        name: agreed.map_or_else(|| setting.adapter.clone(), |agreed| agreed.legal_name.clone()),
        sender: setting.sender.clone(),
        enabled: setting.enabled,
        standing,
        tone,
        until: until.map(|until| When::new(until, now, zone)),
        most: most.map_or("nothing", level_words),
    }
}

fn standing(agreed: &Agreed, now: Timestamp) -> (String, &'static str) {
    match agreed.status.as_str() {
        "active" | "exception" => {}
        "sandbox" => return ("Simulated carrier of the demo".to_owned(), "ok"),
        "terminated" => return ("Ended: nothing is sent".to_owned(), "stop"),
        _ => return ("No agreement: nothing is sent".to_owned(), "stop"),
    }
    if agreed.effective_at.is_some_and(|from| from > now) {
        return ("Not in force yet: nothing is sent".to_owned(), "stop");
    }
    let Some(until) = agreed.expires_at else { return ("In force".to_owned(), "ok") };
    let days = until.duration_since(now).as_hours() / 24;
    match days {
        _ if until <= now => ("Expired: nothing is sent".to_owned(), "stop"),
        0..=7 => (format!("Ends in {}: renew it now", days_words(days)), "urgent"),
        8..=30 => (format!("Ends in {}: renew it", days_words(days)), "stop"),
        31..=90 => (format!("Ends in {}", days_words(days)), "wait"),
        _ => ("In force".to_owned(), "ok"),
    }
}

fn days_words(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

const fn level_words(level: Level) -> &'static str {
    match level {
        Level::Administrative => "fine for anyone to hear",
        Level::Mention => "hints that something exists",
        Level::Detail => "health detail",
        Level::Sensitive => "sensitive",
        Level::Never => "never send",
    }
}

/// What the policy in force lets each channel carry, of the least guarded category of each level.
fn matrix(office: &Office) -> Vec<Row> {
    let policy = office.policy();
    let of = |channel, level| {
        let verdicts = Category::ALL.iter().map(|c| policy.verdict(channel, level, *c, false));
        let (mut least, mut most) = (Verdict::Block, Verdict::Pass);
        for verdict in verdicts {
            least = least.min(verdict);
            most = most.max(verdict);
        }
        match (least, most) {
            (Verdict::Pass, Verdict::Pass) => ("goes", "ok"),
            (Verdict::NeedsConsent, Verdict::NeedsConsent) => ("with consent", "wait"),
            (Verdict::Block, Verdict::Block) => ("never", "stop"),
            (Verdict::Pass, _) => ("depends on what it is", "wait"),
            _ => ("with consent, or never", "wait"),
        }
    };
    Level::ALL
        .iter()
        .map(|level| Row {
            level: level_words(*level),
            cells: CHANNELS
                .iter()
                .map(|channel| {
                    let (words, tone) = of(*channel, *level);
                    Cell { channel: channel_words(channel.as_str()), words, tone }
                })
                .collect(),
        })
        .collect()
}

fn wordings(office: &Office) -> Vec<Wording> {
    office
        .templates()
        .iter()
        .filter(|template| template.key.channel == Channel::Sms)
        .map(|template| Wording {
            kind: kind_words(template.key.kind.as_str()),
            name: template.key.name(),
            text: template.body_source.clone(),
            language: match template.key.language {
                Language::English => "English",
                Language::Spanish => "Spanish",
            },
            lang: template.key.language.as_str(),
        })
        .collect()
}

/// The office hours as a form holds them.
#[derive(Deserialize, Default, Clone)]
pub struct Hours {
    #[serde(flatten)]
    week: BTreeMap<String, String>,
    #[serde(default)]
    closed: String,
}

impl Hours {
    fn of(hours: &OfficeHours) -> Self {
        let json: serde_json::Value = serde_json::from_str(&hours.to_json()).unwrap_or_default();
        let words = |list: &serde_json::Value, between: &str| {
            let texts = list.as_array().into_iter().flatten().filter_map(|one| one.as_str());
            texts.collect::<Vec<_>>().join(between)
        };
        let week = json.get("week").and_then(|week| week.as_object()).into_iter().flatten();
        Self {
            week: week.map(|(day, openings)| (day.clone(), words(openings, ", "))).collect(),
            closed: json.get("closed").map(|closed| words(closed, "\n")).unwrap_or_default(),
        }
    }

    /// Read by the same door as the command line's and the API's.
    fn read(&self) -> Result<OfficeHours, String> {
        let parts = |text: &str| -> Vec<String> {
            let bare = |part: &str| -> String {
                let dash = |c: char| if c == '–' { '-' } else { c };
                part.chars().filter(|c| !c.is_whitespace()).map(dash).collect()
            };
            text.split([',', '\n', ';']).map(bare).filter(|part| !part.is_empty()).collect()
        };
        let known = |day: &str| DAYS.iter().any(|(word, _)| *word == day);
        let week: BTreeMap<&str, Vec<String>> = self
            .week
            .iter()
            .filter(|(day, _)| known(day))
            .map(|(day, text)| (day.as_str(), parts(text)))
            .collect();
        let json = serde_json::json!({ "week": week, "closed": parts(&self.closed) });
        OfficeHours::from_json(&json.to_string()).map_err(|error| {
            format!(
                "{error}. Write openings like 08:00-12:00, 13:00-17:00 and days like 2026-12-25."
            )
        })
    }
}

/// `POST /settings/office-hours`.
pub async fn set_hours(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
    Filled(typed): Filled<Hours>,
) -> Result<Response, Response> {
    let hours = match typed.read() {
        Ok(hours) => hours,
        Err(error) => return show(&doors, &may, Some(error), Some(typed)).await,
    };
    let (office, actor) = (doors.office().clone(), may.actor());
    let set = move |tx: &mut Tx<'_>| tasks::set_office_hours(tx, &office, &hours, &actor);
    doors.db().write(set).await.map_err(|error| failed(&error))?;
    Ok(see_other("/settings"))
}

/// A token asked for: each ticked scope sends its own name.
#[derive(Deserialize)]
pub struct NewForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    days: String,
    #[serde(flatten)]
    boxes: BTreeMap<String, String>,
}

/// `POST /settings/tokens`: the secret is shown once.
pub async fn make_token(
    State(doors): State<Doors>,
    may: MayRecently<ChangeSettings>,
    Filled(form): Filled<NewForm>,
) -> Result<Response, Response> {
    let new = NewToken {
        name: form.name.clone(),
        scopes: form.boxes.keys().filter_map(|word| Scope::from_word(word)).collect(),
        days: form.days.trim().parse().unwrap_or(0),
    };
    let (office, actor) = (doors.office().clone(), may.may.actor());
    let made: Result<(tokens::Token, Secret), TokenError> =
        doors.db().write(move |tx| tokens::create(tx, &office, &new, actor)).await;
    match made {
        Ok((token, secret)) => Ok(html(
            StatusCode::OK,
            &Made {
                frame: Frame::of(&doors, &may.may.signed_in),
                name: token.name,
                secret: secret.reveal().to_owned(),
            },
        )),
        Err(error @ (TokenError::Days | TokenError::NoScope | TokenError::Name)) => {
            let words = match error {
                TokenError::NoScope => "The token is good for nothing yet: tick what it may do.",
                TokenError::Days => "The days must be 1 to 90.",
                _ => "Name the program the token is for.",
            };
            show(&doors, &may.may, Some(words.to_owned()), None).await
        }
        Err(error) => Err(failed(&error)),
    }
}

/// `POST /settings/tokens/{id}/revoke`.
pub async fn revoke_token(
    State(doors): State<Doors>,
    may: MayRecently<ChangeSettings>,
    Path(id): Path<Uuid>,
) -> Result<Response, Response> {
    let (office, actor) = (doors.office().clone(), may.may.actor());
    let revoked: Result<bool, TokenError> =
        doors.db().write(move |tx| tokens::revoke(tx, &office, TokenId(id), actor)).await;
    revoked.map_err(|error| failed(&error))?;
    Ok(see_other("/settings#tokens"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agreement_is_warned_of_before_it_ends() {
        let now: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
        let agreed = |status: &str, days: Option<i64>| Agreed {
            adapter: "sms_smpp".into(),
            legal_name: "Carrier".into(),
            max_level: 2,
            status: status.into(),
            effective_at: None,
            expires_at: days.map(|days| now + jiff::SignedDuration::from_hours(24 * days)),
        };
        for (status, days, words, tone) in [
            ("active", None, "In force", "ok"),
            ("active", Some(91), "In force", "ok"),
            ("active", Some(90), "Ends in 90 days", "wait"),
            ("active", Some(31), "Ends in 31 days", "wait"),
            ("active", Some(30), "Ends in 30 days: renew it", "stop"),
            ("exception", Some(7), "Ends in 7 days: renew it now", "urgent"),
            ("active", Some(0), "Expired: nothing is sent", "stop"),
            ("missing", Some(99), "No agreement: nothing is sent", "stop"),
            ("terminated", None, "Ended: nothing is sent", "stop"),
        ] {
            let (said, how) = standing(&agreed(status, days), now);
            assert_eq!((said.as_str(), how), (words, tone), "{status} {days:?}");
        }
    }

    #[test]
    fn hours_are_read_as_they_are_typed() {
        let typed = |monday: &str, closed: &str| Hours {
            week: BTreeMap::from([("mon".to_owned(), monday.to_owned())]),
            closed: closed.to_owned(),
        };
        let kept = |hours: &Hours| Hours::of(&hours.read().unwrap());
        let split = kept(&typed("08:00 – 12:00, 13:00-17:00", "2026-12-25\r\n2027-01-01"));
        assert_eq!(split.week["mon"], "08:00-12:00, 13:00-17:00");
        assert_eq!(split.closed, "2026-12-25\n2027-01-01");
        assert_eq!(kept(&typed("", "")).week.get("mon"), None);
        assert!(typed("8 to 5", "").read().unwrap_err().contains("week.mon"));
        assert!(typed("", "christmas").read().is_err());
    }
}
