//! `/settings/carriers`: who carries each channel under which agreement, how it goes, what a text
//! costs, and a test that goes the way of every message.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Channel, Code, Kind, MessageId, Origin, PhoneNumber, Purpose};
use guard::Level;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::standing::standing;
use super::{CHANNELS, level_words};
use crate::agreements::standing::Agreed;
use crate::audit::{Actor, Event, Kind as Deed};
use crate::channels::{AdapterName, FailureKind};
use crate::compose::Values;
use crate::compose::prices::{self, Price};
use crate::db::attempt::{self, Outcome, Try};
use crate::db::vendor::{self, ChannelSetting};
use crate::db::{Tx, message as messages, test_patient};
use crate::facts::{self, FactsError};
use crate::http::Doors;
use crate::http::console::page::{Filled, Frame, PageError, failed, html, see_other};
use crate::http::console::signed_in::{ChangeSettings, May};
use crate::http::console::words::{When, because, channel_words, state_tone, state_words};
use crate::ids::Id as _;
use crate::intake::{self, IntakeError, Request, Wanted, Words};
use crate::journeys::reminders::profile_values;
use crate::office::Office;
use crate::people::test_patient::{TestPatientError, ensure};

/// How many of the latest attempts are looked through for a carrier's last answer.
const LATEST: u32 = 500;

/// A channel's carrier.
pub(super) struct Carrier {
    pub channel: &'static str,
    pub adapter: String,
    pub name: String,
    pub sender: String,
    pub enabled: bool,
    pub standing: String,
    pub tone: &'static str,
    pub until: Option<When>,
    pub most: &'static str,
    /// Whether a connection is kept, and is there.
    pub link: Option<(&'static str, &'static str)>,
    pub last: Option<Last>,
    /// In cents; only where texts are carried.
    pub price: Option<String>,
}

/// What a carrier answered last, and what went wrong last.
pub(super) struct Last {
    pub words: &'static str,
    pub tone: &'static str,
    pub at: When,
    pub failure: Option<(&'static str, When)>,
}

/// What became of the last test.
struct Story {
    state: &'static str,
    tone: &'static str,
    began: When,
    steps: Vec<(String, When)>,
    reasons: Vec<&'static str>,
    /// It goes on: look again.
    open: bool,
}

#[derive(Template)]
#[template(path = "console/settings_carriers.html")]
struct Page {
    frame: Frame,
    error: Option<String>,
    carriers: Vec<Carrier>,
    can_test: bool,
    by_wire: bool,
    story: Option<Story>,
}

#[derive(Template)]
#[template(path = "console/settings_story.html")]
struct Told {
    story: Option<Story>,
}

/// `GET /settings/carriers`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
) -> Result<Response, Response> {
    show(&doors, &may, None).await
}

async fn show(
    doors: &Doors,
    may: &May<ChangeSettings>,
    error: Option<String>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| -> Result<_, PageError> {
        Ok((carriers(tx, &office)?, story(tx, &office)?))
    };
    let (carriers, story) = doors.db().read(read).await.map_err(|error| failed(&error))?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = Page {
        frame: Frame::of(doors, &may.signed_in).at("/settings"),
        error,
        can_test: carriers.iter().any(|carrier| carrier.price.is_some() && carrier.enabled),
        carriers,
        by_wire: doors.pages().test_number.is_some(),
        story,
    };
    Ok(html(status, &page))
}

/// `GET /settings/carriers/test`: how the last test stands.
pub async fn told(
    State(doors): State<Doors>,
    _: May<ChangeSettings>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| story(tx, &office);
    let story = doors.db().read(read).await.map_err(|error| failed(&error))?;
    Ok(html(StatusCode::OK, &Told { story }))
}

/// Every channel that is set up.
pub(super) fn carriers(tx: &mut Tx<'_>, office: &Office) -> Result<Vec<Carrier>, PageError> {
    let practice = office.practice();
    let agreements = vendor::agreements(tx, practice)?;
    let tries = attempt::latest(tx, practice, LATEST)?;
    let links = office.metrics().links();
    let clock = (office.clock().now(), office.profile().timezone.clone());
    let mut all = Vec::new();
    for channel in CHANNELS {
        let Some(setting) = vendor::channel(tx, practice, channel)? else { continue };
        let mut carrier = carrier(channel, &setting, &agreements, (clock.0, &clock.1));
        let link = links.iter().find(|(adapter, _)| *adapter == setting.adapter);
        carrier.link = link.map(|(_, up)| {
            if *up { ("Connected", "ok") } else { ("Not connected: it is being tried", "stop") }
        });
        carrier.last = last(&tries, &setting.adapter, (clock.0, &clock.1));
        if channel == Channel::Sms {
            let price = prices::by(tx, practice, &setting.adapter)?;
            carrier.price = Some(price.map(Price::cents).unwrap_or_default());
        }
        all.push(carrier);
    }
    Ok(all)
}

fn last(tries: &[Try], adapter: &str, (now, zone): (Timestamp, &TimeZone)) -> Option<Last> {
    let mut its = tries.iter().filter(|one| one.adapter == adapter);
    let when = |at| When::new(at, now, zone);
    let latest = its.next()?;
    let (words, tone) = match latest.outcome {
        Outcome::Accepted => ("took it", "ok"),
        Outcome::Started => ("was asked", "wait"),
        Outcome::Failed => ("did not take it", "stop"),
        Outcome::Uncertain => ("nobody knows", "urgent"),
    };
    let failure = std::iter::once(latest)
        .chain(its)
        .find_map(|one| Some((for_staff(one.failure.as_deref()?), when(one.started_at))));
    Some(Last { words, tone, at: when(latest.started_at), failure })
}

/// What went wrong and what to do.
fn for_staff(failure: &str) -> &'static str {
    FailureKind::from_word(failure).map_or("It failed.", FailureKind::for_staff)
}

/// A channel's carrier, and how the agreement with it stands (BAA-02: warned of 90, 60, 30 and 7
/// days ahead; the gate refuses from the day on which it ends).
fn carrier(
    channel: Channel,
    setting: &ChannelSetting,
    agreements: &[Agreed],
    (now, zone): (Timestamp, &TimeZone),
) -> Carrier {
    let agreed = agreements.iter().find(|agreed| agreed.adapter == setting.adapter);
    let until = agreed.and_then(|agreed| agreed.expires_at);
    let (standing, tone) = agreed.map_or_else(
        || ("No agreement: nothing goes".to_owned(), "stop"),
        |agreed| standing(agreed, now),
    );
    let most = agreed.and_then(|agreed| Level::try_from(agreed.max_level).ok());
    Carrier {
        channel: channel_words(channel.as_str()),
        name: agreed.map_or_else(|| setting.adapter.clone(), |agreed| agreed.legal_name.clone()),
        adapter: setting.adapter.clone(),
        sender: setting.sender.clone(),
        enabled: setting.enabled,
        standing,
        tone,
        until: until.map(|until| When::new(until, now, zone)),
        most: most.map_or("nothing", level_words),
        link: None,
        last: None,
        price: None,
    }
}

/// What became of the last test.
fn story(tx: &mut Tx<'_>, office: &Office) -> Result<Option<Story>, PageError> {
    let practice = office.practice();
    let mut sent = Vec::new();
    for nobody in test_patient::all(tx, practice)? {
        sent.extend(messages::last_of_kind(tx, practice, nobody.patient, Kind::SelfTest)?);
    }
    let Some(id) = sent.into_iter().max() else { return Ok(None) };
    let Some(stored) = messages::find(tx, practice, id)? else { return Ok(None) };
    let (now, zone) = (office.clock().now(), office.profile().timezone.clone());
    let when = |at| When::new(at, now, &zone);
    let began = crate::ids::made_at(id.0).unwrap_or(stored.state_at);
    let mut steps = Vec::new();
    for one in attempt::of_message(tx, practice, id)? {
        let by = match AdapterName::from_word(&one.adapter) {
            Some(AdapterName::Loopback) => "turned back before the wire".to_owned(),
            _ => "handed to the carrier".to_owned(),
        };
        steps.push((by, when(one.started_at)));
        if let Some(at) = one.finished_at {
            let words = match one.outcome {
                Outcome::Accepted => "the carrier took it".to_owned(),
                Outcome::Failed => format!(
                    "the carrier did not take it. {}",
                    one.failure.as_deref().map(for_staff).unwrap_or_default()
                ),
                Outcome::Started | Outcome::Uncertain => "the answer was lost".to_owned(),
            };
            steps.push((words, when(at)));
        }
    }
    let state = stored.state.as_str();
    steps.push((state_words(state).to_lowercase(), when(stored.state_at)));
    let refusals = stored.refusals.as_deref().unwrap_or_default();
    let reasons = refusals.split(' ').filter_map(Code::from_word).map(because).collect();
    Ok(Some(Story {
        state: state_words(state),
        tone: state_tone(state),
        began: when(began),
        steps,
        reasons,
        open: matches!(state, "queued" | "sending" | "sent"),
    }))
}

/// A test cannot be sent.
#[derive(Debug, thiserror::Error)]
enum TestError {
    #[error(transparent)]
    Nobody(#[from] TestPatientError),
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error(transparent)]
    Intake(#[from] IntakeError),
    #[error(transparent)]
    Db(#[from] crate::db::DbError),
}

/// Sends a test the way of every message: intake, gate, outbox, carrier, receipt.
fn send(
    tx: &mut Tx<'_>,
    office: &Office,
    number: Option<&PhoneNumber>,
    actor: Actor,
) -> Result<(), TestError> {
    let (nobody, address) = ensure(tx, office, number)?;
    let subject = facts::subject(tx, office, nobody.patient)?;
    let request = Request {
        message: MessageId::new(office.clock()),
        patient: subject,
        channel: Wanted::Channel(Channel::Sms),
        to: Some(address),
        kind: Kind::SelfTest,
        purpose: Purpose::Operations,
        origin: Origin::Staff,
        words: Words::Template {
            values: profile_values(office, Values::new()).map_err(IntakeError::from)?,
        },
        language: None,
        appointment: None,
        inbound: None,
        useless_after: None,
        actor,
    };
    intake::accept(tx, office, request)?;
    Ok(())
}

/// `POST /settings/carriers/test`.
pub async fn test(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
) -> Result<Response, Response> {
    let (office, actor) = (doors.office().clone(), may.actor());
    let number = doors.pages().test_number.clone();
    let sent = doors.db().write(move |tx| send(tx, &office, number.as_ref(), actor)).await;
    match sent {
        Ok(()) => {
            doors.office().outbox_bell().notify_one();
            Ok(see_other("/settings/carriers#test"))
        }
        Err(TestError::Nobody(error @ TestPatientError::APersons)) => {
            show(&doors, &may, Some(format!("{error}."))).await
        }
        Err(error) => Err(failed(&error)),
    }
}

/// A price, as somebody writes it.
#[derive(Deserialize)]
pub struct Priced {
    #[serde(default)]
    adapter: String,
    #[serde(default)]
    cents: String,
}

/// `POST /settings/carriers/price`.
pub async fn price(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
    Filled(form): Filled<Priced>,
) -> Result<Response, Response> {
    let price = Price::from_cents(&form.cents);
    let known = AdapterName::from_word(&form.adapter);
    let (Some(adapter), true) = (known, price.is_some() || form.cents.trim().is_empty()) else {
        let error = "A price is in cents, like 0.79, and at most 100.".to_owned();
        return show(&doors, &may, Some(error)).await;
    };
    let office = doors.office().clone();
    let event = may.permit.of(Event::new(Deed::PracticeChanged, may.actor()));
    let set = move |tx: &mut Tx<'_>| -> Result<(), PageError> {
        prices::set(tx, &office, (adapter.as_str(), price), event)
    };
    doors.db().write(set).await.map_err(|error| failed(&error))?;
    Ok(see_other("/settings/carriers"))
}
