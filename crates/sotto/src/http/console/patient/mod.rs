//! `/people/{patient}`: one patient. Who it is, how to reach them and how not, what they agreed to,
//! who may hear what, their visits, and what was said. What is shown is on the log, once for each
//! time; the birth date stays covered until somebody asks for it, which is on the log too.
//!
//! Every form calls the function that the API and the command line call ([`record`]). Where it says
//! no, the page comes back with what was typed and the field that is wrong ([`typed`]).

pub mod answers;
pub mod disclosures;
pub mod files;
pub mod hand_over;
pub mod holds;
pub mod record;
pub mod release;
pub mod said;

pub(super) mod say;
mod sheet;
pub(super) mod typed;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gate::PatientId;
use serde::Deserialize;

use self::said::Said;
use self::sheet::{Sheet, Shows};
use self::typed::Typed;
use super::page::{Frame, html, not_now};
use super::reader::{Reader, conversation};
use super::signed_in::{MayOf, SeePatient, leave_with};
use crate::access::policies::{self, About, Action, Permit, Principal, Resource, Tag};
use crate::access::records::Whose;
use crate::access::sessions::SignedIn;
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::params::Query;
use crate::http::views::seen;
use crate::office::Office;
use crate::people::consent_texts::{RiskText, risk_text};

#[derive(Template)]
#[template(path = "console/patient.html")]
struct Page {
    frame: Frame,
    sheet: Sheet,
    said: Vec<Said>,
    /// Where the page of older things begins.
    older: Option<String>,
    may: May,
    typed: Typed,
    done: Option<&'static str>,
    me: String,
    risks: Vec<(&'static str, RiskText)>,
    categories: Vec<(&'static str, &'static str)>,
}

/// What this person may do here: which forms there are.
#[derive(Debug, Clone, Copy, Default)]
struct May {
    contacts: bool,
    consents: bool,
    hand_over: bool,
    restrictions: bool,
    release: bool,
    hold: bool,
    write: bool,
    sealed: bool,
    /// See that what was said is closed to most.
    tags: bool,
}

impl May {
    fn of(principal: &Principal, whose: &Whose) -> Self {
        let record = Resource::Patient(whose.clone());
        let may = |action| policies::may(principal, action, &record).is_ok();
        let reply = |about| {
            let said = conversation(about, whose);
            policies::may(principal, Action::Reply, &said).is_ok()
        };
        let closed = conversation(About::Clinical, &whose.clone().with(Tag::Part2));
        Self {
            contacts: may(Action::ChangeContacts),
            consents: may(Action::RecordConsent),
            hand_over: may(Action::HandOver),
            restrictions: may(Action::ManageRestrictions),
            release: may(Action::ReleaseRecords),
            hold: may(Action::HoldRecord),
            sealed: may(Action::WriteSealed),
            tags: policies::may(principal, Action::ReadConversation, &closed).is_ok(),
            write: [About::Schedule, About::Clinical, About::Account].into_iter().any(reply),
        }
    }
}

/// Which page, and with what on it.
struct Asked<'a> {
    signed_in: &'a SignedIn,
    patient: PatientId,
    whose: &'a Whose,
    permit: &'a Permit,
    show_birth: bool,
    typed: Typed,
    done: Option<&'static str>,
}

/// Reads the page and records that it was shown.
async fn show(doors: &Doors, asked: Asked<'_>) -> Result<Response, Problem> {
    let may = May::of(&asked.signed_in.before(Some(asked.patient)), asked.whose);
    let (patient, show_birth) = (asked.patient, asked.show_birth);
    let shows = Shows {
        birth: show_birth,
        tags: may.tags,
        holds: may.hold,
        part2: may.tags && asked.whose.tags.contains(&Tag::Part2),
    };
    let event = Event::new(Kind::PatientViewed, asked.signed_in.actor()).patient(patient);
    let mut event = asked.permit.of(event.code("page"));
    if show_birth {
        event = event.code("birth_date");
    }
    let (who, whose) = (asked.signed_in.clone(), asked.whose.clone());
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let Some(sheet) = sheet::read(tx, office, patient, shows)? else {
            return Err(Problem::not_found("patient"));
        };
        let mut reader = Reader::of(office, &who, Some(patient));
        let (said, older) = said::latest(tx, &mut reader, &whose, (patient, None))?;
        let mut events = vec![event];
        events.extend(said::words_shown(reader, (patient, who.actor()), &said));
        Ok(((sheet, said, older), events))
    };
    let (sheet, said, older) = seen(doors, look).await?;
    let risks = [
        ("Text", gate::Channel::Sms),
        ("Email", gate::Channel::Email),
        ("Voicemail", gate::Channel::Voicemail),
    ];
    let risks = risks
        .into_iter()
        .filter_map(|(words, channel)| Some((words, risk_text(channel, sheet.language)?)));
    let status = asked.typed.status();
    let page = Page {
        frame: Frame::of(doors, asked.signed_in).at("/people"),
        risks: risks.collect(),
        categories: say::CATEGORIES
            .map(|one| (crate::db::Word::word(&one), say::category(one)))
            .to_vec(),
        sheet,
        said,
        older,
        may,
        typed: asked.typed,
        done: asked.done,
        me: asked.signed_in.staff.named.name.clone(),
    };
    Ok(html(status, &page))
}

/// The page, or the page that says what is wrong.
async fn shown(doors: &Doors, asked: Asked<'_>) -> Response {
    show(doors, asked).await.unwrap_or_else(|problem| not_now(&problem))
}

/// What was just done, as a word of ours.
#[derive(Deserialize, Default)]
pub struct Done {
    done: Option<String>,
}

/// The sentence for it.
fn sentence(word: &str) -> Option<&'static str> {
    Some(match word {
        "contact" => "The address is written down.",
        "contact-end" => "The address is out of use. What waited for it was withdrawn.",
        "consent" => "The consent is recorded.",
        "form" => "The form is sent: a notice with a link that leads to it.",
        "released" => "Released and handed in. Somebody else looks at it in the log.",
        "consent-end" => "The consent is withdrawn. What waited under it does not go.",
        "carer" => "The person is written down. They may hear nothing yet.",
        "permit" => "What they may hear is recorded.",
        "stop" => "The opt-out is recorded. Nothing more goes there.",
        "resume" => "Messages go there again.",
        "cut-off" => "Their devices are cut off. No link that was sent opens anything.",
        "wishes" => "The wishes are recorded.",
        "bound" => "The restriction is recorded.",
        "bound-end" => "The restriction has ended.",
        "elsewhere" => "The confidential contact holds from now on, also for what waits.",
        "elsewhere-end" => "The confidential contact has ended.",
        _ => return None,
    })
}

/// `GET /people/{patient}`.
pub async fn page(
    may: MayOf<SeePatient>,
    State(doors): State<Doors>,
    Query(done): Query<Done>,
) -> Response {
    let asked = Asked {
        signed_in: &may.signed_in,
        patient: may.patient,
        whose: &may.whose,
        permit: &may.permit,
        show_birth: false,
        typed: Typed::default(),
        done: done.done.as_deref().and_then(sentence),
    };
    shown(&doors, asked).await
}

/// `POST /people/{patient}/birth-date`: the page, with the birth date uncovered.
pub async fn birth_date(may: MayOf<SeePatient>, State(doors): State<Doors>) -> Response {
    let asked = Asked {
        signed_in: &may.signed_in,
        patient: may.patient,
        whose: &may.whose,
        permit: &may.permit,
        show_birth: true,
        typed: Typed::default(),
        done: None,
    };
    shown(&doors, asked).await
}

/// The page again, with a form that was not taken.
async fn again<D>(doors: &Doors, may: &MayOf<D>, typed: Typed) -> Response {
    let record = Resource::Patient(may.whose.clone());
    let who = (&may.signed_in, Some(may.patient));
    let permit = match leave_with(doors, who, Action::SeePatient, &record).await {
        Ok(permit) => permit,
        Err(refused) => return refused,
    };
    let asked = Asked {
        signed_in: &may.signed_in,
        patient: may.patient,
        whose: &may.whose,
        permit: &permit,
        show_birth: false,
        typed,
        done: None,
    };
    shown(doors, asked).await
}
