//! Everything that was said with a patient, newest first: what we sent, on whichever channel, and
//! what they answered. The words only where this person may read them; that something was said, and
//! what became of it, always.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::PatientId;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::super::page::{Frame, html, not_now};
use super::super::reader::Reader;
use super::super::signed_in::{MayOf, SeePatient};
use super::super::words::{self, When};
use crate::access::records::Whose;
use crate::audit::{Actor, Event, Kind};
use crate::db::Tx;
use crate::db::inbound_message::{self, Came};
use crate::db::message::{self, Stored};
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::params::Query;
use crate::http::views::seen;
use crate::office::Office;

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
    reader: &mut Reader<'_>,
    whose: &Whose,
    (patient, before): (PatientId, Option<Before>),
) -> Result<(Vec<Said>, Option<String>), Problem> {
    let practice = reader.office.practice();
    // No row is as late as this one.
    let Before(at, id) = before.unwrap_or(Before(Timestamp::MAX, Uuid::max()));
    let sent = message::of_patient(tx, practice, patient, (at, id), ROWS + 1)?;
    let came = inbound_message::of_patient(tx, practice, patient, (at, id), ROWS + 1)?;
    let mut all: Vec<(Timestamp, Uuid, Said)> = Vec::with_capacity(sent.len() + came.len());
    for one in sent {
        all.push((one.send_at, one.id.0, ours(reader, &one, whose)));
    }
    for one in came {
        all.push((one.received_at, one.id.0, theirs(reader, &one, whose)));
    }
    all.sort_by_key(|(at, id, _)| std::cmp::Reverse((*at, *id)));
    let rows = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = all.len() > rows;
    all.truncate(rows);
    let next = all.last().filter(|_| more).map(|(at, id, _)| Before(*at, *id).written());
    Ok((all.into_iter().map(|(_, _, said)| said).collect(), next))
}

fn ours(reader: &mut Reader<'_>, one: &Stored, whose: &Whose) -> Said {
    Said {
        id: one.id.to_string(),
        at: reader.when(one.send_at),
        ours: true,
        channel: words::channel_words(one.channel.as_str()),
        what: words::kind_words(one.kind.as_str()),
        language: one.language.as_str(),
        text: reader.said(
            (one.id, one.kind, one.basis.as_deref()),
            (&one.content_sealed, &one.record_wrap),
            whose,
        ),
        state: words::state_words(one.state.as_str()).to_owned(),
        tone: words::state_tone(one.state.as_str()),
    }
}

fn theirs(reader: &mut Reader<'_>, one: &Came, whose: &Whose) -> Said {
    let first = one.intents.split_whitespace().next().unwrap_or_default();
    let sealed = (one.content_sealed.as_slice(), one.record_wrap.as_slice());
    let heard = reader.heard((one.id, &one.intents), sealed, whose);
    Said {
        id: one.id.to_string(),
        at: reader.when(one.received_at),
        ours: false,
        channel: words::channel_words(one.channel.as_str()),
        what: words::intent_words(first),
        language: "",
        text: heard.map(|(words, _)| words),
        state: words::effect_words(&one.effect),
        tone: words::effect_tone(&one.effect),
    }
}

/// The entry for words that are shown, where there are any.
pub(super) fn words_shown(
    reader: Reader<'_>,
    (patient, actor): (PatientId, Actor),
    said: &[Said],
) -> Option<Event> {
    let shown = said.iter().filter(|one| one.text.is_some()).count();
    let event = Event::new(Kind::ContentViewed, actor).patient(patient).code("timeline");
    (shown > 0).then(|| reader.recorded(event).code(format!("rows={shown}")))
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
    let before = asked.before.as_deref().and_then(Before::parse);
    let (patient, who, whose) = (may.patient, may.signed_in.clone(), may.whose.clone());
    let event = Event::new(Kind::PatientViewed, may.actor()).patient(patient).code("timeline");
    let event = may.permit.of(event);
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let mut reader = Reader::of(office, &who, Some(patient));
        let (said, older) = latest(tx, &mut reader, &whose, (patient, before))?;
        let mut events = vec![event];
        events.extend(words_shown(reader, (patient, who.actor()), &said));
        Ok::<_, Problem>(((said, older), events))
    };
    let (said, older) = seen(&doors, look).await.map_err(|problem| not_now(&problem))?;
    let frame = Frame::of(&doors, &may.signed_in).at("/people");
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
