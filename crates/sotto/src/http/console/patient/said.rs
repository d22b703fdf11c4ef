//! Everything that was said with a patient, newest first: what we sent, on whichever channel, and
//! what they answered. The words only where this person may read them; that something was said, and
//! what became of it, always.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Kind as What, PatientId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use uuid::Uuid;

use super::super::lines::reply_words;
use super::super::page::{Frame, html, not_now};
use super::super::signed_in::{MayOf, SeePatient};
use super::super::words::{self, When};
use super::{Reads, log};
use crate::access::policies::{About, Principal};
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::db::inbound_message::{self, Came};
use crate::db::message::{self, Stored};
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::params::Query;
use crate::office::Office;
use crate::outbox::store;

/// How many a page shows.
const ROWS: u32 = 20;

/// Something that was said.
#[derive(Debug)]
pub(super) struct Said {
    pub id: String,
    pub at: When,
    /// We said it; otherwise the patient.
    pub ours: bool,
    pub channel: &'static str,
    /// What kind of message, or what it was read as.
    pub what: String,
    pub language: &'static str,
    /// The words, where they may be read.
    pub text: Option<String>,
    /// What became of it.
    pub state: String,
    pub tone: &'static str,
}

/// Where a page of older things begins: behind this instant and row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before(Timestamp, Uuid);

impl Before {
    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('_')?;
        Some(Self(Timestamp::from_microsecond(at.parse().ok()?).ok()?, id.parse().ok()?))
    }

    fn written(self) -> String {
        format!("{}_{}", self.0.as_microsecond(), self.1)
    }
}

/// The latest of what was said, or the latest before something; and where the next page begins.
pub(super) fn latest(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, before): (PatientId, Option<Before>),
    reads: &Reads,
) -> Result<(Vec<Said>, Option<String>), Problem> {
    let practice = office.practice();
    // No row is as late as this one.
    let Before(at, id) = before.unwrap_or(Before(Timestamp::MAX, Uuid::max()));
    let sent = message::of_patient(tx, practice, patient, (at, id), ROWS + 1)?;
    let came = inbound_message::of_patient(tx, practice, patient, (at, id), ROWS + 1)?;
    let zone = office.profile().timezone.clone();
    let reader = Reader { office, reads, zone, now: office.clock().now() };
    let mut all: Vec<(Timestamp, Uuid, Said)> = Vec::with_capacity(sent.len() + came.len());
    for one in sent {
        all.push((one.send_at, one.id.0, reader.ours(&one)?));
    }
    for one in came {
        all.push((one.received_at, one.id.0, reader.theirs(&one)?));
    }
    all.sort_by_key(|(at, id, _)| std::cmp::Reverse((*at, *id)));
    let rows = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = all.len() > rows;
    all.truncate(rows);
    let next = all.last().filter(|_| more).map(|(at, id, _)| Before(*at, *id).written());
    Ok((all.into_iter().map(|(_, _, said)| said).collect(), next))
}

struct Reader<'a> {
    office: &'a Office,
    reads: &'a Reads,
    zone: TimeZone,
    now: Timestamp,
}

impl Reader<'_> {
    fn ours(&self, one: &Stored) -> Result<Said, Problem> {
        let text = if self.reads.may(about(one.kind)) {
            let content = store::open_content(self.office, one).map_err(|_| sealed())?;
            one.draft(&content).map(|draft| draft.content.body)
        } else {
            None
        };
        Ok(Said {
            id: one.id.to_string(),
            at: When::new(one.send_at, self.now, &self.zone),
            ours: true,
            channel: words::channel_words(one.channel.as_str()),
            what: words::kind_words(one.kind.as_str()),
            language: one.language.as_str(),
            text,
            state: words::state_words(one.state.as_str()).to_owned(),
            tone: words::state_tone(one.state.as_str()),
        })
    }

    fn theirs(&self, one: &Came) -> Result<Said, Problem> {
        let intent = one.intents.split_whitespace().next().unwrap_or_default();
        let text = if self.reads.may(about_reply(intent)) {
            let words = reply_words(self.office, one.id, (&one.content_sealed, &one.record_wrap));
            Some(words.map_err(|_| sealed())?)
        } else {
            None
        };
        Ok(Said {
            id: one.id.to_string(),
            at: When::new(one.received_at, self.now, &self.zone),
            ours: false,
            channel: words::channel_words(one.channel.as_str()),
            what: words::intent_words(intent),
            language: "",
            text,
            state: words::effect_words(&one.effect),
            tone: words::effect_tone(&one.effect),
        })
    }
}

fn sealed() -> Problem {
    tracing::error!("console.words_cannot_be_opened");
    Problem::internal()
}

/// What a message of ours is about.
const fn about(kind: What) -> About {
    use What as K;
    match kind {
        K::AccountCallback | K::StatementReady => About::Account,
        K::AppointmentReminder
        | K::AppointmentReminderGeneric
        | K::AppointmentReplyAck
        | K::Closure
        | K::WaitlistOffer
        | K::PreVisitForms
        | K::TelehealthLink
        | K::GeneralCallback
        | K::SecureMessageNotice
        | K::AfterHoursAutoreply
        | K::OptInConfirm
        | K::Help
        | K::StopConfirm
        | K::StartConfirm
        | K::IdCode
        | K::RiskWarning
        | K::WrongNumberApology
        | K::ConsentReceipt
        | K::Survey => About::Schedule,
        _ => About::Clinical,
    }
}

/// What a reply is about. What nobody understood may be about health.
fn about_reply(intent: &str) -> About {
    match intent {
        "confirm" | "decline_or_cancel" | "reschedule" | "opt_out" | "opt_in" | "help"
        | "question_admin" | "wrong_number" | "thanks" => About::Schedule,
        _ => About::Clinical,
    }
}

#[derive(Template)]
#[template(path = "console/said.html")]
struct Page {
    frame: Frame,
    id: String,
    said: Vec<Said>,
    older: Option<String>,
}

/// Which page of it.
#[derive(Deserialize, Default)]
pub struct Asked {
    before: Option<String>,
}

/// `GET /people/{patient}/said`: older things. The cursor is an instant and an id, and names nobody.
pub async fn page(
    may: MayOf<SeePatient>,
    State(doors): State<Doors>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let principal = Principal::from(&may.signed_in.staff);
    let reads = Reads::of(&principal, &may.sites);
    let before = asked.before.as_deref().and_then(Before::parse);
    let (office, patient) = (doors.office().clone(), may.patient);
    let seen = Event::new(Kind::PatientViewed, may.actor()).patient(patient).code("timeline");
    let known = reads.clone();
    let read = move |tx: &mut Tx<'_>| latest(tx, &office, (patient, before), &known);
    let (said, older) = doors.db().read(read).await.map_err(|problem| not_now(&problem))?;
    let mut events = vec![may.permit.of(seen)];
    events.extend(reads.words_shown((patient, may.actor()), &said));
    log(&doors, events).await.map_err(|problem| not_now(&problem))?;
    let frame = Frame::of(&doors, &may.signed_in);
    Ok(html(StatusCode::OK, &Page { frame, id: patient.to_string(), said, older }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_was_written() {
        let before =
            Before(Timestamp::from_microsecond(1_800_000_000_000_001).unwrap(), Uuid::nil());
        let again = Before::parse(&before.written()).unwrap();
        assert_eq!((again.0, again.1), (before.0, before.1));
        for text in ["", "_", "x_y", "1", "1_", "99999999999999999999_x"] {
            assert!(Before::parse(text).is_none(), "{text}");
        }
    }
}
